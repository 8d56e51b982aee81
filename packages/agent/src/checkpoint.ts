/**
 * What the agent must know after a restart, as small JSON files under `work_dir/meta` (mesos.md §9.3). Every file is written beside
 * its place and renamed, so a reader finds the old one or the new one. Only frameworks with `checkpoint: true` are taken up again.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AgentInfo, type ExecutorInfo, type FrameworkInfo, parseJson, type Resource, type TaskInfo } from '@pronoia/mesos';
import { errors } from './errors.ts';
import type { Layout, RunPath } from './layout.ts';

export interface RecoveredTask {
  readonly task: TaskInfo;
  /** File of the task's status updates. */
  readonly updates: string;
  readonly launchedAtMs: number;
  readonly containerId: string | undefined;
  readonly group: readonly string[];
}

export interface RecoveredRun {
  readonly path: RunPath;
  readonly framework: FrameworkInfo;
  /** Undefined: a command executor, which its task describes. */
  readonly executor: ExecutorInfo | undefined;
  readonly tasks: readonly RecoveredTask[];
  /** It ended and everything about it was acknowledged, at this time. */
  readonly completedAtMs: number | undefined;
}

interface TaskRecord {
  readonly task: TaskInfo;
  readonly launched_at_ms: number;
  readonly container_id?: string;
  readonly group?: readonly string[];
}

/** JSON without surprises: a 64-bit integer that is a bigint is written as text, which every reader of messages takes for a number. */
export function stringify(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => (typeof member === 'bigint' ? String(member) : member));
}

