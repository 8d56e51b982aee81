/** A new leader's state: what the flags say, then what the registry remembers (mesos.md §10.3). */
import type { MasterInfo } from '@pronoia/mesos';
import { applyQuota } from './quota-calls.ts';
import type { RegistryContent } from './registry-content.ts';
import { createState, type MasterOptions, type MasterState } from './state.ts';

export interface Recovery {
  readonly info: MasterInfo;
  readonly options: MasterOptions;
  /** `--weights`; the registry's come on top. */
  readonly weights: readonly (readonly [role: string, weight: number])[];
  readonly content: RegistryContent;
  readonly electedMs: number;
  readonly startedMs: number;
}

export function recoverState({ info, options, weights, content, electedMs, startedMs }: Recovery): MasterState {
  const state = createState(info, options, electedMs, startedMs);
  for (const [role, weight] of [...weights, ...content.weights]) {
    state.weights.set(role, weight);
    state.allocator.setWeight(role, weight);
  }
  for (const [id, agent] of content.agents) state.recoveredAgents.set(id, agent);
  for (const [id, atMs] of content.unreachable) state.unreachableAgents.set(id, atMs);
  for (const [id, atMs] of content.gone) state.goneAgents.set(id, atMs);
  for (const [id, drain] of content.deactivated) state.deactivatedAgents.set(id, drain);
  applyQuota(state, [...content.quotas.values()]);
  state.schedule = content.schedule;
  state.downMachines = content.down;
  return state;
}
