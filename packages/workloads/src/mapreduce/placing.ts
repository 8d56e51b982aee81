/** Which attempts go into an offer (mapreduce.md §10). Pure, as all of the core. */
import type { AgentOffer, Attempt, JobState, Launch, Needs, TaskRecord } from './job-state.ts';

/** A task that failed on an agent waits so long for another one. */
const AVOID_MS = 5_000;

/** As many attempts as fit into the offer, maps before reducers: reducers wait for maps, never the other way round. */
export function fill(state: JobState, offer: AgentOffer, nowMs: number): Launch[] {
  const { plan } = state;
  const launches: Launch[] = [];
  let { cpus, memMb } = offer;
  const ports = offer.ports.flatMap((range) => firstPorts(range.begin, range.end));
  const place = (task: TaskRecord, needs: Needs): boolean => {
    if (state.running.size >= plan.slots || cpus + 1e-6 < needs.cpus || memMb + 1e-6 < needs.memMb) return false;
    cpus -= needs.cpus;
    memMb -= needs.memMb;
    launches.push({ attempt: launch(state, task, offer, nowMs), needs, ports: ports.splice(0, needs.ports) });
    return true;
  };
  const candidates = (tasks: readonly TaskRecord[]): TaskRecord[] => {
    const ready = tasks.filter((task) => task.state === 'pending' && task.notBeforeMs <= nowMs);
    // A task that failed here waits for another agent for a while, if there is one; then here is better than nowhere.
    return ready.filter(
      (task) =>
        !task.avoidAgents.has(offer.agentId) ||
        nowMs - task.notBeforeMs >= AVOID_MS ||
        [...state.knownAgents].every((agentId) => task.avoidAgents.has(agentId)),
    );
  };
  for (const task of candidates(state.maps)) if (!place(task, plan.mapNeeds)) break;
  if (mayReduce(state)) {
    for (const task of candidates(state.reduces)) if (!place(task, plan.reduceNeeds)) break;
  }
  return launches;
}

/** Reducers are started when some maps are done and no map waits for what they would take. */
export function mayReduce(state: JobState): boolean {
  return state.mapsDone >= state.plan.slowstart * state.plan.maps && state.maps.every((task) => task.state !== 'pending');
}

/** No job needs more ports of one offer than this. */
const PORTS_PER_OFFER = 256;

function firstPorts(begin: number, end: number): number[] {
  return Array.from({ length: Math.min(end - begin + 1, PORTS_PER_OFFER) }, (_, i) => begin + i);
}

function launch(state: JobState, task: TaskRecord, offer: AgentOffer, nowMs: number): Attempt {
  const attempt: Attempt = {
    id: `${task.id.replace(/^task/, 'attempt')}_${task.launched++}`,
    task,
    agentId: offer.agentId,
    agentUrl: offer.agentUrl,
    hostname: offer.hostname,
    launchedAtMs: nowMs,
    isRunning: false,
    isOver: false,
    isKilled: false,
    heardAtMs: nowMs,
    progress: 0,
  };
  task.state = 'running';
  task.attempt = attempt;
  state.attempts.set(attempt.id, attempt);
  state.running.add(attempt);
  return attempt;
}
