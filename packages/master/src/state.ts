/**
 * What a master knows. `step` is the only one to change it; everything that shows it (operator API, legacy JSON, metrics) reads it.
 * Frameworks, tasks and offers are not durable: agents and schedulers bring them back (mesos.md §10.2).
 */
import { Allocator, type AllocatorOptions } from '@pronoia/allocator';
import type {
  AgentFeature,
  AgentInfo,
  AgentInfoCapability,
  DomainInfo,
  DrainInfo,
  ExecutorInfo,
  FrameworkInfo,
  FrameworkInfoCapabilityType,
  InverseOfferStatus,
  KillPolicy,
  MachineID,
  MaintenanceSchedule,
  MasterInfo,
  OfferConstraints,
  Operation,
  OperationStatus,
  QuotaConfig,
  Resources,
  Task,
  TaskState,
  Unavailability,
} from '@pronoia/mesos';
import { Counters } from './counters.ts';
import type { Authorize } from './security/acls.ts';

export interface MasterOptions {
  readonly allocationIntervalMs: number;
  readonly agentPingTimeoutMs: number;
  readonly maxAgentPingTimeouts: number;
  readonly agentReregisterTimeoutMs: number;
  /** Least time between two agents that are marked unreachable for not answering; 0: none. */
  readonly agentRemovalSpacingMs: number;
  /** Offers that nobody answers for so long are rescinded; undefined: never. */
  readonly offerTimeoutMs: number | undefined;
  readonly maxCompletedFrameworks: number;
  readonly maxCompletedTasksPerFramework: number;
  readonly maxUnreachableTasksPerFramework: number;
  readonly maxOperatorStreams: number;
  readonly heartbeatIntervalMs: number;
  /** May frameworks run tasks as root? */
  readonly rootSubmissions: boolean;
  /** `--roles`: the only roles that may be used; undefined: any. */
  readonly roles: ReadonlySet<string> | undefined;
  readonly allocator: Pick<AllocatorOptions, 'minAllocatable' | 'fairSharingExcluded' | 'filterGpuResources' | 'domain' | 'sorters'>;
  /** `--acls` */
  readonly authorize: Authorize;
  /** `--domain`: where this master is. */
  readonly domain: DomainInfo | undefined;
  readonly requireAgentDomain: boolean;
  readonly publishPerFrameworkMetrics: boolean;
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface TaskEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  /** The wire's view; `state` is the newest that the agent knows, `statuses` what the scheduler was told. */
  readonly task: Mutable<Task>;
  /** With allocation marks. */
  readonly resources: Resources;
  /** Its resources were given back: the agent has it in a terminal state, or it is unreachable. */
  isFreed: boolean;
  /** A kill that the agent may not have got yet; sent again when it comes back. */
  kill: { readonly killPolicy: KillPolicy | undefined } | undefined;
  unreachableMs: number | undefined;
}

export interface ExecutorEntry {
  readonly info: ExecutorInfo;
  /** With allocation marks. */
  readonly resources: Resources;
}

/** An operation whose end was told and is not acknowledged yet. */
export interface PendingOperation {
  readonly operation: Operation;
  readonly uuid: string;
  retryMs: number;
}

export interface FrameworkEntry {
  readonly id: string;
  info: FrameworkInfo;
  roles: readonly string[];
  capabilities: ReadonlySet<FrameworkInfoCapabilityType>;
  offerConstraints: OfferConstraints | undefined;
  /** The open stream of its scheduler; undefined while disconnected. */
  streamId: string | undefined;
  isActive: boolean;
  /** Known only from agents so far: its scheduler has not come since this master started. */
  isRecovered: boolean;
  readonly registeredMs: number;
  reregisteredMs: number | undefined;
  unregisteredMs: number | undefined;
  disconnectedMs: number | undefined;
  /** Counts subscriptions: a failover timer that was set under an older count is void. */
  subscriptions: number;
  /** Not terminal, or terminal but not yet acknowledged. */
  readonly tasks: Map<string, TaskEntry>;
  readonly unreachableTasks: Map<string, TaskEntry>;
  /** Newest last. */
  readonly completedTasks: TaskEntry[];
  readonly offers: Set<string>;
  /** By agent id, by executor id. */
  readonly executors: Map<string, Map<string, ExecutorEntry>>;
  readonly counters: Counters;
  /** The last answers to operations that carried an id, by that id. */
  readonly operations: Map<string, OperationStatus>;
  /** Done, told, and not acknowledged yet. */
  readonly pendingOperations: Map<string, PendingOperation>;
  /** Its description as the registry has it. */
  remembered: string | undefined;
}

