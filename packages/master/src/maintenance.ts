/** Windows in which machines go down, and asking frameworks to leave them (mesos.md §4.4, 8.6). */
import {
  type AgentInfo,
  type MachineID,
  type MaintenanceClusterStatus,
  type MaintenanceSchedule,
  offerId,
  type SchedulerCallAcceptInverseOffers,
  type Unavailability,
} from '@pronoia/mesos';
import type { Step } from './message.ts';
import { withdrawOffers } from './offers.ts';
import type { Refusal } from './refusal.ts';
import type { AgentEntry, FrameworkEntry, InverseOfferEntry, MasterState } from './state.ts';
import { msToNanoseconds } from './tasks.ts';

/** As clients spell it: the host name in lower case. */
const normal = ({ hostname, ip }: MachineID): MachineID => ({
  ...(hostname === undefined || hostname === '' ? {} : { hostname: hostname.toLowerCase() }),
  ...(ip === undefined || ip === '' ? {} : { ip }),
});

const keyOf = (machine: MachineID): string => `${machine.hostname ?? ''}|${machine.ip ?? ''}`;

/** Whether the agent is on this machine: every part that is given must be the agent's. */
const isOn = (machine: MachineID, agent: { readonly info: AgentInfo; readonly ip: string }): boolean =>
  (machine.hostname === undefined || machine.hostname === agent.info.hostname.toLowerCase()) &&
  (machine.ip === undefined || machine.ip === agent.ip);

const machinesOf = (schedule: MaintenanceSchedule): MachineID[] =>
  (schedule.windows ?? []).flatMap((window) => [...(window.machine_ids ?? [])]);

export const isDown = (state: MasterState, agent: { readonly info: AgentInfo; readonly ip: string }): boolean =>
  state.downMachines.some((machine) => isOn(machine, agent));

export const isScheduled = (state: MasterState, agent: AgentEntry): boolean =>
  machinesOf(state.schedule).some((machine) => isOn(machine, agent));

export function unavailabilityOf(state: MasterState, agent: { readonly info: AgentInfo; readonly ip: string }): Unavailability | undefined {
  return (state.schedule.windows ?? []).find((window) => (window.machine_ids ?? []).some((machine) => isOn(machine, agent)))
    ?.unavailability;
}

const bad = (message: string): Refusal => ({ status: 400, message });

function machineFault(machine: MachineID): string | undefined {
  const { hostname, ip } = normal(machine);
  if (hostname === undefined && ip === undefined) return "Both 'hostname' and 'ip' for a machine are empty";
  if (ip !== undefined && !/^\d{1,3}(\.\d{1,3}){3}$/.test(ip)) return `'ip' of a machine is not an address: ${ip}`;
  return undefined;
}

/** The schedule as it will be kept, or why not. */
export function checkedSchedule(state: MasterState, schedule: MaintenanceSchedule): MaintenanceSchedule | Refusal {
  const seen = new Set<string>();
  const windows = [];
  for (const window of schedule.windows ?? []) {
    if ((window.machine_ids ?? []).length === 0) return bad('List of machines in the maintenance window is empty');
    const { duration } = window.unavailability;
    if (duration !== undefined && duration.nanoseconds < 0) return bad("Unavailability 'duration' is negative");
    const machines = (window.machine_ids ?? []).map(normal);
    for (const machine of machines) {
      const fault = machineFault(machine);
      if (fault !== undefined) return bad(fault);
      if (seen.has(keyOf(machine))) return bad(`Machine '${keyOf(machine)}' appears more than once in the schedule`);
      seen.add(keyOf(machine));
    }
    windows.push({ ...window, machine_ids: machines });
  }
  for (const machine of state.downMachines) {
    if (!seen.has(keyOf(machine))) return bad(`Machine '${keyOf(machine)}' is deactivated and cannot be removed from the schedule`);
  }
  return { windows };
}

export function checkedMachines(machines: readonly MachineID[], test: (machine: MachineID) => string | undefined): MachineID[] | Refusal {
  if (machines.length === 0) return bad('List of machines is empty');
  const seen = new Set<string>();
  for (const raw of machines) {
    const machine = normal(raw);
    const fault =
      machineFault(machine) ?? (seen.has(keyOf(machine)) ? `Machine '${keyOf(machine)}' appears more than once` : test(machine));
    if (fault !== undefined) return bad(fault);
    seen.add(keyOf(machine));
  }
  return machines.map(normal);
}

export const includesMachine = (machines: readonly MachineID[], machine: MachineID): boolean =>
  machines.some((other) => keyOf(other) === keyOf(machine));
export const isInSchedule = (state: MasterState, machine: MachineID): boolean => includesMachine(machinesOf(state.schedule), machine);

/** The schedule without these machines. */
export function withoutMachines(schedule: MaintenanceSchedule, machines: readonly MachineID[]): MaintenanceSchedule {
  const windows = (schedule.windows ?? []).map((window) => ({
    ...window,
    machine_ids: (window.machine_ids ?? []).filter((machine) => !includesMachine(machines, machine)),
  }));
  return { windows: windows.filter((window) => window.machine_ids.length > 0) };
}

