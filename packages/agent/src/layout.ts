/**
 * Where things lie under `work_dir`: the original's layout (mesos.md §9.3), so that a user finds a sandbox where he is used to.
 * `meta/…` is what the agent needs to find its tasks again, `slaves/…` are the sandboxes.
 */
import { join } from 'node:path';

export interface RunPath {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly executorId: string;
  readonly containerId: string;
}

export class Layout {
  readonly workDir: string;

  constructor(workDir: string) {
    this.workDir = workDir;
  }

  get bootId(): string {
    return join(this.workDir, 'meta', 'boot_id');
  }

  get latestAgent(): string {
    return join(this.workDir, 'meta', 'slaves', 'latest');
  }

  agentMeta(agentId: string): string {
    return join(this.workDir, 'meta', 'slaves', agentId);
  }

  frameworkMeta(agentId: string, frameworkId: string): string {
    return join(this.agentMeta(agentId), 'frameworks', frameworkId);
  }

  executorMeta(path: Omit<RunPath, 'containerId'>): string {
    return join(this.frameworkMeta(path.agentId, path.frameworkId), 'executors', path.executorId);
  }

  runMeta(path: RunPath): string {
    return join(this.executorMeta(path), 'runs', path.containerId);
  }

  taskMeta(path: RunPath, taskId: string): string {
    return join(this.runMeta(path), 'tasks', taskId);
  }

  executorFolder(path: Omit<RunPath, 'containerId'>): string {
    return join(this.workDir, 'slaves', path.agentId, 'frameworks', path.frameworkId, 'executors', path.executorId);
  }

  sandbox(path: RunPath): string {
    return join(this.executorFolder(path), 'runs', path.containerId);
  }

  latestSandbox(path: Omit<RunPath, 'containerId'>): string {
    return join(this.executorFolder(path), 'runs', 'latest');
  }

  executorInfo(path: Omit<RunPath, 'containerId'>): string {
    return join(this.executorMeta(path), 'executor.info');
  }

  nestedSandbox(sandbox: string, containerId: string): string {
    return join(sandbox, 'containers', containerId);
  }

  /** Of a task of the default executor: leads to its nested sandbox. */
  taskLink(sandbox: string, taskId: string): string {
    return join(sandbox, 'tasks', taskId);
  }

  standaloneSandbox(containerId: string): string {
    return join(this.workDir, 'containers', containerId);
  }

  get resources(): string {
    return join(this.workDir, 'meta', 'resources', 'resources_and_operations.state');
  }

  /** A persistent volume; `root` of its disk instead of the work folder. */
  volume(role: string, persistenceId: string, root?: string): string {
    return join(root ?? this.workDir, 'volumes', 'roles', role, persistenceId);
  }
}
