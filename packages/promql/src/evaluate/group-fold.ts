/** One group of one of the aggregations that fold samples into a number or a histogram; a cell for each step (promql.md §6, §10). */
import { type FloatHistogram, type Labels, quoteGo } from '@pronoia/model';
import type { AggregateExpr, AggregateOp } from '../syntax/ast.ts';
import { IncompatibleSchemas } from '../value/histogram-arithmetic.ts';
import type { Arena } from './arena.ts';
import type { Evaluation } from './evaluation.ts';
import { HistogramMean, HistogramSum } from './histogram-sum.ts';
import { absent, isFloat, isHistogram, type Place, type StepSeries } from './step-series.ts';

/** The operators that fold the samples of a group into one. */
export type FoldOp = 'sum' | 'avg' | 'count' | 'group' | 'min' | 'max' | 'stddev' | 'stdvar';

export function isFoldOp(op: AggregateOp): op is FoldOp {
  return (
    op === 'sum' || op === 'avg' || op === 'count' || op === 'group' || op === 'min' || op === 'max' || op === 'stddev' || op === 'stdvar'
  );
}

const nothing = new Uint8Array(0);
const none = new Float64Array(0);
const sawFloat = 1;
const sawHistogram = 2;
const spoiled = 4;

export class GroupFold {
  readonly #ev: Evaluation;
  readonly #expr: AggregateExpr;
  readonly #op: FoldOp;
  readonly #out: StepSeries;
  #seen: Uint8Array;
  /** Sum, mean or extreme so far. */
  #a: Float64Array;
  /** Its compensation, or the sum of squares. */
  #b: Float64Array;
  #n: Float64Array;
  /** 1 where the mean has changed its way (promql.md §10). */
  #incremental: Uint8Array | undefined;
  /** Where those stand when kernels do the folding. */
  readonly #arena: Arena | undefined;
  #at = 0;
  readonly #histograms = new Map<number, HistogramSum | HistogramMean>();

