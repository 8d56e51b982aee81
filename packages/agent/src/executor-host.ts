/** What the agent does for the drivers of its executors: the same for our own and for those of frameworks. */
import type { AgentInfo, TaskStatus } from '@pronoia/mesos';
import type { Clock, Logger } from '@pronoia/server';
import type { Containers } from './containers.ts';
import type { Executor, HeldTask, TaskReport } from './executor.ts';
import type { Layout } from './layout.ts';
import type { AgentMetrics } from './metrics.ts';
import type { Sandboxes } from './sandbox.ts';

/** An executor while its driver is being made. */
export type HeldExecutor = Omit<Executor, 'driver'>;

export interface ExecutorHost {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly metrics: AgentMetrics;
  readonly layout: Layout;
  readonly containers: Containers;
  readonly sandboxes: Sandboxes;
  readonly registrationTimeoutMs: number;
  readonly reregistrationTimeoutMs: number;
  /** `--executor_shutdown_grace_period`. */
  readonly shutdownGraceMs: number;
  /** What an executor of a framework shows to be let in; undefined when nobody is asked. */
  readonly executorToken: (executor: HeldExecutor) => string | undefined;
  readonly agentInfo: () => AgentInfo;
  /** Something about a task, in the agent's or in our own executor's words. */
  report(executor: HeldExecutor, task: HeldTask, report: TaskReport): void;
  /** An update that an executor of a framework has made; its uuid and words are kept. */
  forward(executor: HeldExecutor, task: HeldTask, status: TaskStatus): void;
  /** Executor → framework. */
  sendMessage(executor: HeldExecutor, data: string): void;
  /** The supervisor's pid, for people. */
  launched(executor: HeldExecutor, pid: number): void;
  /** Nothing of it runs any more. `waitStatus` as wait(2) gives it, −1 when nobody knows. */
  exited(executor: HeldExecutor, waitStatus: number): void;
}
