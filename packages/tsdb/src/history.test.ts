import { describe, expect, it } from 'vitest';
import { liveUntilDiskStops, liveWithDiskErrors, liveWithKills } from './history.ts';

describe('a random life', () => {
  it.each(Array.from({ length: 10 }, (_, seed) => seed))('with restarts and kills equals the table (seed %d)', async (seed) => {
    await liveWithKills(seed);
  });

  it.each(Array.from({ length: 28 }, (_, seed) => seed))(
    'that the disk ends keeps what was acknowledged, and nothing half (seed %d)',
    async (seed) => {
      await liveUntilDiskStops(seed);
    },
  );

  it.each(Array.from({ length: 8 }, (_, seed) => seed))(
    'on a disk with errors refuses batches whole, and goes on (seed %d)',
    async (seed) => {
      expect(await liveWithDiskErrors(seed)).toBeGreaterThan(5);
    },
  );
});
