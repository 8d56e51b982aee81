/**
 * Using a machine twice (mesos.md §8.6): an estimator says what may be offered on top, as revocable resources, and a controller ends what
 * runs on them when the machine needs them back. The original's own two are here, with their names and parameters.
 */
import { loadavg } from 'node:os';
import { parseResources, type Resource } from '@pronoia/mesos';
import { type Clock, CodedError, type Logger, type Timer } from '@pronoia/server';
import type { Agent } from './agent.ts';
import { resourcesOf } from './container-list.ts';
import type { AgentMetrics } from './metrics.ts';

const FIXED_ESTIMATOR = 'org_apache_mesos_FixedResourceEstimator';
const LOAD_CONTROLLER = 'org_apache_mesos_LoadQoSController';

/** The least pause between two looks, whatever `--qos_correction_interval_min` says. */
const SHORTEST_INTERVAL_MS = 1_000;

interface Modules {
  readonly libraries?: readonly {
    readonly modules?: readonly {
      readonly name?: string;
      readonly parameters?: readonly { readonly key: string; readonly value: string }[];
    }[];
  }[];
}

/** Parameters of a module in the JSON of `--modules`. */
function parametersOf(modules: string | undefined, name: string): ReadonlyMap<string, string> {
  if (modules === undefined) return new Map();
  let parsed: Modules;
  try {
    parsed = JSON.parse(modules) as Modules;
  } catch (error) {
    throw new CodedError('bad_flag', 400, `--modules: not JSON: ${(error as Error).message}`, {}, error);
  }
  const found = (parsed.libraries ?? []).flatMap((library) => library.modules ?? []).find((module) => module.name === name);
  return new Map((found?.parameters ?? []).map(({ key, value }) => [key, value]));
}

/** What is offered on top. */
export function oversubscribedResources(estimator: string | undefined, modules: string | undefined): Resource[] {
  if (estimator === undefined) return [];
  if (estimator !== FIXED_ESTIMATOR)
    throw new CodedError('bad_flag', 400, `--resource_estimator=${estimator}: only ${FIXED_ESTIMATOR} is here`);
  const text = parametersOf(modules, estimator).get('resources');
  if (text === undefined)
    throw new CodedError('bad_flag', 400, `--resource_estimator=${estimator} needs its parameter resources, by --modules`);
  return parseResources(text, '*').map((resource) => ({ ...resource, revocable: {} }));
}

export interface QosOptions {
  readonly controller: string | undefined;
  readonly modules: string | undefined;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AgentMetrics;
  /** Averages over 1, 5 and 15 min; a test hands in its own. */
  readonly load?: () => number[];
}

/** Ends all executors with revocable resources while the machine's load is above a threshold. */
export class LoadController {
  readonly #options: QosOptions;
  readonly #fiveMin: number;
  readonly #fifteenMin: number;
  #timer: Timer | undefined;

  constructor(options: QosOptions) {
    this.#options = options;
    const { controller, modules } = options;
    if (controller !== undefined && controller !== LOAD_CONTROLLER)
      throw new CodedError('bad_flag', 400, `--qos_controller=${controller}: only ${LOAD_CONTROLLER} is here`);
    const parameters = parametersOf(modules, LOAD_CONTROLLER);
    const threshold = (name: string): number => {
      const value = Number(parameters.get(name) ?? Number.POSITIVE_INFINITY);
      if (Number.isNaN(value)) throw new CodedError('bad_flag', 400, `--modules: ${name} of ${LOAD_CONTROLLER} is not a number`);
      return value;
    };
    this.#fiveMin = threshold('load_threshold_5min');
    this.#fifteenMin = threshold('load_threshold_15min');
  }

  start(agent: Agent): void {
    if (this.#options.controller === undefined) return;
    const again = (): void => {
      this.correct(agent);
      this.#timer = this.#options.clock.setTimer(Math.max(SHORTEST_INTERVAL_MS, this.#options.intervalMs), again);
    };
    this.#timer = this.#options.clock.setTimer(SHORTEST_INTERVAL_MS, again);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  correct(agent: Agent): void {
    const { log, metrics, load = loadavg } = this.#options;
    const [, five = 0, fifteen = 0] = load();
    if (five <= this.#fiveMin && fifteen <= this.#fifteenMin) return;
    for (const executor of agent.executors()) {
      if (executor.state === 'TERMINATING' || executor.state === 'TERMINATED') continue;
      if (!resourcesOf(executor).some((resource) => resource.revocable !== undefined)) continue;
      log.warn({ executor: executor.id, load_5min: five, load_15min: fifteen }, 'Preempted an executor: the machine needs its resources');
      metrics.executorsPreempted.inc();
      executor.driver.destroy('preempted');
    }
  }
}