  constructor(ev: Evaluation, expr: AggregateExpr, op: FoldOp, out: StepSeries, count: number, arena?: Arena) {
    this.#ev = ev;
    this.#expr = expr;
    this.#op = op;
    this.#out = out;
    this.#arena = arena;
    if (arena === undefined) {
      this.#seen = new Uint8Array(count);
      this.#a = new Float64Array(count);
      this.#b = new Float64Array(count);
      this.#n = new Float64Array(count);
      return;
    }
    this.#at = arena.allocate(26 * count);
    arena.bytes(this.#at, 26 * count).fill(0);
    this.#seen = nothing;
    this.#a = none;
    this.#b = none;
    this.#n = none;
  }

  /** Cells in the arena: three columns of floats, the flags, and which means have changed their way. */
  #look(): void {
    const { length: count } = this.#out.kinds;
    const arena = this.#arena as Arena;
    if (this.#a.buffer === arena.buffer) return;
    this.#a = arena.floats(this.#at, count);
    this.#b = arena.floats(this.#at + 8 * count, count);
    this.#n = arena.floats(this.#at + 16 * count, count);
    this.#seen = arena.bytes(this.#at + 24 * count, count);
    this.#incremental = arena.bytes(this.#at + 25 * count, count);
  }

  /** Whether a kernel has done it. */
  #addPlaced({ values, kinds, arena }: Place): boolean {
    const { length: count } = this.#out.kinds;
    if (arena !== this.#arena) return false;
    const { kernels } = arena;
    const a = this.#at;
    const b = a + 8 * count;
    const n = a + 16 * count;
    const seen = a + 24 * count;
    switch (this.#op) {
      case 'sum':
        kernels.foldSum(values, kinds, count, seen, a, b);
        return true;
      case 'avg':
        kernels.foldMean(values, kinds, count, seen, a, b, n, a + 25 * count);
        return true;
      case 'min':
      case 'max':
        kernels.foldExtreme(values, kinds, count, seen, a, this.#op === 'min' ? 1 : -1);
        return true;
      case 'count':
      case 'group':
        kernels.foldCount(kinds, count, seen, n);
        return true;
      case 'stddev':
      case 'stdvar':
        return false;
    }
  }

  add(series: StepSeries): void {
    if (series.dropName) this.#out.dropName = true;
    if (series.place !== undefined && this.#addPlaced(series.place)) return;
    if (this.#arena !== undefined) this.#look();
    switch (this.#op) {
      case 'sum':
        this.#sum(series);
        break;
      case 'avg':
        this.#mean(series);
        break;
      case 'count':
      case 'group':
        for (let i = 0; i < series.kinds.length; i++) {
          if (series.kinds[i] === absent) continue;
          this.#n[i] = (this.#n[i] as number) + 1;
          this.#seen[i] = sawFloat;
        }
        break;
      case 'min':
        this.#extreme(series, 1);
        break;
      case 'max':
        this.#extreme(series, -1);
        break;
      case 'stddev':
      case 'stdvar':
        this.#variance(series);
    }
  }

  #sum({ kinds, values, histograms, labels }: StepSeries): void {
    const [seen, sums, cs] = [this.#seen, this.#a, this.#b];
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i];
      if (kind === isFloat) {
        const x = values[i] as number;
        if (((seen[i] as number) & sawFloat) === 0) {
          seen[i] = (seen[i] as number) | sawFloat;
          sums[i] = x;
          continue;
        }
        const sum = sums[i] as number;
        const t = sum + x;
        if (t === Number.POSITIVE_INFINITY || t === Number.NEGATIVE_INFINITY) cs[i] = 0;
        else if (Math.abs(sum) >= Math.abs(x)) cs[i] = (cs[i] as number) + (sum - t + x);
        else cs[i] = (cs[i] as number) + (x - t + sum);
        sums[i] = t;
      } else if (kind === isHistogram) this.#addHistogram(i, histograms?.[i] as FloatHistogram, labels);
    }
  }

  #mean({ kinds, values, histograms, labels }: StepSeries): void {
    const [seen, sums, cs, ns] = [this.#seen, this.#a, this.#b, this.#n];
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i];
      if (kind === isHistogram) this.#addHistogram(i, histograms?.[i] as FloatHistogram, labels);
      if (kind !== isFloat) continue;
      const x = values[i] as number;
      const k = (ns[i] as number) + 1;
      ns[i] = k;
      if (k === 1) {
        seen[i] = (seen[i] as number) | sawFloat;
        sums[i] = x;
        continue;
      }
      let sum = sums[i] as number;
      let c = cs[i] as number;
      if (this.#incremental?.[i] !== 1) {
        const t = sum + x;
        if (t !== Number.POSITIVE_INFINITY && t !== Number.NEGATIVE_INFINITY) {
          cs[i] = Math.abs(sum) >= Math.abs(x) ? c + (sum - t + x) : c + (x - t + sum);
          sums[i] = t;
          continue;
        }
        this.#incremental ??= new Uint8Array(kinds.length);
        this.#incremental[i] = 1;
        sum /= k - 1;
        c /= k - 1;
      }
      const q = (k - 1) / k;
      sum *= q;
      c *= q;
      const part = x / k;
      const t = sum + part;
      if (t === Number.POSITIVE_INFINITY || t === Number.NEGATIVE_INFINITY) c = 0;
      else if (Math.abs(sum) >= Math.abs(part)) c += sum - t + part;
      else c += part - t + sum;
      sums[i] = t;
      cs[i] = c;
    }
  }

