import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CachedSeries, ScrapeCache } from './cache.ts';

const encoder = new TextEncoder();

/** One page of series names through the cache, as a scrape does it. */
function scrape(cache: ScrapeCache, names: readonly string[]): CachedSeries[] {
  cache.begin();
  const seen: CachedSeries[] = [];
  for (const name of names) {
    const bytes = encoder.encode(`#${name}#`);
    const series = cache.find(bytes, 1, bytes.length - 1) ?? cache.add(bytes, 1, bytes.length - 1, Labels.from({ __name__: name }));
    series.lastSeen = cache.scrape;
    seen.push(series);
  }
  cache.end([...new Set(seen)]);
  return seen;
}

it('finds exactly what a Map of names would find, whatever the order of the pages', () => {
  const page = fc.array(fc.constantFrom('a', 'b', 'c', 'ab', 'ba', 'abc', 'x{y="1"}', 'x{y="2"}', 'é'), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(page, { maxLength: 30 }), (pages) => {
      const cache = new ScrapeCache();
      const lastSeenByName = new Map<string, number>();
      pages.forEach((names, index) => {
        const seen = scrape(cache, names);
        expect(seen.map((series) => series.labels?.get('__name__'))).toEqual([...names]);
        for (const name of names) lastSeenByName.set(name, index);
      });
      expect(cache.size).toBeLessThanOrEqual(lastSeenByName.size);
    }),
  );
});

it('keeps the same entry while a series is on the page', () => {
  const cache = new ScrapeCache();
  const first = scrape(cache, ['a', 'b', 'c']);
  for (let i = 0; i < 200; i++) {
    const again = scrape(cache, i % 2 === 0 ? ['a', 'b', 'c'] : ['c', 'a', 'b']);
    expect(new Set(again)).toEqual(new Set(first));
  }
});

it('forgets series that stay away', () => {
  const cache = new ScrapeCache();
  for (let i = 0; i < 300; i++)
    scrape(
      cache,
      Array.from({ length: 50 }, (_, n) => `churn_${i}_${n}`),
    );
  expect(cache.size).toBeLessThan(3000);
});

it('remembers the metadata of a family for ten scrapes', () => {
  const cache = new ScrapeCache();
  scrape(cache, []);
  cache.describe('a').type = 'counter';
  for (let i = 0; i < 10; i++) scrape(cache, []);
  expect(cache.metadata.has('a')).toBe(true);
  scrape(cache, []);
  expect(cache.metadata.has('a')).toBe(false);
});
