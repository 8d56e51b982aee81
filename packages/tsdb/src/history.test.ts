import { describe, expect, it } from 'vitest';
import { liveUntilDiskStops, liveUntilEachStop, liveWithDiskErrors, liveWithFullDisk, liveWithKills } from './history.ts';

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

  // Every twentieth of its operations; `npm run fuzz -- tsdb` takes them all.
  it.each([0, 1])(
    'is ended before its operations in turn, and keeps what was acknowledged (seed %d)',
    { timeout: 120_000 },
    async (seed) => {
      expect(await liveUntilEachStop(seed, 20, seed)).toBeGreaterThan(15);
    },
  );

  it.each(Array.from({ length: 8 }, (_, seed) => seed))(
    'on a disk that becomes full refuses batches whole, and goes on (seed %d)',
    async (seed) => {
      expect(await liveWithFullDisk(seed)).toBeGreaterThan(2);
    },
  );
});
