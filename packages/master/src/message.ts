/** What goes into `step` and what comes out of it. */
import type {
  AgentInfo,
  AgentToMaster,
  DrainInfo,
  FrameworkInfo,
  MachineID,
  MaintenanceSchedule,
  MasterCall,
  MasterEvent,
  MasterToAgent,
  QuotaConfig,
  SchedulerCall,
  SchedulerEvent,
} from '@pronoia/mesos';
import type { FormOperation } from './operations.ts';

export type AgentRegistration = Extract<AgentToMaster, { type: 'REGISTER' | 'REREGISTER' }>;
export type AgentReport = Exclude<AgentToMaster, AgentRegistration>;
export type SubscribeCall = Extract<SchedulerCall, { type: 'SUBSCRIBE' }>;
export type FrameworkCall = Exclude<SchedulerCall, SubscribeCall>;

/** Operator calls that change something: checked, made durable, applied, then answered. */
export type OperatorWrite = Extract<
  MasterCall,
  {
    type:
      | 'UPDATE_WEIGHTS'
      | 'UPDATE_QUOTA'
      | 'SET_QUOTA'
      | 'REMOVE_QUOTA'
      | 'UPDATE_MAINTENANCE_SCHEDULE'
      | 'START_MAINTENANCE'
      | 'STOP_MAINTENANCE'
      | 'DRAIN_AGENT'
      | 'DEACTIVATE_AGENT'
      | 'REACTIVATE_AGENT'
      | 'MARK_AGENT_GONE';
  }
>;

export type MasterMessage =
  /** A scheduler's stream is open and this is what it said. */
  | { readonly kind: 'scheduler_subscribe'; readonly streamId: string; readonly call: SubscribeCall }
  /** A call that `callRefusal` let through. */
  | { readonly kind: 'scheduler_call'; readonly frameworkId: string; readonly call: FrameworkCall }
  | { readonly kind: 'scheduler_closed'; readonly streamId: string }
  | { readonly kind: 'agent_register'; readonly streamId: string; readonly ip: string; readonly message: AgentRegistration }
  | { readonly kind: 'agent_report'; readonly streamId: string; readonly message: AgentReport }
  | { readonly kind: 'agent_closed'; readonly streamId: string }
  | { readonly kind: 'operator_subscribe'; readonly streamId: string }
  | { readonly kind: 'operator_closed'; readonly streamId: string }
  | { readonly kind: 'teardown'; readonly frameworkId: string }
  | { readonly kind: 'operator_call'; readonly requestId: string; readonly call: OperatorWrite }
  | { readonly kind: 'operator_applied'; readonly requestId: string; readonly call: OperatorWrite; readonly operation: RegistryOperation }
  | {
      readonly kind: 'operator_convert';
      readonly requestId: string;
      readonly agentId: string;
      readonly operation: FormOperation;
      readonly principal: string | undefined;
    }
  /** The whitelist says something else now. */
  | { readonly kind: 'whitelist'; readonly hosts: ReadonlySet<string> | undefined }
  /** Written down; nothing more to do. */
  | { readonly kind: 'noted' }
  /** The registry has taken what was asked by the effect that carried this. */
  | {
      readonly kind: 'agent_admitted';
      readonly streamId: string;
      readonly ip: string;
      readonly agentId: string;
      readonly message: AgentRegistration;
    }
  | { readonly kind: 'agent_marked_unreachable'; readonly agentId: string }
  | { readonly kind: 'agent_gone'; readonly agentId: string; readonly atMs: number }
  | { readonly kind: 'agent_removed'; readonly agentId: string; readonly reason: 'unregistered' | 'registered' }
  | { readonly kind: 'recover_framework'; readonly info: FrameworkInfo }
  // Timers
  | { readonly kind: 'allocate'; readonly agents: 'touched' | 'all' }
  | { readonly kind: 'ping'; readonly agentId: string; readonly streamId: string }
  | { readonly kind: 'heartbeat'; readonly streamId: string }
  | { readonly kind: 'failover_timeout'; readonly frameworkId: string; readonly subscriptions: number }
  | { readonly kind: 'offer_timeout'; readonly offerId: string }
  | { readonly kind: 'operation_retry'; readonly frameworkId: string; readonly operationId: string; readonly uuid: string }
  | { readonly kind: 'recovered_agents_timeout' };

export type RegistryOperation =
  | { readonly kind: 'admit'; readonly agent: AgentInfo }
  | { readonly kind: 'unreachable'; readonly agentId: string; readonly atMs: number }
  | { readonly kind: 'remove'; readonly agentId: string }
  | { readonly kind: 'gone'; readonly agentId: string; readonly atMs: number }
  | { readonly kind: 'deactivate'; readonly agentId: string; readonly drain?: DrainInfo }
  | { readonly kind: 'reactivate'; readonly agentId: string }
  | { readonly kind: 'weights'; readonly weights: readonly (readonly [role: string, weight: number])[] }
  /** A config without guarantees and limits takes the role's quota away. */
  | { readonly kind: 'quota'; readonly configs: readonly QuotaConfig[] }
  | { readonly kind: 'maintenance'; readonly schedule: MaintenanceSchedule; readonly down: readonly MachineID[] }
  | { readonly kind: 'framework'; readonly info: FrameworkInfo }
  | { readonly kind: 'framework_removed'; readonly frameworkId: string };

export type Effect =
  | { readonly kind: 'to_scheduler'; readonly streamId: string; readonly event: SchedulerEvent }
  | { readonly kind: 'close_scheduler'; readonly streamId: string }
  | { readonly kind: 'to_agent'; readonly streamId: string; readonly message: MasterToAgent }
  | { readonly kind: 'close_agent'; readonly streamId: string }
  /** To every operator stream. */
  | { readonly kind: 'to_operators'; readonly event: MasterEvent }
  | { readonly kind: 'to_operator'; readonly streamId: string; readonly event: MasterEvent }
  | { readonly kind: 'close_operator'; readonly streamId: string }
  | { readonly kind: 'timer'; readonly afterMs: number; readonly message: MasterMessage }
  /** As soon as what is queued now is done. */
  | { readonly kind: 'soon'; readonly message: MasterMessage }
  /** Make this durable, then step `message`. */
  | { readonly kind: 'registry'; readonly operation: RegistryOperation; readonly message: MasterMessage }
  /** The answer to an operator's call. */
  | { readonly kind: 'reply'; readonly requestId: string; readonly status: number; readonly message: string }
  | { readonly kind: 'log'; readonly level: 'info' | 'warn'; readonly fields: object; readonly message: string };

/** Collects effects while one message is worked on. */
export class Outbox {
  readonly effects: Effect[] = [];

  push(effect: Effect): void {
    this.effects.push(effect);
  }

  log(level: 'info' | 'warn', fields: object, message: string): void {
    this.effects.push({ kind: 'log', level, fields, message });
  }
}

/** What every part of the core is given for the time of one message. */
export interface Step {
  readonly nowMs: number;
  readonly random: () => number;
  readonly out: Outbox;
}
