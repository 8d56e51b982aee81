/**
 * What the agent must know after a restart, as small JSON files under `work_dir/meta` (mesos.md §9.3). Every file is written beside
 * its place and renamed, so a reader finds the old one or the new one. Only frameworks with `checkpoint: true` are taken up again.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AgentInfo, type FrameworkInfo, parseJson, type TaskInfo } from '@pronoia/mesos';
import { errors } from './errors.ts';
import type { Layout, RunPath } from './layout.ts';

export interface RecoveredRun {
  readonly path: RunPath;
  readonly framework: FrameworkInfo;
  readonly task: TaskInfo;
  /** File of the task's status updates. */
  readonly updates: string;
  readonly launchedAtMs: number;
}

interface RunRecord {
  readonly task: TaskInfo;
  readonly launched_at_ms: number;
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
  const beside = `${link}.new`;
  rmSync(beside, { force: true });
  symlinkSync(target, beside);
  renameSync(beside, link);
}

export class Checkpoint {
  readonly #layout: Layout;

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

  writeFramework(agentId: string, info: FrameworkInfo): void {
    writeFileAtomically(join(this.#layout.frameworkMeta(agentId, info.id?.value ?? ''), 'framework.info'), stringify(info));
  }

  /** Must be on disk before the task starts: without it a restarted agent would not know whose container it finds. Returns the updates file. */
  writeRun(path: RunPath, task: TaskInfo, launchedAtMs: number): string {
    const record: RunRecord = { task, launched_at_ms: launchedAtMs };
    const folder = this.#layout.taskMeta(path, task.task_id.value);
    writeFileAtomically(join(folder, 'task.info'), stringify(record));
    relink(join(this.#layout.executorMeta(path), 'runs', 'latest'), path.containerId);
    return join(folder, 'task.updates');
  }

  /** Where the supervisor's pid can be read, for people; the agent itself finds supervisors by their command lines. */
  writePid(path: RunPath, pid: number): void {
    writeFileAtomically(join(this.#layout.runMeta(path), 'pids', 'forked.pid'), `${pid}\n`);
  }

  /** The run needs no recovery any more: everything about it was acknowledged. */
  completeRun(path: RunPath): void {
    writeFileAtomically(join(this.#layout.runMeta(path), 'executor.sentinel'), '');
  }

  /** Runs without a sentinel. `onDamage` is told about each record that cannot be read; the others are still found. */
  readRuns(agentId: string, onDamage: (path: string, error: unknown) => void): RecoveredRun[] {
    const runs: RecoveredRun[] = [];
    for (const frameworkId of list(join(this.#layout.agentMeta(agentId), 'frameworks'))) {
      const infoPath = join(this.#layout.frameworkMeta(agentId, frameworkId), 'framework.info');
      let framework: FrameworkInfo;
      try {
        framework = parseJson(readFileSync(infoPath, 'utf8')) as FrameworkInfo;
      } catch (error) {
        onDamage(infoPath, error);
        continue;
      }
      for (const executorId of list(join(this.#layout.frameworkMeta(agentId, frameworkId), 'executors'))) {
        const runsFolder = join(this.#layout.executorMeta({ agentId, frameworkId, executorId }), 'runs');
        for (const containerId of list(runsFolder).filter((name) => name !== 'latest')) {
          const path: RunPath = { agentId, frameworkId, executorId, containerId };
          const content = list(this.#layout.runMeta(path));
          if (content.includes('executor.sentinel') || !content.includes('tasks')) continue;
          const taskId = list(join(this.#layout.runMeta(path), 'tasks'))[0];
          if (taskId === undefined) continue;
          const taskPath = join(this.#layout.taskMeta(path, taskId), 'task.info');
          try {
            const record = parseJson(readFileSync(taskPath, 'utf8')) as RunRecord;
            if (typeof record?.task?.task_id?.value !== 'string') throw new Error('it holds no task');
            const updates = join(this.#layout.taskMeta(path, taskId), 'task.updates');
            runs.push({ path, framework, task: record.task, updates, launchedAtMs: record.launched_at_ms });
          } catch (error) {
            onDamage(taskPath, error);
          }
        }
      }
    }
    return runs;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
