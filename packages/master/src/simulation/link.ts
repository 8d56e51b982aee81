/** What a modelled agent or scheduler sees of the world: time, chance, and links to the master. */
import { encodeJson, type MasterToAgent, type SchedulerCall, type SchedulerEvent } from '@pronoia/mesos';

/** One end's view of a connection to the master. */
export interface Link {
  /** To the master; lost when the link is broken. */
  send(json: string): void;
  /** Breaks it from this end. */
  close(): void;
}

export interface LinkEnd {
  receive(json: string): void;
  closed(): void;
}

export interface Surroundings {
  readonly nowMs: number;
  readonly random: () => number;
  /** Task ids that any agent was ever told to run. */
  readonly launched: Set<string>;
  /** Broken promises, as sentences. */
  readonly faults: string[];
  chance(probability: number): boolean;
  /** An integer; both bounds inclusive. */
  between(low: number, high: number): number;
  plan(delayMs: number, run: () => void): { cancel(): void };
  /** Opens a stream; `undefined` when no master listens. The first message opens it, as in the protocol. */
  connect(kind: 'agent' | 'scheduler', first: string, ip: string, end: LinkEnd): Link | undefined;
}

export const readMasterToAgent = (json: string): MasterToAgent => JSON.parse(json) as MasterToAgent;
// Not decoded by the codec: what the master writes is not in question here, and half of the time would go there.
export const readSchedulerEvent = (json: string): SchedulerEvent => JSON.parse(json) as SchedulerEvent;
export const writeCall = (call: SchedulerCall): string => encodeJson('SchedulerCall', call);
