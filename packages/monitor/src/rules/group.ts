/**
 * Evaluates the rules of one group one after another, each on what those before it have written, on the group's own slot of the
 * epoch grid (prometheus-server.md §7.2). Samples carry the time of the slot, however late we are.
 */
import type { Appendable, Appender, AppendOptions, Labels, Queryable, Rejection } from '@pronoia/model';
import type { Clock, Logger } from '@pronoia/server';
import { followingSlot, hashText, nextSlot, waitUntil } from '../slot.ts';
import type { TemplateSample } from '../template/functions.ts';
import { type Alert, AlertingRule } from './alerting.ts';
import type { RuleGroupConfig } from './file.ts';
import type { RuleMetrics } from './metrics.ts';
import { RecordingRule } from './recording.ts';
import { type RestoreSettings, restoreForState } from './restore.ts';
import { type RuleQuery, type RuleSample, samplesOf } from './rule.ts';

export type Rule = RecordingRule | AlertingRule;

export interface GroupDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: RuleMetrics;
  readonly appendable: Appendable;
  readonly queryable: Queryable;
  readonly query: RuleQuery;
  /** Must not throw. @param expr of the rule that the alerts come from. */
  readonly notify: (alerts: readonly Alert[], expr: string) => void;
  readonly restore: RestoreSettings;
  readonly resendDelayMs: number;
}

/** What rules see of the configuration around them. */
export interface GroupContext {
  readonly defaultIntervalMs: number;
  readonly defaultQueryOffsetMs: number;
  readonly externalLabels: Labels;
  readonly externalUrl: string;
}

export interface LastRun {
  readonly atMs: number | undefined;
  readonly durationSeconds: number;
}

const staleOptions: AppendOptions = { stale: true };

export class RuleGroup {
  readonly config: RuleGroupConfig;
  readonly rules: readonly Rule[];
  readonly intervalMs: number;
  readonly #deps: GroupDeps;
  readonly #context: GroupContext;
  readonly #queryOffsetMs: number;
  readonly #offsetMs: number;
  readonly #metricLabels: { rule_group: string };
  readonly #stopping = new AbortController();
  #needsRestore: boolean;
  #running: Promise<void> = Promise.resolve();
  #lastRun: LastRun = { atMs: undefined, durationSeconds: 0 };

  /** @param needsRestore the process has just started: alerts may have a past. */
  constructor(config: RuleGroupConfig, context: GroupContext, deps: GroupDeps, needsRestore: boolean) {
    this.config = config;
    this.#context = context;
    this.#deps = deps;
    this.#needsRestore = needsRestore;
    this.intervalMs = config.intervalMs ?? context.defaultIntervalMs;
    this.#queryOffsetMs = config.queryOffsetMs ?? context.defaultQueryOffsetMs;
    this.#offsetMs = hashText(`${config.file}\xff${config.name}`) % this.intervalMs;
    this.rules = config.rules.map((rule) => (rule.kind === 'recording' ? new RecordingRule(rule) : new AlertingRule(rule, !needsRestore)));
    this.#metricLabels = { rule_group: `${config.file};${config.name}` };
  }

  get lastRun(): LastRun {
    return this.#lastRun;
  }

  /** Takes over what an earlier form of this group knew: rules are paired by name and labels, in order. */
  inherit(old: RuleGroup): void {
    const waiting = [...old.rules];
    for (const rule of this.rules) {
      const at = waiting.findIndex((other) => identityOf(other) === identityOf(rule));
      if (at < 0) continue;
      const [other] = waiting.splice(at, 1);
      rule.written = other?.written ?? rule.written;
      if (rule.kind === 'alerting' && other?.kind === 'alerting') {
        rule.alertByKey = other.alertByKey;
        rule.isRestored = other.isRestored;
      }
    }
    this.#needsRestore = old.#needsRestore;
    this.#left = waiting.flatMap(({ written }) => [...written.values()]);
  }

  /** Series of rules that are no longer in the group; marked at the next evaluation. */
  #left: readonly Labels[] = [];

  start(): void {
    const { metrics, log } = this.#deps;
    metrics.rules.set(this.#metricLabels, this.rules.length);
    metrics.interval.set(this.#metricLabels, this.intervalMs / 1000);
    this.#running = this.#run().catch((error: unknown) => {
      log.error({ group: this.config.name, error: (error as Error).message }, 'BUG: a rule group died');
    });
  }

