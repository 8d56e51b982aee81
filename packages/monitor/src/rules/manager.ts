/** All rule groups of a server, over changes of the configuration. */
import type { RuleGroupConfig } from './file.ts';
import { type GroupContext, type GroupDeps, RuleGroup } from './group.ts';

export class RuleManager {
  readonly #deps: GroupDeps;
  #groupByKey = new Map<string, RuleGroup>();
  #contextJson = '';
  #isFirst = true;
  readonly #stopping = new AbortController();
  readonly #leaving = new Set<Promise<void>>();

  constructor(deps: GroupDeps) {
    this.#deps = deps;
  }

  /** Sorted by file, then name. */
  get groups(): readonly RuleGroup[] {
    return [...this.#groupByKey.values()].sort((a, b) => compare(a.config.file, b.config.file) || compare(a.config.name, b.config.name));
  }

  /** Groups that did not change go on undisturbed; changed ones hand over what they know. */
  async configure(configs: readonly RuleGroupConfig[], context: GroupContext): Promise<void> {
    const contextJson = JSON.stringify({ ...context, externalLabels: context.externalLabels.key() });
    const isSameContext = contextJson === this.#contextJson;
    this.#contextJson = contextJson;
    const old = this.#groupByKey;
    const next = new Map<string, RuleGroup>();
    for (const config of configs) {
      const key = `${config.file}\xff${config.name}`;
      const before = old.get(key);
      old.delete(key);
      if (before !== undefined && isSameContext && JSON.stringify(before.config) === JSON.stringify(config)) {
        next.set(key, before);
        continue;
      }
      const group = new RuleGroup(config, context, this.#deps, this.#isFirst);
      if (before !== undefined) {
        await before.stop();
        group.inherit(before);
      }
      next.set(key, group);
      group.start();
    }
    this.#isFirst = false;
    this.#groupByKey = next;
    for (const group of old.values()) this.#retire(group);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#groupByKey.values()].map((group) => group.stop()));
    await Promise.all(this.#leaving);
  }

  #retire(group: RuleGroup): void {
    const leaving = group
      .stop()
      .then(() => group.leaveMarkers(this.#stopping.signal))
      .catch((error: unknown) =>
        this.#deps.log.error({ group: group.config.name, error: (error as Error).message }, 'The end of a rule group could not be stored'),
      )
      .finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
