/** Functions that take each float of an instant vector by itself (promql.md §9.1, §9.2): mathematics, clamps, dates. */
import type { Evaluation } from './evaluation.ts';
import { mergeNameless } from './merge-series.ts';
import { absent, dropMetadata, isFloat, StepSeries } from './step-series.ts';

export const elementwise: Readonly<Record<string, (v: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  sqrt: Math.sqrt,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  // Beyond 21 Go halves the power, which ends at half the largest number (math/sinh.go).
  sinh: (x) => (Math.abs(x) > 21 ? Math.sign(x) * Math.exp(Math.abs(x)) * 0.5 : Math.sinh(x)),
  cosh: (x) => (Math.abs(x) > 21 ? Math.exp(Math.abs(x)) * 0.5 : Math.cosh(x)),
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  deg: (v) => (v * 180) / Math.PI,
  rad: (v) => (v * Math.PI) / 180,
  sgn: (v) => (v < 0 ? -1 : v > 0 ? 1 : v),
};

/** UTC; a value is cut toward zero to whole seconds. */
export const dateParts: Readonly<Record<string, (date: Date) => number>> = {
  minute: (date) => date.getUTCMinutes(),
  hour: (date) => date.getUTCHours(),
  day_of_week: (date) => date.getUTCDay(),
  day_of_month: (date) => date.getUTCDate(),
  day_of_year: (date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1,
  days_in_month: (date) => 32 - new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 32)).getUTCDate(),
  month: (date) => date.getUTCMonth() + 1,
  year: (date) => date.getUTCFullYear(),
};

export function datePart(part: (date: Date) => number): (seconds: number) => number {
  return (seconds) => part(new Date(Math.trunc(seconds) * 1000));
}

/** Go's Max and Min: infinity wins over NaN. */
export function goMax(a: number, b: number): number {
  return a === Number.POSITIVE_INFINITY || b === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : Math.max(a, b);
}

export function goMin(a: number, b: number): number {
  return a === Number.NEGATIVE_INFINITY || b === Number.NEGATIVE_INFINITY ? Number.NEGATIVE_INFINITY : Math.min(a, b);
}

/** Ties go up. */
export function roundTo(value: number, nearest: number): number {
  const inverse = 1 / nearest;
  return Math.floor(value * inverse + 0.5) / inverse;
}

/** A new value for each float; `undefined` drops the sample. Histograms are passed over, names dropped. */
export async function mapFloats(
  ev: Evaluation,
  input: readonly StepSeries[],
  map: (value: number, step: number) => number | undefined,
): Promise<readonly StepSeries[]> {
  const results: StepSeries[] = [];
  for (const series of input) {
    const { kinds, values } = series;
    const out = new StepSeries(ev.delayedNames ? series.labels : dropMetadata(series.labels), true, kinds.length);
    let any = false;
    for (let step = 0; step < kinds.length; step++) {
      if (kinds[step] !== isFloat) continue;
      const mapped = map(values[step] as number, step);
      if (mapped === undefined) continue;
      out.setFloat(step, mapped);
      any = true;
    }
    if (any) results.push(out);
    if (ev.budget.due(kinds.length)) await ev.budget.pause();
  }
  return mergeNameless(ev, input, results);
}

export async function negate(
  ev: Evaluation,
  input: readonly StepSeries[],
  scaleHistogram: (series: StepSeries, step: number, out: StepSeries) => void,
): Promise<readonly StepSeries[]> {
  const results: StepSeries[] = [];
  for (const series of input) {
    const out = new StepSeries(ev.delayedNames ? series.labels : dropMetadata(series.labels), true, series.kinds.length);
    for (let step = 0; step < series.kinds.length; step++) {
      const kind = series.kinds[step];
      if (kind === isFloat) out.setFloat(step, -(series.values[step] as number));
      else if (kind !== absent) scaleHistogram(series, step, out);
    }
    results.push(out);
    if (ev.budget.due(series.kinds.length)) await ev.budget.pause();
  }
  return mergeNameless(ev, input, results);
}
