import { type ExpositionSink, Labels, parseTextFormat } from '@pronoia/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Recorder } from '../recorder.ts';
import { ScrapeCache } from './cache.ts';
import { type PageSettings, ScrapedPage } from './page.ts';

const settings: PageSettings = {
  honorLabels: false,
  honorTimestamps: true,
  trackTimestampsStaleness: false,
  metricRules: [],
  sampleLimit: 0,
  labelLimit: 0,
  labelNameLengthLimit: 0,
  labelValueLengthLimit: 0,
  legacyNames: false,
  storesExemplars: false,
};
const target = Labels.from({ job: 'j' });
const startMs = 1_700_000_000_000;

/** What a target's pages leave in storage, and what was counted. */
async function scrapeAll(pages: readonly string[], hasFastLane: boolean, recognizes: boolean): Promise<unknown[]> {
  const recorder = new Recorder(hasFastLane);
  const cache = new ScrapeCache();
  const result: unknown[] = [];
  for (const [i, text] of pages.entries()) {
    const appender = recorder.appender();
    const page = new ScrapedPage(appender, cache, target, settings, startMs + i * 1000);
    const plain: ExpositionSink = { sample: (line) => page.sample(line) };
    parseTextFormat(Buffer.from(text), recognizes ? page : plain);
    page.finish();
    await appender.commit();
    const { total, kept, seriesAdded, outOfOrder, outOfBounds, duplicates } = page;
    // A flush may come later than a series that is new.
    result.push([total, kept, seriesAdded, outOfOrder, outOfBounds, duplicates], recorder.take(startMs).sort());
  }
  return result;
}

it('the short cuts for known series change nothing', async () => {
  const series = fc.constantFrom('a', 'a{x="1"}', 'a {x="2"}', 'ab', 'b{x="}",y="\\""}', 'b{x="1"}', '{"q", x="1"}');
  const value = fc.oneof(
    fc.double().map((number) => (Number.isFinite(number) ? String(number) : 'NaN')),
    fc.constantFrom('+Inf', '0', '-0'),
  );
  const time = fc.oneof(
    fc.constant(''),
    fc.constant(''),
    fc.integer({ min: -3, max: 700_000 }).map((offset) => ` ${startMs + offset}`),
  );
  const line = fc.tuple(series, fc.constantFrom(' ', '  ', '\t'), value, time).map((parts) => parts.join(''));
  // Mostly the same page again.
  const pages = fc
    .array(line, { maxLength: 12 })
    .chain((lines) =>
      fc.array(fc.oneof(fc.constant(lines), fc.shuffledSubarray(lines), fc.array(line, { maxLength: 12 })), { maxLength: 5 }),
    );
  await fc.assert(
    fc.asyncProperty(pages, async (given) => {
      const texts = given.map((lines) => lines.map((text) => `${text}\n`).join(''));
      const expected = await scrapeAll(texts, false, false);
      expect(await scrapeAll(texts, true, true)).toEqual(expected);
      expect(await scrapeAll(texts, false, true)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

it('thousands of known series are stored whole', async () => {
  const page = (round: number): string => Array.from({ length: 5000 }, (_, i) => `m{i="${i}"} ${i + round}\n`).join('');
  const texts = [page(0), page(1), page(2)];
  expect(await scrapeAll(texts, true, true)).toEqual(await scrapeAll(texts, false, false));
});