  #addHistogram(step: number, histogram: FloatHistogram, labels: Labels): void {
    const seen = this.#seen[step] as number;
    this.#seen[step] = seen | sawHistogram;
    if ((seen & spoiled) !== 0) return;
    const known = this.#histograms.get(step);
    if (known === undefined) {
      this.#histograms.set(step, this.#op === 'avg' ? new HistogramMean(histogram) : new HistogramSum(histogram));
      return;
    }
    try {
      known.add(histogram);
    } catch (cause) {
      if (!(cause instanceof IncompatibleSchemas)) throw cause;
      this.#seen[step] = seen | sawHistogram | spoiled;
      const name = quoteGo(labels.get('__name__'));
      const text = `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${name}`;
      this.#ev.annotations.warn(text, this.#expr.expr.span);
    }
  }

  /** `sign` 1 looks for the least, −1 for the greatest. */
  #extreme({ kinds, values }: StepSeries, sign: 1 | -1): void {
    const [seen, best] = [this.#seen, this.#a];
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i];
      if (kind === isHistogram) this.#ignoreHistogram();
      if (kind !== isFloat) continue;
      const x = values[i] as number;
      if (seen[i] === 0 || sign * ((best[i] as number) - x) > 0 || Number.isNaN(best[i])) best[i] = x;
      seen[i] = sawFloat;
    }
  }

  #variance({ kinds, values }: StepSeries): void {
    const [seen, means, squares, ns] = [this.#seen, this.#a, this.#b, this.#n];
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i];
      if (kind === isHistogram) this.#ignoreHistogram();
      if (kind !== isFloat) continue;
      const x = values[i] as number;
      const n = (ns[i] as number) + 1;
      ns[i] = n;
      seen[i] = sawFloat;
      if (n === 1) {
        means[i] = x;
        squares[i] = Number.isFinite(x) ? 0 : Number.NaN;
        continue;
      }
      const delta = x - (means[i] as number);
      means[i] = (means[i] as number) + delta / n;
      squares[i] = (squares[i] as number) + delta * (x - (means[i] as number));
    }
  }

  #ignoreHistogram(): void {
    this.#ev.annotations.info(`ignored histogram in ${this.#op} aggregation`, this.#expr.expr.span);
  }

  finish(): StepSeries {
    if (this.#arena !== undefined) this.#look();
    const [seen, a, b, n] = [this.#seen, this.#a, this.#b, this.#n];
    for (let i = 0; i < seen.length; i++) {
      if (seen[i] === 0) continue;
      if (((seen[i] as number) & sawHistogram) !== 0) {
        this.#finishHistogram(i);
        continue;
      }
      switch (this.#op) {
        case 'sum':
          this.#out.setFloat(i, (a[i] as number) + (b[i] as number));
          break;
        case 'avg': {
          const [sum, c, k] = [a[i] as number, b[i] as number, n[i] as number];
          this.#out.setFloat(i, this.#incremental?.[i] === 1 ? sum + c : sum / k + c / k);
          break;
        }
        case 'count':
          this.#out.setFloat(i, n[i] as number);
          break;
        case 'group':
          this.#out.setFloat(i, 1);
          break;
        case 'stdvar':
          this.#out.setFloat(i, (b[i] as number) / (n[i] as number));
          break;
        case 'stddev':
          this.#out.setFloat(i, Math.sqrt((b[i] as number) / (n[i] as number)));
          break;
        case 'min':
        case 'max':
          this.#out.setFloat(i, a[i] as number);
      }
    }
    return this.#out;
  }

  #finishHistogram(step: number): void {
    const seen = this.#seen[step] as number;
    const { annotations } = this.#ev;
    const { span } = this.#expr.expr;
    if ((seen & sawFloat) !== 0) {
      annotations.warn('encountered a mix of histograms and floats for aggregation', span);
      return;
    }
    if ((seen & spoiled) !== 0) return;
    const total = this.#histograms.get(step);
    if (total === undefined) return;
    if (total.hintsCollide) annotations.warn('conflicting counter resets during histogram aggregation', span);
    if (total.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during aggregation', span);
    this.#out.setHistogram(step, total.value());
  }
}
