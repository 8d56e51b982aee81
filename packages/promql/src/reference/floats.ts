/** Recipes on plain lists of floats (promql.md §5.1, §9.1, §9.2, §10). The order of operations decides the last bits. */
import type { BinaryOp } from '../syntax/ast.ts';

const isInfinite = (v: number): boolean => v === Number.POSITIVE_INFINITY || v === Number.NEGATIVE_INFINITY;

/** Neumaier's sum and its compensation. */
export type Compensated = readonly [sum: number, c: number];

export function add([sum, c]: Compensated, x: number): Compensated {
  const t = sum + x;
  if (isInfinite(t)) return [t, 0];
  return Math.abs(sum) >= Math.abs(x) ? [t, c + (sum - t + x)] : [t, c + (x - t + sum)];
}

/** From the first value on. */
export function sumOf(values: readonly number[]): number {
  const [sum, c] = values.slice(1).reduce(add, [values[0] ?? 0, 0] as Compensated);
  return sum + c;
}

/** From nothing on. */
export function sumOverTime(values: readonly number[]): number {
  const [sum, c] = values.reduce(add, [0, 0] as Compensated);
  return isInfinite(sum) ? sum : sum + c;
}

export function meanOf(values: readonly number[]): number {
  let total: Compensated = [values[0] ?? Number.NaN, 0];
  for (let k = 2; k <= values.length; k++) {
    const next = add(total, values[k - 1] as number);
    if (isInfinite(next[0])) return runningMean(values, k, total);
    total = next;
  }
  return total[0] / values.length + total[1] / values.length;
}

/** The sum would overflow with the k-th value: from there on the mean itself is carried. */
function runningMean(values: readonly number[], from: number, [sum, c]: Compensated): number {
  let mean: Compensated = [sum / (from - 1), c / (from - 1)];
  for (let k = from; k <= values.length; k++) {
    const q = (k - 1) / k;
    mean = add([q * mean[0], q * mean[1]], (values[k - 1] as number) / k);
  }
  return mean[0] + mean[1];
}

/** Population variance; Welford with compensation (window functions). */
export function varianceOverTime(values: readonly number[]): number {
  let mean: Compensated = [0, 0];
  let squares: Compensated = [0, 0];
  values.forEach((x, i) => {
    const delta = x - (mean[0] + mean[1]);
    mean = add(mean, delta / (i + 1));
    squares = add(squares, delta * (x - (mean[0] + mean[1])));
  });
  return (squares[0] + squares[1]) / values.length;
}

/** Population variance; Welford without compensation (aggregations). */
export function varianceOf(values: readonly number[]): number {
  const first = values[0] as number;
  if (!Number.isFinite(first)) return Number.NaN;
  let mean = first;
  let squares = 0;
  values.slice(1).forEach((x, i) => {
    const delta = x - mean;
    mean += delta / (i + 2);
    squares += delta * (x - mean);
  });
  return squares / values.length;
}

/** NaN only if all are. */
export function extremeOf(values: readonly number[], isBetter: (v: number, best: number) => boolean): number {
  const numbers = values.filter((v) => !Number.isNaN(v));
  return numbers.length === 0 ? Number.NaN : numbers.reduce((best, v) => (isBetter(v, best) ? v : best));
}

export function quantileOf(q: number, values: readonly number[]): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const nans = values.filter(Number.isNaN);
  const sorted = [...nans, ...values.filter((v) => !Number.isNaN(v)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))];
  const rank = q * (sorted.length - 1);
  const lower = Math.floor(rank);
  const weight = rank - lower;
  const upper = Math.min(sorted.length - 1, lower + 1);
  return (sorted[lower] as number) * (1 - weight) + (sorted[upper] as number) * weight;
}

/** Least squares (promql.md §9.8). */
export function regression(points: readonly { readonly x: number; readonly y: number }[]): { slope: number; intercept: number } {
  const first = (points[0] as { y: number }).y;
  if (points.every(({ y }) => y === first)) {
    return isInfinite(first) ? { slope: Number.NaN, intercept: Number.NaN } : { slope: 0, intercept: first };
  }
  const total = (of: (point: { readonly x: number; readonly y: number }) => number): number => {
    const [sum, c] = points.map(of).reduce(add, [0, 0] as Compensated);
    return sum + c;
  };
  const n = points.length;
  const [x, y, xy, xx] = [total((p) => p.x), total((p) => p.y), total((p) => p.x * p.y), total((p) => p.x * p.x)];
  const slope = (xy - (x * y) / n) / (xx - (x * x) / n);
  return { slope, intercept: y / n - (slope * x) / n };
}

/** Go's Max and Min (promql.md §14.1). */
export function maxOf(a: number, b: number): number {
  return [a, b].includes(Number.POSITIVE_INFINITY) ? Number.POSITIVE_INFINITY : Math.max(a, b);
}

export function minOf(a: number, b: number): number {
  return [a, b].includes(Number.NEGATIVE_INFINITY) ? Number.NEGATIVE_INFINITY : Math.min(a, b);
}

function pow(x: number, y: number): number {
  return x === 1 || (x === -1 && isInfinite(y)) ? 1 : x ** y;
}

export const arithmetic: Readonly<Partial<Record<BinaryOp, (a: number, b: number) => number>>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': pow,
  atan2: Math.atan2,
};

export const comparison: Readonly<Partial<Record<BinaryOp, (a: number, b: number) => boolean>>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const dateOf = (seconds: number): Date => new Date(Math.trunc(seconds) * 1000);
const dayMs = 86_400_000;

/** Functions of one float (promql.md §9.1, §9.2). */
export const floatFunctions: Readonly<Record<string, (v: number) => number>> = {
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
  sgn: (v) => (v > 0 ? 1 : v < 0 ? -1 : v),
};

export const dateFunctions: Readonly<Record<string, (seconds: number) => number>> = {
  minute: (v) => dateOf(v).getUTCMinutes(),
  hour: (v) => dateOf(v).getUTCHours(),
  day_of_week: (v) => dateOf(v).getUTCDay(),
  day_of_month: (v) => dateOf(v).getUTCDate(),
  day_of_year: (v) => Math.floor((dateOf(v).getTime() - new Date(dateOf(v)).setUTCMonth(0, 1)) / dayMs) + 1,
  days_in_month: (v) => new Date(Date.UTC(dateOf(v).getUTCFullYear(), dateOf(v).getUTCMonth() + 1, 0)).getUTCDate(),
  month: (v) => dateOf(v).getUTCMonth() + 1,
  year: (v) => dateOf(v).getUTCFullYear(),
};