/** A new schedule: offers of the agents concerned are made again with what is now known. */
export function applySchedule(state: MasterState, schedule: MaintenanceSchedule, step: Step): void {
  state.schedule = schedule;
  for (const agent of state.agents.values()) {
    const unavailability = unavailabilityOf(state, agent);
    if (JSON.stringify(unavailability, plain) === JSON.stringify(agent.unavailability, plain)) continue;
    agent.unavailability = unavailability;
    withdrawOffers(state, agent.offers, step, { tell: true });
    state.inverseAnswers.delete(agent.id);
    for (const inverse of state.inverseOffers.values()) if (inverse.agentId === agent.id) rescindInverse(state, inverse, step);
  }
}

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

function rescindInverse(state: MasterState, inverse: InverseOfferEntry, step: Step): void {
  state.inverseOffers.delete(inverse.id);
  const framework = state.frameworks.get(inverse.frameworkId);
  if (framework?.streamId === undefined) return;
  step.out.push({
    kind: 'to_scheduler',
    streamId: framework.streamId,
    event: { type: 'RESCIND_INVERSE_OFFER', rescind_inverse_offer: { inverse_offer_id: { value: inverse.id } } },
  });
}

/** Asks each framework that uses an agent which will be unavailable to leave it; one question at a time. */
export function inverseOffers(state: MasterState, step: Step): void {
  if ((state.schedule.windows ?? []).length === 0) return;
  for (const agent of state.agents.values()) {
    if (agent.unavailability === undefined) continue;
    const asked = new Set(
      [...state.inverseOffers.values()].filter((inverse) => inverse.agentId === agent.id).map((inverse) => inverse.frameworkId),
    );
    for (const frameworkId of new Set([...agent.tasks.keys(), ...agent.executors.keys()])) {
      const framework = state.frameworks.get(frameworkId);
      const filteredUntilMs = state.inverseFilters.get(`${agent.id}/${frameworkId}`) ?? 0;
      if (framework?.streamId === undefined || asked.has(frameworkId) || filteredUntilMs > step.nowMs) continue;
      const inverse: InverseOfferEntry = {
        id: offerId(state.info.id, state.nextOffer++),
        frameworkId,
        agentId: agent.id,
        madeMs: step.nowMs,
      };
      state.inverseOffers.set(inverse.id, inverse);
      step.out.push({
        kind: 'to_scheduler',
        streamId: framework.streamId,
        event: {
          type: 'INVERSE_OFFERS',
          inverse_offers: {
            inverse_offers: [
              {
                id: { value: inverse.id },
                url: {
                  scheme: 'http',
                  address: { hostname: agent.info.hostname, ip: agent.ip, port: agent.info.port ?? 5051 },
                  path: '/slave(1)',
                },
                framework_id: { value: frameworkId },
                agent_id: { value: agent.id },
                unavailability: agent.unavailability,
              },
            ],
          },
        },
      });
    }
  }
}

const defaultRefuseSeconds = 5;

export function answerInverseOffers(
  state: MasterState,
  framework: FrameworkEntry,
  call: SchedulerCallAcceptInverseOffers,
  answer: 'ACCEPT' | 'DECLINE',
  step: Step,
): void {
  for (const { value } of call.inverse_offer_ids ?? []) {
    const inverse = state.inverseOffers.get(value);
    if (inverse === undefined || inverse.frameworkId !== framework.id) continue;
    state.inverseOffers.delete(value);
    let answers = state.inverseAnswers.get(inverse.agentId);
    if (answers === undefined) state.inverseAnswers.set(inverse.agentId, (answers = new Map()));
    answers.set(framework.id, {
      status: answer,
      framework_id: { value: framework.id },
      timestamp: { nanoseconds: msToNanoseconds(step.nowMs) },
    });
    const seconds = Math.max(0, call.filters?.refuse_seconds ?? defaultRefuseSeconds);
    state.inverseFilters.set(`${inverse.agentId}/${framework.id}`, step.nowMs + seconds * 1000);
  }
}

/** What belonged to an agent or a framework that is no more. */
export function forgetInverse(
  state: MasterState,
  isOver: (inverse: { readonly agentId: string; readonly frameworkId: string }) => boolean,
): void {
  for (const inverse of state.inverseOffers.values()) if (isOver(inverse)) state.inverseOffers.delete(inverse.id);
  for (const key of state.inverseFilters.keys()) {
    const [agentId = '', frameworkId = ''] = key.split('/');
    if (isOver({ agentId, frameworkId })) state.inverseFilters.delete(key);
  }
}

export function maintenanceStatus(state: MasterState): MaintenanceClusterStatus {
  const draining = machinesOf(state.schedule).filter((machine) => !includesMachine(state.downMachines, machine));
  return {
    draining_machines: draining.map((id) => ({
      id,
      statuses: [...state.agents.values()]
        .filter((agent) => isOn(id, agent))
        .flatMap((agent) => [...(state.inverseAnswers.get(agent.id)?.values() ?? [])]),
    })),
    down_machines: state.downMachines,
  };
}
