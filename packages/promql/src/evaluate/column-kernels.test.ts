import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena } from './arena.ts';
import { columnKernel } from './column-kernels.ts';
import { CompiledKernel, isCompiled } from './compiled-kernels.ts';
import type { Evaluation, Notes } from './evaluation.ts';
import { rateFunctions } from './rate.ts';
import { SampleColumns } from './sample-columns.ts';
import { absent, StepSeries } from './step-series.ts';
import { Window, type WindowFunction } from './window.ts';
import { windowFunctions } from './window-functions.ts';
import { WindowPlanner } from './window-plan.ts';

const overTime = 'sum avg max min quantile count present last first'.split(' ').map((name) => `${name}_over_time`);
const fast = ['rate', 'increase', 'delta', ...overTime];

const value = fc.oneof(
  { weight: 10, arbitrary: fc.integer({ min: -3, max: 50 }) },
  { weight: 5, arbitrary: fc.double({ noNaN: true, min: -1e6, max: 1e6 }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e308, -1e308, 1e-300) },
);
/** Gaps in seconds, sometimes large. */
const samples = fc.array(
  fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 20 }) }, fc.integer({ min: 1, max: 300 })), value),
  {
    minLength: 1,
    maxLength: 60,
  },
);

const silent: Notes = { warn: () => undefined, info: () => undefined };
const evaluation = { startTimestamps: false } as Evaluation;

function fill(columns: SampleColumns, list: readonly (readonly [number, number])[]): void {
  let t = 0;
  columns.borrow(
    Float64Array.from(list, ([gap]) => (t += gap * 1000)),
    Float64Array.from(list, ([, v]) => v),
  );
}

function show({ values, kinds }: StepSeries): string[] {
  return Array.from(values, (v, i) => (kinds[i] === 0 ? '-' : Object.is(v, -0) ? '-0' : String(v)));
}

test.each(fast)('the fast %s gives the same bits as window by window', (func) => {
  const steps = fc.record({
    firstMs: fc.integer({ min: -50_000, max: 100_000 }),
    stepMs: fc.integer({ min: 0, max: 60_000 }),
    count: fc.integer({ min: 1, max: 40 }),
    rangeMs: fc.integer({ min: 1, max: 200_000 }),
    q: fc.constantFrom(0, 0.3, 0.5, 0.99, 1, -1, 2, Number.NaN),
    perSlice: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(samples, { minLength: 1, maxLength: 3 }), steps, (lists, { firstMs, stepMs, count, rangeMs, q, perSlice }) => {
      const reference = { firstMs, stepMs, lastMs: firstMs + (count - 1) * stepMs };
      const args = [new Float64Array(count).fill(q)];
      const kernel = columnKernel(func, { reference, rangeMs }, args);
      const columns = new SampleColumns();
      const arena = Arena.take();
      const compiled =
        arena === undefined || !isCompiled(func) ? undefined : new CompiledKernel(func, { reference, rangeMs }, args, count, arena);
      const planner = new WindowPlanner(reference, rangeMs, count);
      const run = (windowFunctions[func] ?? rateFunctions[func]) as WindowFunction;
      // One kernel for several series: nothing may be left over from the one before.
      for (const list of lists) {
        fill(columns, list);
        const quick = new StepSeries(Labels.empty, false, count);
        kernel?.begin(columns, planner.planFor(columns), quick);
        for (let from = 0; from < count; from += perSlice) kernel?.run(from, Math.min(count, from + perSlice));
        const slow = new StepSeries(Labels.empty, false, count);
        const window = new Window(evaluation, silent, rangeMs, args, columns, slow);
        window.rewind(columns, slow, 'x');
        for (let step = 0; step < count; step++) {
          window.moveTo(step, 0, firstMs + step * stepMs);
          if (window.floats > 0) run(window);
        }
        // Sorting leaves open which of 0 and −0 comes first, in the original too, so a quantile may be either.
        const signs = (texts: string[]): string[] =>
          func === 'quantile_over_time' ? texts.map((text) => (text === '-0' ? '0' : text)) : texts;
        expect(signs(show(quick))).toEqual(signs(show(slow)));
        if (compiled === undefined) continue;
        compiled.begin(columns, planner.planFor(columns));
        let present = 0;
        const bySlices = compiled.scansWindows ? perSlice : count;
        for (let from = 0; from < count; from += bySlices) present += compiled.run(from, Math.min(count, from + bySlices));
        const placed = new StepSeries(Labels.empty, false, count);
        placed.values.set(compiled.arena.floats(compiled.out, count));
        placed.kinds.set(compiled.arena.bytes(compiled.kinds, count));
        expect(signs(show(placed))).toEqual(signs(show(slow)));
        expect(present).toBe(slow.kinds.filter((kind) => kind !== absent).length);
      }
      arena?.giveBack();
    }),
    { numRuns: 200 },
  );
});
