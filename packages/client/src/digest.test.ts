import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Digest, WindowedDigest } from './digest.ts';

/** A seeded generator of uniform numbers (Lehmer). */
function* uniform(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (state * 48271) % 2147483647;
    yield state / 2147483647;
  }
}

describe('a digest', () => {
  // Not among them: observations of a few different values. Between two of them the digest draws a straight line, as prom-client's does.
  it.each([
    ['uniform', (u: number) => u],
    ['long-tailed', (u: number) => -Math.log(1 - u)],
    ['bimodal', (u: number) => (u < 0.7 ? u : 1000 + u)],
    ['ascending', (_: number, i: number) => i],
    ['descending', (_: number, i: number) => -i],
  ] as const)('of 200,000 %s observations errs in rank by less than half a percent, at the ends by less', (_, of) => {
    const digest = new Digest();
    const values: number[] = [];
    const random = uniform(7);
    for (let i = 0; i < 200_000; i++) {
      const value = of(random.next().value as number, i);
      values.push(value);
      digest.push(value);
    }
    values.sort((a, b) => a - b);
    for (const q of [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999]) {
      const found = digest.quantile(q) as number;
      const below = values.findLastIndex((value) => value < found) + 1;
      const notAbove = values.findLastIndex((value) => value <= found) + 1;
      const error = Math.max(0, below / values.length - q, q - notAbove / values.length);
      expect(error).toBeLessThan(0.02 * q * (1 - q) + 0.0002);
    }
  });

  it('keeps few observations exactly and stays between the least and the greatest', () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (observed, q) => {
        const digest = new Digest();
        for (const value of observed) digest.push(value);
        const sorted = [...observed].sort((a, b) => a - b);
        const found = digest.quantile(q) as number;
        const at = q * observed.length;
        // Between the two neighbours of the wanted rank.
        expect(found).toBeGreaterThanOrEqual((sorted[Math.max(0, Math.floor(at - 0.5) - 1)] as number) - 1e-6);
        expect(found).toBeLessThanOrEqual((sorted[Math.min(observed.length - 1, Math.ceil(at + 0.5))] as number) + 1e-6);
      }),
    );
  });

  it('says nothing of nothing', () => {
    expect(new Digest().quantile(0.5)).toBeUndefined();
  });
});

describe('a sliding window', () => {
  beforeEach(() => vi.useFakeTimers({ now: 0 }));
  afterEach(() => {
    vi.useRealTimers();
  });

  it('forgets in steps', () => {
    const digest = new WindowedDigest(50, 5);
    digest.push(100);
    vi.advanceTimersByTime(30_000);
    digest.push(1);
    expect(digest.quantiles([0, 1])).toEqual([1, 100]);
    vi.advanceTimersByTime(25_000);
    expect(digest.quantiles([0, 1])).toEqual([1, 1]);
    vi.advanceTimersByTime(30_000);
    expect(digest.quantiles([0.5])).toEqual([0]);
    expect(digest.count).toBe(0);
  });

  it('forgets everything in a long pause', () => {
    const digest = new WindowedDigest(50, 5);
    digest.push(1);
    vi.advanceTimersByTime(1e9);
    expect(digest.count).toBe(0);
    digest.push(2);
    expect(digest.quantiles([0.5])).toEqual([2]);
    vi.advanceTimersByTime(45_000);
    expect(digest.count).toBe(1);
  });
});
