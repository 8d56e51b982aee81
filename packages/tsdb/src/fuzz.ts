/** What `npm run fuzz -- tsdb` plays for each seed: one life of each kind. */
import { liveUntilDiskStops, liveWithDiskErrors, liveWithKills } from './history.ts';

export const unit = 'histories';

/** Throws where the database and the table of what must be there part. */
export async function play(seed: number): Promise<number> {
  await liveWithKills(seed);
  await liveUntilDiskStops(seed);
  await liveWithDiskErrors(seed);
  return 3;
}
