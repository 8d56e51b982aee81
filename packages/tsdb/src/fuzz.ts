/** What `npm run fuzz -- tsdb` plays for each seed: one life of each kind. */
import { liveUntilDiskStops, liveUntilEachStop, liveWithDiskErrors, liveWithFullDisk, liveWithKills } from './history.ts';

export const unit = 'histories';

/** Throws where the database and the table of what must be there part. */
export async function play(seed: number): Promise<number> {
  await liveWithKills(seed);
  await liveUntilDiskStops(seed);
  await liveWithDiskErrors(seed);
  await liveWithFullDisk(seed);
  return 4 + (await liveUntilEachStop(seed, 7, seed % 7));
}
