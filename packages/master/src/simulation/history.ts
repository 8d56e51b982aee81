/** One simulated history from a seed, and what must be true after it. */
import { isTerminal } from '@pronoia/mesos';
import { World } from './world.ts';

/** A history with faults, then peace until everything has ended. */
export function playHistory(seed: number, options: { agents: number; schedulers: number; rounds: number }): World {
  const world = new World({ seed, agents: options.agents, schedulers: options.schedulers });
  let events = 0;
  const check = (): void => {
    // The accounts of all agents are summed on some events only: it is the slowest thing here.
    if (events++ % 400 === 0) world.checkAccounts();
  };
  for (let round = 0; round < options.rounds; round++) {
    world.advance(world.between(500, 20_000), check);
    if (world.chance(0.3)) world.breakSomeLink();
    if (world.chance(0.1)) world.agents[world.between(0, world.agents.length - 1)]?.restart();
    const deaf = world.agents[world.between(0, world.agents.length - 1)];
    if (deaf !== undefined && world.chance(0.05)) {
      deaf.isDeaf = true;
      world.plan(world.between(30_000, 200_000), () => {
        deaf.isDeaf = false;
      });
    }
    if (world.chance(0.03)) {
      world.crashMaster();
      world.plan(world.between(100, 30_000), () => world.startMaster());
    }
  }
  for (const scheduler of world.schedulers) scheduler.isLaunching = false;
  world.advance(1_800_000, check);
  world.checkAccounts();
  return world;
}

/** What must be true when there is peace again. */
export function faultsOf(world: World): string[] {
  const faults = [...world.faults];
  const state = world.master?.state;
  if (state === undefined) return [...faults, 'no master'];
  for (const scheduler of world.schedulers) {
    for (const task of scheduler.tasks.values())
      if (!isTerminal(task.state)) faults.push(`${scheduler.name} never heard the end of ${task.id} (${task.state})`);
  }
  for (const agent of world.agents) {
    for (const [key, task] of agent.tasks)
      faults.push(`${agent.name} still holds ${key} (${task.state}, ${task.unacknowledged.length} unacknowledged)`);
    if (agent.id === undefined || !state.agents.has(agent.id)) faults.push(`${agent.name} is not registered`);
  }
  for (const framework of state.frameworks.values()) {
    for (const entry of framework.tasks.values()) faults.push(`the master still has ${entry.id} (${entry.task.state})`);
  }
  for (const agent of state.agents.values()) {
    let free = state.allocator.freeOn(agent.id);
    for (const id of agent.offers) free = free.plus(state.offers.get(id)?.resources.unallocated ?? free);
    if (!free.equals(agent.total))
      faults.push(`agent ${agent.id} has ${agent.total.toString()}, but only ${free.toString()} is free or offered`);
  }
  return faults;
}
