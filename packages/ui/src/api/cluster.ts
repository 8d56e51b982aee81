/**
 * The cluster as the page sees it: the master's and the agents' own JSON endpoints (mesos.md §6), through the monitor's
 * read-only proxies. Wire names are kept where they are the field's own.
 */
import { fetchJson } from './fetch-json.ts';

/** Scalars by name; `ports` is text such as `[31000-32000]`. `mem` and `disk` are MB. */
export interface ResourceSums {
  readonly cpus?: number;
  readonly mem?: number;
  readonly disk?: number;
}

export interface AgentSummary {
  readonly id: string;
  readonly hostname: string;
  readonly pid?: string;
  readonly active: boolean;
  readonly resources: ResourceSums;
  readonly used_resources: ResourceSums;
  readonly offered_resources?: ResourceSums;
  /** Unix seconds. */
  readonly registered_time?: number;
}

export interface TaskSummary {
  readonly id: string;
  readonly name: string;
  readonly framework_id: string;
  readonly executor_id: string;
  readonly slave_id: string;
  readonly state: string;
  readonly resources: ResourceSums;
  readonly statuses: readonly { readonly state: string; readonly timestamp: number; readonly message?: string }[];
}

export interface FrameworkSummary {
  readonly id: string;
  readonly name: string;
  readonly user?: string;
  readonly role?: string;
  readonly roles?: readonly string[];
  readonly active: boolean;
  readonly used_resources?: ResourceSums;
  readonly registered_time?: number;
  readonly unregistered_time?: number;
  readonly tasks: readonly TaskSummary[];
  readonly completed_tasks: readonly TaskSummary[];
}

export interface ClusterState {
  readonly id: string;
  readonly version: string;
  readonly hostname?: string;
  readonly leader?: string;
  readonly slaves: readonly AgentSummary[];
  readonly frameworks: readonly FrameworkSummary[];
  readonly completed_frameworks: readonly FrameworkSummary[];
}

export function clusterState(signal?: AbortSignal): Promise<ClusterState> {
  return fetchJson('/proxy/master/state', signal);
}

export interface SandboxFile {
  readonly path: string;
  readonly size: number;
  readonly mtime: number;
  readonly mode: string;
}

/** The agent's own name for the newest run of an executor (mesos.md §6.5, virtual paths). */
export function sandboxOf(task: Pick<TaskSummary, 'framework_id' | 'executor_id' | 'id'>): string {
  const executor = task.executor_id === '' ? task.id : task.executor_id;
  return `/frameworks/${task.framework_id}/executors/${executor}/runs/latest`;
}

export function browse(agentId: string, path: string, signal?: AbortSignal): Promise<readonly SandboxFile[]> {
  return fetchJson(`/proxy/agent/${encodeURIComponent(agentId)}/files/browse?path=${encodeURIComponent(path)}`, signal);
}

/** Reads up to 64 KiB from `offset`; offset −1 answers only the size, as `offset`. */
export function readFile(
  agentId: string,
  path: string,
  offset: number,
  signal?: AbortSignal,
): Promise<{ readonly offset: number; readonly data: string }> {
  const query = new URLSearchParams({ path, offset: String(offset) }).toString();
  return fetchJson(`/proxy/agent/${encodeURIComponent(agentId)}/files/read?${query}`, signal);
}
