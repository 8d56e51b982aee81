/**
 * One command of a task in a container of its own, run by the agent in the executor's place (mesos.md §9.5): prepared, launched, checked,
 * killed, ended. What becomes of it is reported as the original's executors report it.
 */
import type { CheckStatusInfo, CommandInfo, KillPolicy, TaskState } from '@pronoia/mesos';
import type { Timer } from '@pronoia/server';
import { type Checking, emptyCheckStatus, startCheck, startHealthCheck } from './checks.ts';
import { refusal } from './command.ts';
import { type Container, type ContainerExit, quantitiesOf } from './containerizer.ts';
import { type HeldTask, hasCapability, killGraceMs, lostState, type TaskReport } from './executor.ts';
import type { ExecutorHost, HeldExecutor } from './executor-host.ts';
import type { SandboxRequest } from './sandbox.ts';
import { signalText } from './signal-text.ts';
import { ownTurn } from './turns.ts';

/** What a command task's executor gets on top of the task (mesos.md §9.5). */
export const EXECUTOR_CPUS = 0.1;
export const EXECUTOR_MEM_MB = 32;

export class TaskRun {
  readonly task: HeldTask;
  readonly containerId: string;
  readonly ended: Promise<TaskState>;
  readonly #host: ExecutorHost;
  readonly #executor: HeldExecutor;
  readonly #sandbox: string;
  readonly #launching = new AbortController();
  #resolveEnded: (state: TaskState) => void = () => undefined;
  #container: Container | undefined;
  #isKilled = false;
  #hasOverrun = false;
  #isPreempted = false;
  #isReleased = false;
  #completionTimer: Timer | undefined;
  #checking: Checking[] = [];
  #isHealthy: boolean | undefined;
  #checkStatus: CheckStatusInfo | undefined;

  constructor(host: ExecutorHost, executor: HeldExecutor, task: HeldTask) {
    this.#host = host;
    this.#executor = executor;
    this.task = task;
    this.containerId = task.containerId ?? executor.path.containerId;
    this.#sandbox = task.containerId === undefined ? executor.sandbox : host.layout.nestedSandbox(executor.sandbox, task.containerId);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const { check } = task.info;
    if (check !== undefined) this.#checkStatus = task.updates.latest?.check_status ?? emptyCheckStatus(check);
    this.#isHealthy = task.updates.latest?.healthy;
  }

