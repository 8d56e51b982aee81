/** What a registry holds, whatever it is kept in (mesos.md §10.2). Frameworks are more than the original keeps. */
import type { AgentInfo, DrainInfo, FrameworkInfo, MachineID, MaintenanceSchedule, QuotaConfig } from '@pronoia/mesos';
import type { RegistryOperation } from './message.ts';

export interface RegistryContent {
  readonly agents: Map<string, AgentInfo>;
  /** Since when, Unix milliseconds. */
  readonly unreachable: Map<string, number>;
  readonly gone: Map<string, number>;
  /** Agents that an operator deactivated, with what is known of their draining. */
  readonly deactivated: Map<string, DrainInfo | undefined>;
  readonly weights: Map<string, number>;
  readonly quotas: Map<string, QuotaConfig>;
  readonly frameworks: Map<string, FrameworkInfo>;
  schedule: MaintenanceSchedule;
  down: readonly MachineID[];
}

export const emptyRegistry = (): RegistryContent => ({
  agents: new Map(),
  unreachable: new Map(),
  gone: new Map(),
  deactivated: new Map(),
  weights: new Map(),
  quotas: new Map(),
  frameworks: new Map(),
  schedule: {},
  down: [],
});

/** Changes `content` in place. */
export function applyOperation(content: RegistryContent, operation: RegistryOperation): void {
  switch (operation.kind) {
    case 'admit': {
      const id = operation.agent.id?.value ?? '';
      content.agents.set(id, operation.agent);
      content.unreachable.delete(id);
      return;
    }
    case 'unreachable':
      content.agents.delete(operation.agentId);
      content.unreachable.set(operation.agentId, operation.atMs);
      return;
    case 'remove':
      content.agents.delete(operation.agentId);
      content.deactivated.delete(operation.agentId);
      return;
    case 'gone':
      content.agents.delete(operation.agentId);
      content.unreachable.delete(operation.agentId);
      content.deactivated.delete(operation.agentId);
      content.gone.set(operation.agentId, operation.atMs);
      return;
    case 'deactivate':
      content.deactivated.set(operation.agentId, operation.drain);
      return;
    case 'reactivate':
      content.deactivated.delete(operation.agentId);
      return;
    case 'weights':
      for (const [role, weight] of operation.weights) content.weights.set(role, weight);
      return;
    case 'quota':
      for (const config of operation.configs) {
        if (config.guarantees === undefined && config.limits === undefined) content.quotas.delete(config.role);
        else content.quotas.set(config.role, config);
      }
      return;
    case 'maintenance':
      content.schedule = operation.schedule;
      content.down = operation.down;
      return;
    case 'framework':
      content.frameworks.set(operation.info.id?.value ?? '', operation.info);
      return;
    case 'framework_removed':
      content.frameworks.delete(operation.frameworkId);
      return;
  }
}

/** The shortest log that says the same. */
export function operationsOf(content: RegistryContent): RegistryOperation[] {
  const operations: RegistryOperation[] = [];
  for (const agent of content.agents.values()) operations.push({ kind: 'admit', agent });
  for (const [agentId, atMs] of content.unreachable) operations.push({ kind: 'unreachable', agentId, atMs });
  for (const [agentId, atMs] of content.gone) operations.push({ kind: 'gone', agentId, atMs });
  for (const [agentId, drain] of content.deactivated)
    operations.push({ kind: 'deactivate', agentId, ...(drain === undefined ? {} : { drain }) });
  if (content.weights.size > 0) operations.push({ kind: 'weights', weights: [...content.weights] });
  if (content.quotas.size > 0) operations.push({ kind: 'quota', configs: [...content.quotas.values()] });
  for (const info of content.frameworks.values()) operations.push({ kind: 'framework', info });
  if ((content.schedule.windows ?? []).length > 0 || content.down.length > 0) {
    operations.push({ kind: 'maintenance', schedule: content.schedule, down: content.down });
  }
  return operations;
}
