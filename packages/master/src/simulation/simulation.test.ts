import { describe, expect, it } from 'vitest';
import { faultsOf, playHistory } from './history.ts';

describe('a simulated cluster under faults', () => {
  it.each([1, 2, 3])('keeps its promises (seed %i)', (seed) => {
    const world = playHistory(seed, { agents: 6, schedulers: 4, rounds: 50 });
    expect(faultsOf(world)).toEqual([]);
    expect(world.launched.size).toBeGreaterThan(100);
  });

  it('does the same again from the same seed', () => {
    const summary = (): unknown => {
      const world = playHistory(42, { agents: 4, schedulers: 3, rounds: 20 });
      return world.schedulers.map((scheduler) => [...scheduler.tasks.values()].map((task) => `${task.id}@${task.agentId} ${task.state}`));
    };
    expect(summary()).toEqual(summary());
  });
});
