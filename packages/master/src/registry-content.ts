/** What a registry holds, whatever it is kept in (mesos.md §10.2). */
import type { AgentInfo } from '@pronoia/mesos';
import type { RegistryOperation } from './message.ts';

export interface RegistryContent {
  readonly agents: Map<string, AgentInfo>;
  /** Since when, Unix milliseconds. */
  readonly unreachable: Map<string, number>;
  readonly gone: Map<string, number>;
}

export const emptyRegistry = (): RegistryContent => ({ agents: new Map(), unreachable: new Map(), gone: new Map() });

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
      return;
  }
}
