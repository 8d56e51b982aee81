/**
 * The private protocol between master and agent (the original's is libprocess; mesos.md §9.10 leaves ours free).
 *
 * One transport, in the shape of the scheduler API: the agent POSTs a REGISTER or REREGISTER to the master's
 * `/api/v1/agent`; the answer is a chunked RecordIO stream of `MasterToAgent` messages with a `Mesos-Stream-Id` header.
 * Everything later that the agent has to say is a POST of one `AgentToMaster` message to the same path with that header,
 * answered 202 with an empty body (400 unknown stream: the agent must re-register). The agent dials, so no connection
 * from master to agent is needed. A closed stream is a broken link.
 */
import type {
  AgentID,
  AgentInfo,
  ExecutorID,
  ExecutorInfo,
  FrameworkID,
  FrameworkInfo,
  KillPolicy,
  Resource,
  Task,
  TaskGroupInfo,
  TaskID,
  TaskInfo,
  TaskState,
  TaskStatus,
} from './messages.ts';

/**
 * What an agent can do beyond command tasks; told when it registers. The master refuses what needs a feature that is missing.
 * `CHECKPOINTED_RESOURCES`: keeps the resources that CHECKPOINT_RESOURCES brings, and registers with them again.
 * `TASK_GROUPS`: runs RUN_TASK_GROUP under the default executor.
 */
export type AgentFeature = 'CHECKPOINTED_RESOURCES' | 'TASK_GROUPS';

export interface RunTaskGroup {
  readonly framework_info: FrameworkInfo;
  readonly executor: ExecutorInfo;
  readonly task_group: TaskGroupInfo;
}

export interface RunTask {
  readonly framework_info: FrameworkInfo;
  readonly task: TaskInfo;
}

export type MasterToAgent =
  | { readonly type: 'REGISTERED'; readonly agent_id: AgentID; readonly ping_timeout_seconds: number }
  | { readonly type: 'REREGISTERED'; readonly agent_id: AgentID; readonly ping_timeout_seconds: number }
  | { readonly type: 'PING' }
  | { readonly type: 'RUN_TASK'; readonly run_task: RunTask }
  | { readonly type: 'RUN_TASK_GROUP'; readonly run_task_group: RunTaskGroup }
  /**
   * Reservations or volumes changed: this is the agent's whole total now. It is kept on disk and given as `resources` at the next
   * registration; a persistent volume that is no longer in it is deleted with its content.
   */
  | { readonly type: 'CHECKPOINT_RESOURCES'; readonly resources: readonly Resource[] }
  | { readonly type: 'KILL_TASK'; readonly framework_id: FrameworkID; readonly task_id: TaskID; readonly kill_policy?: KillPolicy }
  /** The scheduler acknowledged this update; base64 uuid. */
  | { readonly type: 'ACKNOWLEDGE'; readonly framework_id: FrameworkID; readonly task_id: TaskID; readonly uuid: string }
  | { readonly type: 'SHUTDOWN_FRAMEWORK'; readonly framework_id: FrameworkID }
  | { readonly type: 'SHUTDOWN_EXECUTOR'; readonly framework_id: FrameworkID; readonly executor_id: ExecutorID }
  /** Scheduler → executor message, base64. */
  | { readonly type: 'FRAMEWORK_MESSAGE'; readonly framework_id: FrameworkID; readonly executor_id: ExecutorID; readonly data: string }
  /** The agent is not wanted (marked gone, machine down, unknown after removal): stop all executors and exit. */
  | { readonly type: 'SHUTDOWN'; readonly message: string };

/** What an agent holds when it registers again. */
export interface AgentTasks {
  readonly frameworks: readonly FrameworkInfo[];
  readonly executors: readonly { readonly framework_id: FrameworkID; readonly executor_info: ExecutorInfo }[];
  readonly tasks: readonly Task[];
}

export type AgentToMaster =
  | {
      readonly type: 'REGISTER';
      readonly agent_info: AgentInfo;
      readonly version: string;
      readonly resources: readonly Resource[];
      readonly features?: readonly AgentFeature[];
    }
  | {
      readonly type: 'REREGISTER';
      readonly agent_info: AgentInfo;
      readonly version: string;
      readonly resources: readonly Resource[];
      readonly features?: readonly AgentFeature[];
      readonly held: AgentTasks;
    }
  | { readonly type: 'PONG' }
  /**
   * A status update: `status.uuid` must be acknowledged. `latest_state` is the task's newest state on the agent, which may be
   * ahead of this update; the master frees resources when it is terminal. Repeated until acknowledged (10 s, doubling to 10 min).
   */
  | { readonly type: 'UPDATE'; readonly framework_id: FrameworkID; readonly status: TaskStatus; readonly latest_state: TaskState }
  | { readonly type: 'EXECUTOR_EXITED'; readonly framework_id: FrameworkID; readonly executor_id: ExecutorID; readonly status: number }
  | { readonly type: 'EXECUTOR_MESSAGE'; readonly framework_id: FrameworkID; readonly executor_id: ExecutorID; readonly data: string }
  | { readonly type: 'UNREGISTER' };

export const AGENT_PROTOCOL_PATH = '/api/v1/agent';
