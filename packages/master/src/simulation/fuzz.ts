/** What `npm run fuzz -- cluster` plays for each seed: a simulated cluster under faults. */
import { faultsOf, playHistory } from './history.ts';

export const unit = 'histories';

/** Throws with the promises that were broken. */
export function play(seed: number): number {
  const faults = faultsOf(playHistory(seed, { agents: 6, schedulers: 4, rounds: 50 }));
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return 1;
}