  get container(): Container | undefined {
    return this.#container;
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  start(): void {
    void this.#launch();
  }

  /** Takes up what an earlier agent process left. */
  adopt(): void {
    const { latest } = this.task.updates;
    this.#isKilled = latest?.state === 'TASK_KILLING';
    const container = this.#host.containers.recover(this.#spec());
    if (latest === undefined && container.pid === 0) {
      // It may have ended meanwhile, or never have begun.
      void container.exited.then((exit) => {
        if (exit.kind !== 'lost') this.#exited(exit);
        else this.#end({ ...fromAgent, state: 'TASK_FAILED', reason: 'REASON_AGENT_RESTARTED', message: LAUNCH_CUT_OFF });
      });
      return;
    }
    this.#follow(container);
    if (container.pid === 0 || this.#isKilled) return;
    if (latest?.state !== 'TASK_RUNNING') this.#report({ ...fromExecutor, state: 'TASK_RUNNING' });
    this.#startChecks(container);
  }

  kill(policy: KillPolicy | undefined, graceMs = killGraceMs(this.task.info, policy)): void {
    if (!this.#isKilled && this.#container !== undefined && hasCapability(this.#executor.framework.info, 'TASK_KILLING_STATE')) {
      this.#report({ ...fromExecutor, state: 'TASK_KILLING' });
    }
    this.#isKilled = true;
    this.#stopChecks();
    this.#launching.abort(new Error('killed'));
    this.#container?.kill(graceMs);
  }

  preempt(): void {
    this.#isPreempted = true;
    this.#isKilled = true;
    this.#stopChecks();
    this.#launching.abort(new Error('preempted'));
    this.#container?.kill(0);
  }

  release(): void {
    this.#isReleased = true;
    this.#stopChecks();
    this.#completionTimer?.cancel();
    this.#container?.release();
    this.#launching.abort(new Error('the agent stops'));
  }

  async #launch(): Promise<void> {
    const { info } = this.task;
    const isFetching = (info.command?.uris ?? []).length > 0;
    try {
      const refused = refusal(info) ?? this.#host.containers.refusal(info.container, info.limits);
      if (refused !== undefined) throw new Error(refused);
      if (info.command === undefined) throw new Error('the task has no command');
      let prepared: Awaited<ReturnType<ExecutorHost['sandboxes']['prepare']>>;
      try {
        prepared = await this.#host.sandboxes.prepare(this.#request(info.command), this.#launching.signal);
      } catch (error) {
        if (isFetching && !this.#isKilled) this.#host.metrics.fetches.inc({ result: 'failed' });
        throw error;
      }
      if (isFetching) this.#host.metrics.fetches.inc({ result: 'succeeded' });
      await ownTurn();
      if (this.#isKilled || this.#isReleased) throw new Error('killed while it was being launched');
      this.#report({ ...fromExecutor, state: 'TASK_STARTING' });
      const container = await this.#host.containers.launch({ ...this.#spec(), ...prepared });
      this.#host.launched(this.#executor, container.pid);
      this.#follow(container);
      // A kill that came while the container was being started found none.
      if (this.#isKilled) container.kill(0);
      else {
        this.#report({ ...fromExecutor, state: 'TASK_RUNNING' });
        this.#startChecks(container);
      }
    } catch (error) {
      if (this.#isReleased) return;
      if (this.#isPreempted) this.#end(this.#preemption());
      else if (this.#isKilled)
        this.#end({
          ...fromAgent,
          state: 'TASK_KILLED',
          reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
          message: 'Killed before it was launched',
        });
      else {
        const reason = (error as Error).message;
        this.#host.metrics.launchErrors.inc();
        this.#host.log.warn({ task: info.task_id.value, reason }, 'A task could not be launched');
        const message = `Failed to launch container: ${reason}`;
        this.#end({ ...fromAgent, state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message });
      }
    }
  }

  #request(command: CommandInfo): SandboxRequest {
    const { path, framework, sandbox } = this.#executor;
    const { info } = this.task;
    return {
      framework: framework.info,
      command,
      resources: info.resources,
      container: info.container,
      agentId: path.agentId,
      executorId: this.#executor.id,
      sandbox: this.#sandbox,
      ...(this.task.containerId === undefined
        ? {}
        : { parentSandbox: sandbox, extraEnvironment: { MESOS_CONTAINER_IP: this.#host.agentInfo().hostname } }),
    };
  }

  #spec() {
    const { info, containerId } = this.task;
    const isNested = containerId !== undefined;
    const extra = isNested ? undefined : { cpus: EXECUTOR_CPUS, memMb: EXECUTOR_MEM_MB };
    return {
      containerId: this.containerId,
      sandbox: this.#sandbox,
      quantities: quantitiesOf(info.resources ?? [], info.limits, extra),
      ...(info.container === undefined ? {} : { container: info.container }),
      ...(info.container?.tty_info === undefined ? {} : { tty: info.container.tty_info }),
      ...(isNested
        ? { parentId: this.#executor.path.containerId, isSharingCgroup: info.container?.linux_info?.share_cgroups !== false }
        : {}),
    };
  }

  /** From now on the container's end is the task's end. */
  #follow(container: Container): void {
    this.#container = container;
    const limit = this.task.info.max_completion_time;
    if (limit !== undefined) {
      const leftMs = this.task.launchedAtMs + Number(limit.nanoseconds) / 1e6 - this.#host.clock.now();
      this.#completionTimer = this.#host.clock.setTimer(leftMs, () => {
        this.#hasOverrun = true;
        this.#stopChecks();
        container.kill(killGraceMs(this.task.info, undefined));
      });
    }
    void container.exited.then((exit) => this.#exited(exit));
  }

  #startChecks(container: Container): void {
    const { check, health_check } = this.task.info;
    const { clock } = this.#host;
    const run = async (command: CommandInfo, signal: AbortSignal): Promise<number | undefined> => {
      const variables = [...(this.task.info.command?.environment?.variables ?? []), ...(command.environment?.variables ?? [])];
      const prepared = this.#host.sandboxes.command(this.#request({ ...command, environment: { variables } }));
      return container.exec(prepared, signal);
    };
    if (check !== undefined) {
      const changed = (status: CheckStatusInfo): void => {
        this.#checkStatus = status;
        this.#report({ ...fromExecutor, state: 'TASK_RUNNING', reason: 'REASON_TASK_CHECK_STATUS_UPDATED' });
      };
      this.#checking.push(startCheck(check, clock, run, changed));
    }
    if (health_check !== undefined) {
      this.#checking.push(
        startHealthCheck(health_check, clock, run, ({ isHealthy, isHopeless }) => {
          this.#isHealthy = isHealthy;
          this.#report({ ...fromExecutor, state: 'TASK_RUNNING', reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' });
          if (!isHopeless) return;
          this.#host.log.info({ task: this.task.info.task_id.value }, 'A task is killed: its health check failed too often');
          this.kill(undefined);
        }),
      );
    }
  }

  #stopChecks(): void {
    for (const checking of this.#checking) checking.stop();
    this.#checking = [];
  }

  #exited(exit: ContainerExit): void {
    this.#completionTimer?.cancel();
    this.#stopChecks();
    if (this.#isReleased) return;
    const { limitation } = exit;
    if (this.#isPreempted) return this.#end(this.#preemption());
    if (limitation !== undefined && !this.#isKilled) {
      const { reason, message, resources } = limitation;
      return this.#end({ ...fromAgent, state: 'TASK_FAILED', reason, message, limitation: { resources } });
    }
    if (exit.kind === 'lost') {
      if (this.#isKilled) return this.#end({ ...fromExecutor, state: 'TASK_KILLED', message: 'Command was killed' });
      const message = "The task's supervisor was killed, and its processes with it";
      return this.#end({ ...fromAgent, state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED', message });
    }
    const message =
      exit.kind === 'exited' ? `Command exited with status ${exit.status}` : `Command terminated with signal ${signalText(exit.signal)}`;
    if (this.#isKilled) this.#end({ ...fromExecutor, state: 'TASK_KILLED', message });
    else if (this.#hasOverrun) this.#end({ ...fromExecutor, state: 'TASK_FAILED', reason: 'REASON_MAX_COMPLETION_TIME_REACHED', message });
    else if (exit.kind === 'exited' && exit.status === 0) this.#end({ ...fromExecutor, state: 'TASK_FINISHED', message });
    else this.#end({ ...fromExecutor, state: 'TASK_FAILED', reason: 'REASON_COMMAND_EXECUTOR_FAILED', message });
  }

  #preemption(): TaskReport {
    const state = lostState(this.#executor.framework.info, 'TASK_GONE');
    return { ...fromAgent, state, reason: 'REASON_CONTAINER_PREEMPTED', message: 'Container preempted: the machine needs its resources' };
  }

  #end(report: TaskReport): void {
    this.#report(report);
    this.#resolveEnded(report.state);
  }

  /** The last known health and check go along with every later update. */
  #report(report: TaskReport): void {
    this.#host.report(this.#executor, this.task, {
      ...report,
      ...(this.#isHealthy === undefined ? {} : { healthy: this.#isHealthy }),
      ...(this.#checkStatus === undefined ? {} : { check_status: this.#checkStatus }),
    });
  }
}

const LAUNCH_CUT_OFF = 'The agent stopped while it was launching the task';
const fromExecutor = { source: 'SOURCE_EXECUTOR' } as const;
const fromAgent = { source: 'SOURCE_AGENT' } as const;