export interface AgentEntry {
  readonly id: string;
  info: AgentInfo;
  version: string;
  capabilities: readonly AgentInfoCapability[];
  features: ReadonlySet<AgentFeature>;
  /** The address from which it dialled. */
  ip: string;
  /** Without allocation marks. */
  total: Resources;
  /** Its open stream; undefined while the link is broken. */
  streamId: string | undefined;
  /** The newest link, open or broken: pings belong to it. */
  lastStreamId: string;
  /** By an operator's word: no offers. */
  isDeactivated: boolean;
  drain: DrainInfo | undefined;
  drainStartMs: number | undefined;
  /** From the maintenance schedule. */
  unavailability: Unavailability | undefined;
  readonly registeredMs: number;
  reregisteredMs: number | undefined;
  /** Pings since the last answer. */
  pingsUnanswered: number;
  /** A removal is under way in the registry. */
  isLeaving: boolean;
  /** By framework id, by task id. */
  readonly tasks: Map<string, Map<string, TaskEntry>>;
  readonly executors: Map<string, Map<string, ExecutorEntry>>;
  readonly offers: Set<string>;
}

export interface OfferEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  /** With allocation marks. */
  readonly resources: Resources;
  readonly madeMs: number;
}

export interface InverseOfferEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly madeMs: number;
}

export interface MasterState {
  readonly info: MasterInfo;
  readonly options: MasterOptions;
  /** When the process began. */
  readonly startedMs: number;
  /** When it began to lead. */
  readonly electedMs: number;
  readonly allocator: Allocator;
  readonly frameworks: Map<string, FrameworkEntry>;
  /** Oldest first. */
  readonly completedFrameworks: Map<string, FrameworkEntry>;
  readonly agents: Map<string, AgentEntry>;
  /** By `ip:port`. */
  readonly agentByAddress: Map<string, string>;
  /** In the registry when this master started, not back yet. */
  readonly recoveredAgents: Map<string, AgentInfo>;
  /** Since when. */
  readonly unreachableAgents: Map<string, number>;
  readonly goneAgents: Map<string, number>;
  readonly offers: Map<string, OfferEntry>;
  readonly frameworkByStream: Map<string, string>;
  readonly agentByStream: Map<string, string>;
  /** Streams of the operator API's SUBSCRIBE, oldest first. */
  readonly operatorStreams: Set<string>;
  readonly weights: Map<string, number>;
  /** By top-level role. */
  readonly quotas: Map<string, QuotaConfig>;
  schedule: MaintenanceSchedule;
  /** Machines that an operator took down. */
  downMachines: readonly MachineID[];
  readonly inverseOffers: Map<string, InverseOfferEntry>;
  /** What frameworks said to the last inverse offer, by agent id and framework id. */
  readonly inverseAnswers: Map<string, Map<string, InverseOfferStatus>>;
  /** Until when a framework is not asked again, by `agent/framework`. */
  readonly inverseFilters: Map<string, number>;
  /** What operators said of agents that are not here now. */
  readonly deactivatedAgents: Map<string, DrainInfo | undefined>;
  /** Registered agents that are told to end their tasks. */
  readonly drainingAgents: Set<string>;
  /** `--whitelist`: hosts whose agents are offered; undefined: all. */
  whitelist: ReadonlySet<string> | undefined;
  readonly counters: Counters;
  /** When the last agent was marked unreachable for not answering. */
  lastRemovalMs: number;
  /** An event-driven allocation is already on its way. */
  isAllocationDue: boolean;
  nextFramework: number;
  nextAgent: number;
  nextOffer: number;
}

export function createState(info: MasterInfo, options: MasterOptions, electedMs: number, startedMs = electedMs): MasterState {
  return {
    info,
    options,
    startedMs,
    electedMs,
    allocator: new Allocator({ ...options.allocator, allocationIntervalMs: options.allocationIntervalMs }),
    frameworks: new Map(),
    completedFrameworks: new Map(),
    agents: new Map(),
    agentByAddress: new Map(),
    recoveredAgents: new Map(),
    unreachableAgents: new Map(),
    goneAgents: new Map(),
    offers: new Map(),
    frameworkByStream: new Map(),
    agentByStream: new Map(),
    operatorStreams: new Set(),
    weights: new Map(),
    quotas: new Map(),
    schedule: {},
    downMachines: [],
    inverseOffers: new Map(),
    inverseAnswers: new Map(),
    inverseFilters: new Map(),
    deactivatedAgents: new Map(),
    drainingAgents: new Set(),
    whitelist: undefined,
    counters: new Counters(),
    lastRemovalMs: Number.NEGATIVE_INFINITY,
    isAllocationDue: false,
    nextFramework: 0,
    nextAgent: 0,
    nextOffer: 0,
  };
}

export const isConnected = (entry: { readonly streamId: string | undefined }): boolean => entry.streamId !== undefined;

/** Whether its resources are offered at all, as far as operators have a say. */
export const isOffered = (state: MasterState, agent: AgentEntry): boolean =>
  !agent.isDeactivated && state.whitelist?.has(agent.info.hostname) !== false;

export const isPartitionAware = (framework: FrameworkEntry): boolean => framework.capabilities.has('PARTITION_AWARE');

/** The state's name for a framework that knows partitions, TASK_LOST for one that does not (mesos.md §2.8). */
export const stateFor = (framework: FrameworkEntry | undefined, state: TaskState): TaskState =>
  framework !== undefined && isPartitionAware(framework) ? state : 'TASK_LOST';