export function writeFileAtomically(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.new`;
  writeFileSync(beside, content);
  renameSync(beside, path);
}

/** Points `link` at `target` (a name beside it), whatever it pointed at before. */
export function relink(link: string, target: string): void {
  mkdirSync(dirname(link), { recursive: true });
  try {
    // Mostly there is nothing yet.
    symlinkSync(target, link);
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const beside = `${link}.new`;
  rmSync(beside, { force: true });
  symlinkSync(target, beside);
  renameSync(beside, link);
}

export class Checkpoint {
  readonly #layout: Layout;
  /** Content of `framework.info` files, by path. */
  readonly #frameworks = new Map<string, string>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** The agent's identity of last time; undefined on a first start. Throws when the file is there and cannot be read. */
  readAgent(): AgentInfo | undefined {
    const path = join(this.#layout.latestAgent, 'slave.info');
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw errors.fail('bad_state', { path, reason: (error as Error).message }, error);
    }
    let info: AgentInfo;
    try {
      info = parseJson(text) as AgentInfo;
    } catch (error) {
      throw errors.fail('bad_state', { path, reason: (error as Error).message }, error);
    }
    if (typeof info?.id?.value !== 'string') throw errors.fail('bad_state', { path, reason: 'it holds no agent id' });
    return info;
  }

  writeAgent(info: AgentInfo & { readonly id: { readonly value: string } }): void {
    writeFileAtomically(join(this.#layout.agentMeta(info.id.value), 'slave.info'), stringify(info));
    relink(this.#layout.latestAgent, info.id.value);
  }

  forgetAgent(): void {
    rmSync(this.#layout.latestAgent, { force: true });
  }

  /** Written when it has changed, not for each of its tasks. */
  writeFramework(agentId: string, info: FrameworkInfo): void {
    const path = join(this.#layout.frameworkMeta(agentId, info.id?.value ?? ''), 'framework.info');
    const text = stringify(info);
    if (this.#frameworks.get(path) === text) return;
    writeFileAtomically(path, text);
    this.#frameworks.set(path, text);
  }

  /** The framework is over, and its file may be collected. */
  forgetFramework(agentId: string, frameworkId: string): void {
    this.#frameworks.delete(join(this.#layout.frameworkMeta(agentId, frameworkId), 'framework.info'));
  }

  /** Of an executor that its tasks do not describe. */
  writeExecutor(path: RunPath, info: ExecutorInfo): void {
    writeFileAtomically(this.#layout.executorInfo(path), stringify(info));
  }

  /** Must be on disk before the task starts: without it a restarted agent would not know whose container it finds. Returns the updates file. */
  writeTask(path: RunPath, task: Omit<RecoveredTask, 'updates'>): string {
    const record: TaskRecord = {
      task: task.task,
      launched_at_ms: task.launchedAtMs,
      ...(task.containerId === undefined ? {} : { container_id: task.containerId }),
      ...(task.group.length === 0 ? {} : { group: task.group }),
    };
    const folder = this.#layout.taskMeta(path, task.task.task_id.value);
    writeFileAtomically(join(folder, 'task.info'), stringify(record));
    return join(folder, 'task.updates');
  }

  /** The newest run of an executor. */
  linkLatest(path: RunPath): void {
    relink(join(this.#layout.executorMeta(path), 'runs', 'latest'), path.containerId);
  }

  /** What the master last said this agent has, reservations and volumes included; undefined: what the flags say. */
  readResources(): Resource[] | undefined {
    const path = this.#layout.resources;
    try {
      return (parseJson(readFileSync(path, 'utf8')) as { resources: Resource[] }).resources;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw errors.fail('bad_state', { path, reason: (error as Error).message }, error);
    }
  }

  writeResources(resources: readonly Resource[]): void {
    writeFileAtomically(this.#layout.resources, stringify({ resources }));
  }

  /** Where the supervisor's pid can be read, for people; the agent itself finds supervisors by their command lines. */
  writePid(path: RunPath, pid: number): void {
    const folder = join(this.#layout.runMeta(path), 'pids');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'forked.pid'), `${pid}\n`);
  }

  /** The run needs no recovery any more: everything about it was acknowledged. */
  completeRun(path: RunPath): void {
    writeFileAtomically(join(this.#layout.runMeta(path), 'executor.sentinel'), '');
  }

  /** All runs, those that are over too. `onDamage` is told about each record that cannot be read; the others are still found. */
  readRuns(agentId: string, onDamage: (path: string, error: unknown) => void): RecoveredRun[] {
    const runs: RecoveredRun[] = [];
    const read = <T>(path: string): T | undefined => {
      try {
        return parseJson(readFileSync(path, 'utf8')) as T;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onDamage(path, error);
        return undefined;
      }
    };
    for (const frameworkId of list(join(this.#layout.agentMeta(agentId), 'frameworks'))) {
      const infoPath = join(this.#layout.frameworkMeta(agentId, frameworkId), 'framework.info');
      const framework = read<FrameworkInfo>(infoPath);
      if (framework === undefined) {
        onDamage(infoPath, new Error('the framework of its tasks is not known'));
        continue;
      }
      for (const executorId of list(join(this.#layout.frameworkMeta(agentId, frameworkId), 'executors'))) {
        const executorPath = { agentId, frameworkId, executorId };
        const executor = read<ExecutorInfo>(this.#layout.executorInfo(executorPath));
        for (const containerId of list(join(this.#layout.executorMeta(executorPath), 'runs')).filter((name) => name !== 'latest')) {
          const path: RunPath = { ...executorPath, containerId };
          const tasks: RecoveredTask[] = [];
          for (const taskId of list(join(this.#layout.runMeta(path), 'tasks'))) {
            const folder = this.#layout.taskMeta(path, taskId);
            const record = read<TaskRecord>(join(folder, 'task.info'));
            if (record === undefined) continue;
            if (typeof record.task?.task_id?.value !== 'string') {
              onDamage(folder, new Error('it holds no task'));
              continue;
            }
            tasks.push({
              task: record.task,
              updates: join(folder, 'task.updates'),
              launchedAtMs: record.launched_at_ms,
              containerId: record.container_id,
              group: record.group ?? [],
            });
          }
          if (executor === undefined && tasks.length === 0) continue;
          runs.push({ path, framework, executor, tasks, completedAtMs: this.#completedAtMs(path) });
        }
      }
    }
    return runs;
  }

  #completedAtMs(path: RunPath): number | undefined {
    return statSync(join(this.#layout.runMeta(path), 'executor.sentinel'), { throwIfNoEntry: false })?.mtimeMs;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
