/**
 * The original's command and default executors (mesos.md §9.5), run by the agent itself: no process of their own, one container a task.
 * A command executor holds one task in its own container; the default executor holds task groups, each task in a container nested in
 * its, and the first that fails or is killed takes its group along.
 */
import type { KillPolicy } from '@pronoia/mesos';
import { relink } from './checkpoint.ts';
import { quantitiesOf } from './containerizer.ts';
import type { ExecutorDriver, HeldTask, RunningContainer } from './executor.ts';
import type { ExecutorHost, HeldExecutor } from './executor-host.ts';
import { TaskRun } from './task-run.ts';

export class BuiltInExecutor implements ExecutorDriver {
  readonly ended: Promise<void>;
  readonly #host: ExecutorHost;
  readonly #executor: HeldExecutor;
  readonly #runs = new Map<string, TaskRun>();
  #resolveEnded: () => void = () => undefined;
  #isReleased = false;

  constructor(host: ExecutorHost, executor: HeldExecutor) {
    this.#host = host;
    this.#executor = executor;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  launch(tasks: readonly HeldTask[]): void {
    const isGroup = this.#executor.kind === 'default';
    const runs = tasks.map((task) => this.#add(task));
    this.#executor.state = 'RUNNING';
    if (isGroup) this.#prepareGroup();
    for (const run of runs) {
      const { containerId } = run.task;
      if (containerId !== undefined)
        relink(this.#host.layout.taskLink(this.#executor.sandbox, run.task.info.task_id.value), `../containers/${containerId}`);
      run.start();
    }
  }

  /** Takes up tasks of an earlier agent process, those that are not over. */
  adopt(tasks: readonly HeldTask[]): void {
    const runs = tasks.map((task) => this.#add(task));
    this.#executor.state = 'RUNNING';
    for (const run of runs) run.adopt();
    if (runs.length === 0) this.#end();
  }

  kill(task: HeldTask, policy: KillPolicy | undefined): void {
    this.#runs.get(task.info.task_id.value)?.kill(policy);
  }

  message(): void {
    this.#host.log.warn({ executor: this.#executor.id }, 'Dropped a framework message: a built-in executor has nobody to read it');
  }

  shutdown(graceMs: number): void {
    this.#executor.state = 'TERMINATING';
    for (const run of this.#runs.values()) run.kill(undefined, graceMs);
    if (this.#runs.size === 0) this.#end();
  }

  destroy(): void {
    this.#executor.state = 'TERMINATING';
    for (const run of this.#runs.values()) run.preempt();
  }

  release(): void {
    this.#isReleased = true;
    for (const run of this.#runs.values()) run.release();
  }

  containers(): RunningContainer[] {
    const { path } = this.#executor;
    return [...this.#runs.values()].map(({ task, containerId, container }) => ({
      containerId,
      ...(task.containerId === undefined ? {} : { parentId: path.containerId }),
      pid: container?.hasExited === false ? container.pid : 0,
      task: task.info,
      container,
    }));
  }

  /** The resources of the executor and all its tasks hold for the whole, as one container (mesos.md §9.5). */
  #prepareGroup(): void {
    const { process } = this.#host.containers;
    const quantities = quantitiesOf(
      [...(this.#executor.info.resources ?? []), ...[...this.#runs.values()].flatMap(({ task }) => task.info.resources ?? [])],
      undefined,
    );
    try {
      process.createGroup(this.#executor.path.containerId, quantities);
    } catch (error) {
      this.#host.log.error(
        { executor: this.#executor.id, error: (error as Error).message },
        'The control group of a task group cannot be made',
      );
    }
  }

  #add(task: HeldTask): TaskRun {
    const run = new TaskRun(this.#host, this.#executor, task);
    const id = task.info.task_id.value;
    this.#runs.set(id, run);
    void run.ended.then((state) => {
      if (this.#isReleased) return;
      this.#runs.delete(id);
      if (state !== 'TASK_FINISHED') {
        for (const other of task.group) {
          const mate = this.#runs.get(other);
          if (mate !== undefined && !mate.isKilled) mate.kill(undefined);
        }
      }
      if (this.#runs.size === 0) this.#end();
    });
    return run;
  }

  #end(): void {
    if (this.#executor.state === 'TERMINATED') return;
    if (this.#executor.kind === 'default') this.#host.containers.process.removeGroup(this.#executor.path.containerId);
    this.#resolveEnded();
    this.#host.exited(this.#executor, 0);
  }
}
