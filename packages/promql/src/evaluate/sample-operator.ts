/** One operator on two samples, floats or histograms (promql.md §5.5): which pairs have a result, and what is said of the others. */
import type { FloatHistogram } from '@pronoia/model';
import type { BinaryOp } from '../syntax/ast.ts';
import { isComparison } from '../syntax/check.ts';
import { combine, divide, equalHistograms, IncompatibleSchemas, scale, withHint } from '../value/histogram-arithmetic.ts';
import { compact } from '../value/histogram-buckets.ts';
import { trimHistogram } from '../value/histogram-trim.ts';
import { floatOperator } from './float-operator.ts';

export interface SampleResult {
  value: number;
  histogram: FloatHistogram | undefined;
  /** False when there is no sample: filtered by a comparison, or no answer at all. */
  keep: boolean;
  /** The pair has no result at all, not even 0 under `bool`. */
  impossible: boolean;
  warning: string | undefined;
  info: string | undefined;
}

export function newSampleResult(): SampleResult {
  return { value: 0, histogram: undefined, keep: false, impossible: false, warning: undefined, info: undefined };
}

export type SampleOperator = (
  a: number,
  ha: FloatHistogram | undefined,
  b: number,
  hb: FloatHistogram | undefined,
  result: SampleResult,
) => void;

/** For filters the result is the left sample; the caller may take another. */
export function sampleOperator(op: BinaryOp): SampleOperator {
  const trims = op === '</' || op === '>/';
  const floats = trims ? undefined : floatOperator(op);
  const compares = isComparison(op);
  return (a, ha, b, hb, result) => {
    result.histogram = undefined;
    result.keep = true;
    result.impossible = false;
    result.warning = undefined;
    result.info = undefined;
    if (ha === undefined && hb === undefined) {
      if (floats === undefined) incompatible(op, 'float', 'float', result);
      else if (compares) {
        result.keep = floats(a, b) === 1;
        result.value = a;
      } else result.value = floats(a, b);
    } else if (ha === undefined && hb !== undefined) {
      if (op === '*') result.histogram = compact(scale(hb, a));
      else incompatible(op, 'float', 'histogram', result);
    } else if (ha !== undefined && hb === undefined) {
      if (op === '*') result.histogram = compact(scale(ha, b));
      else if (op === '/') result.histogram = compact(divide(ha, b));
      else if (trims) result.histogram = trimHistogram(ha, b, op === '</');
      else incompatible(op, 'histogram', 'float', result);
    } else if (ha !== undefined && hb !== undefined) histograms(op, ha, hb, result);
  };
}

function incompatible(op: BinaryOp, left: string, right: string, result: SampleResult): void {
  result.keep = false;
  result.impossible = true;
  result.info = `incompatible sample types encountered for binary operator "${op}": ${left} ${op} ${right}`;
}

function histograms(op: BinaryOp, a: FloatHistogram, b: FloatHistogram, result: SampleResult): void {
  if (op === '==' || op === '!=') {
    result.keep = equalHistograms(a, b) === (op === '==');
    result.histogram = a;
  } else if (op === '+' || op === '-') sumOrDifference(op, a, b, result);
  else incompatible(op, 'histogram', 'histogram', result);
}

function sumOrDifference(op: '+' | '-', a: FloatHistogram, b: FloatHistogram, result: SampleResult): void {
  const kind = op === '+' ? 'addition' : 'subtraction';
  const refuse = (warning: string): void => {
    result.warning = warning;
    result.keep = false;
    result.impossible = true;
  };
  try {
    const { histogram, hintsCollide, boundsReconciled } = combine(a, b, op === '+' ? 1 : -1);
    result.histogram = compact(op === '-' ? withHint(histogram, 'gauge') : histogram);
    if (boundsReconciled) result.info = `mismatched custom buckets were reconciled during ${kind}`;
    // The original drops such a sample, as it does every one with an error.
    if (hintsCollide) refuse(`conflicting counter resets during histogram ${kind}`);
  } catch (cause) {
    if (!(cause instanceof IncompatibleSchemas)) throw cause;
    refuse(`incompatible bucket layout encountered for binary operator ${op}`);
  }
}
