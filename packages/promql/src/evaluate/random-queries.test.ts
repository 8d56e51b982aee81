/**
 * Random queries over random data: the columnar evaluator against the reference, and range queries against instant queries at
 * each of their steps.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Engine } from '../engine.ts';
import { data, evaluatorsAgree, features, outcome, query, storageOf } from './random-queries.ts';

const runs = Number(process.env['PRONOIA_FUZZ_RUNS'] ?? 150);

test('the columnar evaluator gives what the reference gives', async () => {
  await fc.assert(evaluatorsAgree(), { numRuns: runs });
}, 120_000);

test('a range query is the instant queries at its steps', async () => {
  const engine = new Engine({ enabledFeatures: features, lookbackMs: 60_000 });
  await fc.assert(
    fc.asyncProperty(data, query, fc.constantFrom(20_000, 45_000), async (list, text, stepMs) => {
      // `@ end()` is another time in an instant query, and the checks for duplicates look at whole series in a range query.
      // An aggregation over something pinned is evaluated once, whatever its parameter does: a quirk of the original.
      fc.pre(!text.includes('end()') && !(text.includes(' @ ') && /(topk|bottomk|limitk|limit_ratio|quantile)( |\b.*\()/.test(text)));
      // Which of equals stay depends on the order of series; that of these is the order in which they first appear.
      fc.pre(!(/count_values|histogram_quantiles|info|fill/.test(text) && /topk|bottomk|limitk/.test(text)));
      const storage = storageOf(list);
      const whole = await outcome(engine.range(storage, text, 0, 270_000, stepMs));
      fc.pre('lines' in whole);
      const single: string[] = [];
      for (let t = 0; t <= 270_000; t += stepMs) {
        const one = await outcome(engine.instant(storage, text, t));
        single.push(...('lines' in one ? one.lines : [one.error]));
      }
      const plain = (lines: readonly string[]): string[] => [...new Set(lines)].filter((line) => !line.startsWith('PromQL')).sort();
      expect({ text, lines: plain(single) }).toEqual({ text, lines: plain('lines' in whole ? whole.lines : []) });
    }),
    { numRuns: runs },
  );
}, 120_000);