  /** Resolves when the evaluation that is under way has ended. */
  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#running;
  }

  /** After `stop`, when the group was removed: two intervals later its series end. */
  async leaveMarkers(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    if (!(await waitUntil(clock, clock.now() + 2 * this.intervalMs, signal))) return;
    const labels = [...this.rules.flatMap(({ written }) => [...written.values()]), ...this.#left];
    await this.#write(clock.now() - this.#queryOffsetMs, [], labels);
  }

  async #run(): Promise<void> {
    const { clock, metrics } = this.#deps;
    const stop = this.#stopping.signal;
    let slotMs = nextSlot(clock.now(), this.intervalMs, this.#offsetMs);
    let runs = 0;
    while (await waitUntil(clock, slotMs, stop)) {
      metrics.iterations.inc(this.#metricLabels);
      await this.evaluate(slotMs);
      runs++;
      // The second evaluation knows whether an alert is still true; only then is its past of interest.
      if (this.#needsRestore && runs === 2) await this.#restore();
      const next = followingSlot(slotMs, clock.now(), this.intervalMs, this.#offsetMs);
      const missed = (next - slotMs) / this.intervalMs - 1;
      if (missed > 0) {
        metrics.iterationsMissed.inc(this.#metricLabels, missed);
        metrics.iterations.inc(this.#metricLabels, missed);
      }
      slotMs = next;
    }
  }

  /** One evaluation of all rules for the slot. Never rejects. */
  async evaluate(slotMs: number): Promise<void> {
    const { clock, metrics, log } = this.#deps;
    const started = clock.monotonic();
    let written = 0;
    for (const rule of this.rules) {
      if (this.#stopping.signal.aborted) return;
      const ruleStarted = clock.monotonic();
      metrics.evaluations.inc(this.#metricLabels);
      let lastError = '';
      try {
        written += await this.#evaluateRule(rule, slotMs);
      } catch (error) {
        lastError = (error as Error).message;
        metrics.failures.inc(this.#metricLabels);
        log.warn({ group: this.config.name, rule: rule.name, error: lastError }, 'Evaluating a rule failed');
      }
      const evaluationSeconds = (clock.monotonic() - ruleStarted) / 1000;
      metrics.evaluationDuration.observe(evaluationSeconds);
      rule.health = { health: lastError === '' ? 'ok' : 'err', lastError, evaluationSeconds, lastEvaluationMs: slotMs };
    }
    if (this.#left.length > 0) await this.#write(slotMs - this.#queryOffsetMs, [], this.#left).catch(() => undefined);
    this.#left = [];
    const durationSeconds = (clock.monotonic() - started) / 1000;
    this.#lastRun = { atMs: slotMs, durationSeconds };
    metrics.groupDuration.observe(durationSeconds);
    metrics.lastDuration.set(this.#metricLabels, durationSeconds);
    metrics.lastEvaluation.set(this.#metricLabels, slotMs / 1000);
    metrics.lastSamples.set(this.#metricLabels, written);
  }

  async #evaluateRule(rule: Rule, slotMs: number): Promise<number> {
    const { query, notify, resendDelayMs } = this.#deps;
    const queryMs = slotMs - this.#queryOffsetMs;
    let samples: RuleSample[];
    if (rule.kind === 'recording') {
      samples = await rule.evaluate(query, queryMs, this.config.limit);
    } else {
      samples = await rule.evaluate(query, slotMs, queryMs, this.config.limit, {
        nowMs: slotMs,
        externalLabels: this.#context.externalLabels,
        externalUrl: this.#context.externalUrl,
        query: async (text) =>
          samplesOf(await query(text, queryMs)).map(({ labels, value }): TemplateSample => ({ labels: new Map(labels), value })),
      });
      const due = rule.takeDue(slotMs, resendDelayMs, this.intervalMs);
      if (due.length > 0) notify(due, rule.config.expr);
    }
    const current = new Map(samples.map(({ labels }) => [labels.key(), labels]));
    const gone = [...rule.written].filter(([key]) => !current.has(key)).map(([, labels]) => labels);
    const refused = await this.#write(queryMs, samples, gone);
    rule.written = current;
    if (refused !== undefined) throw new Error(refused);
    return samples.length;
  }

  /** One batch: samples, and the end of those that are gone. The answer says what was refused. */
  async #write(tMs: number, samples: readonly RuleSample[], gone: readonly Labels[]): Promise<string | undefined> {
    const appender: Appender = this.#deps.appendable.appender();
    const refusals = new Map<Rejection, number>();
    try {
      for (const { labels, value } of samples) {
        const answer = appender.append(0, labels, tMs, value);
        if (typeof answer === 'string') refusals.set(answer, (refusals.get(answer) ?? 0) + 1);
      }
      for (const labels of gone) appender.append(0, labels, tMs, Number.NaN, staleOptions);
    } catch (error) {
      appender.rollback();
      throw error;
    }
    await appender.commit();
    if (refusals.size === 0) return undefined;
    return `samples refused: ${[...refusals].map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`).join(', ')}`;
  }

  async #restore(): Promise<void> {
    const { clock, queryable, restore, log } = this.#deps;
    this.#needsRestore = false;
    for (const rule of this.rules) {
      if (rule.kind !== 'alerting') continue;
      try {
        await restoreForState(rule, queryable, clock.now(), restore);
      } catch (error) {
        log.error(
          { group: this.config.name, rule: rule.name, error: (error as Error).message },
          'The state of alerts could not be restored; they start anew',
        );
      }
      rule.isRestored = true;
    }
  }
}

function identityOf(rule: Rule): string {
  return JSON.stringify([rule.kind, rule.name, rule.config.labels]);
}
