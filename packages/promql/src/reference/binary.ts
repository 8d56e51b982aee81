/** One binary operator at one step (promql.md §5). */
import { type FloatHistogram, isLegacyName, type Labels, quoteGo } from '@pronoia/model';
import type { BinaryExpr, BinaryOp, VectorMatching } from '../syntax/ast.ts';
import { isComparison, isTrim } from '../syntax/check.ts';
import { combine, divide, equalHistograms, IncompatibleSchemas, scale, withHint } from '../value/histogram-arithmetic.ts';
import { compact } from '../value/histogram-buckets.ts';
import { trimHistogram } from '../value/histogram-trim.ts';
import { arithmetic, comparison } from './floats.ts';
import { type Context, fail, nameless, type Result, type Sample, sampleOf, type Vector, withoutMetadata } from './sample.ts';

// Two values

/** `hit` is the answer of a comparison; `impossible` pairs have no result, not even under `bool`. */
type Outcome =
  | { readonly kind: 'value'; readonly value: Result; readonly info?: string }
  | { readonly kind: 'compared'; readonly hit: boolean }
  | { readonly kind: 'impossible'; readonly warning?: string; readonly info?: string };

const isFloat = (value: Result): value is number => typeof value === 'number';
const valueOf = ({ value, histogram }: { readonly value: number; readonly histogram: FloatHistogram | undefined }): Result =>
  histogram ?? value;

export function ofScalars(op: BinaryOp, a: number, b: number): number {
  const outcome = apply(op, a, b);
  if (outcome.kind === 'compared') return outcome.hit ? 1 : 0;
  if (outcome.kind === 'impossible' || !isFloat(outcome.value)) throw new Error(`BUG: ${op} of two scalars`);
  return outcome.value;
}

/** The table of promql.md §5.5. */
function apply(op: BinaryOp, a: Result, b: Result): Outcome {
  if (isFloat(a) && isFloat(b)) {
    const compares = comparison[op];
    if (compares !== undefined) return { kind: 'compared', hit: compares(a, b) };
    const computes = arithmetic[op];
    if (computes !== undefined) return { kind: 'value', value: computes(a, b) };
  } else if (isFloat(a) && !isFloat(b)) {
    if (op === '*') return { kind: 'value', value: compact(scale(b, a)) };
  } else if (!isFloat(a) && isFloat(b)) {
    if (op === '*') return { kind: 'value', value: compact(scale(a, b)) };
    if (op === '/') return { kind: 'value', value: compact(divide(a, b)) };
    if (isTrim(op)) return { kind: 'value', value: trimHistogram(a, b, op === '</') };
  } else if (!isFloat(a) && !isFloat(b)) {
    if (op === '==' || op === '!=') return { kind: 'compared', hit: equalHistograms(a, b) === (op === '==') };
    if (op === '+' || op === '-') return addHistograms(op, a, b);
  }
  const [left, right] = [a, b].map((value) => (isFloat(value) ? 'float' : 'histogram'));
  return { kind: 'impossible', info: `incompatible sample types encountered for binary operator "${op}": ${left} ${op} ${right}` };
}

function addHistograms(op: '+' | '-', a: FloatHistogram, b: FloatHistogram): Outcome {
  const kind = op === '+' ? 'addition' : 'subtraction';
  try {
    const { histogram, hintsCollide, boundsReconciled } = combine(a, b, op === '+' ? 1 : -1);
    if (hintsCollide) return { kind: 'impossible', warning: `conflicting counter resets during histogram ${kind}` };
    const value = compact(op === '-' ? withHint(histogram, 'gauge') : histogram);
    return boundsReconciled
      ? { kind: 'value', value, info: `mismatched custom buckets were reconciled during ${kind}` }
      : { kind: 'value', value };
  } catch (cause) {
    if (!(cause instanceof IncompatibleSchemas)) throw cause;
    return { kind: 'impossible', warning: `incompatible bucket layout encountered for binary operator ${op}` };
  }
}

/** What an outcome gives as a sample; `kept` is what a filter lets through. */
function resultOf(outcome: Outcome, returnBool: boolean, kept: Result): Result | undefined {
  switch (outcome.kind) {
    case 'value':
      return outcome.value;
    case 'compared':
      if (returnBool) return outcome.hit ? 1 : 0;
      return outcome.hit ? kept : undefined;
    case 'impossible':
      return undefined;
  }
}

/** Of all that is to be said about the pairs of a step, the original keeps only the last. */
class LastNote {
  #last: Outcome | undefined;

  take(outcome: Outcome): void {
    if (noteOf(outcome) !== undefined) this.#last = outcome;
  }

  tell({ annotations }: Context, { span }: BinaryExpr): void {
    const note = this.#last === undefined ? undefined : noteOf(this.#last);
    if (note === undefined) return;
    if (note.isWarning) annotations.warn(note.text, span);
    else annotations.info(note.text, span);
  }
}

function noteOf(outcome: Outcome): { text: string; isWarning: boolean } | undefined {
  if (outcome.kind === 'compared') return undefined;
  if (outcome.kind === 'impossible' && outcome.warning !== undefined) return { text: outcome.warning, isWarning: true };
  return outcome.info === undefined ? undefined : { text: outcome.info, isWarning: false };
}

// Vector and scalar

export function withScalar(context: Context, expr: BinaryExpr, vector: Vector, scalar: number, scalarIsLeft: boolean): Sample[] {
  const { op, returnBool } = expr;
  const keepsName = (isComparison(op) && !returnBool) || isTrim(op);
  const note = new LastNote();
  const results = vector.flatMap((sample) => {
    const outcome = scalarIsLeft ? apply(op, scalar, valueOf(sample)) : apply(op, valueOf(sample), scalar);
    note.take(outcome);
    const result = resultOf(outcome, returnBool, valueOf(sample));
    if (result === undefined) return [];
    if (keepsName) return [sampleOf(sample.labels, sample.dropName, result, sample.rank)];
    return [sampleOf(nameless(context, sample.labels), true, result, sample.rank)];
  });
  note.tell(context, expr);
  return results;
}

// Vector and vector

/** Rank behind all of the other side. */
const behind = 1e9;

function signature({ on, labels: names }: VectorMatching, labels: Labels): Labels {
  return on ? labels.only(new Set(names)) : labels.without(new Set([...names, '__name__']));
}

export function setOperator({ op, matching }: BinaryExpr, left: Vector, right: Vector): Sample[] {
  if (matching === undefined) throw new Error('BUG: set operator without matching');
  const keyOf = ({ labels }: Sample): string => signature(matching, labels).key();
  const [leftKeys, rightKeys] = [new Set(left.map(keyOf)), new Set(right.map(keyOf))];
  if (op === 'and') return left.filter((sample) => rightKeys.has(keyOf(sample)));
  if (op === 'unless') return left.filter((sample) => !rightKeys.has(keyOf(sample)));
  const added = right.filter((sample) => !leftKeys.has(keyOf(sample)));
  return [...left, ...added.map((sample) => ({ ...sample, rank: behind + sample.rank }))];
}

/** All labels in braces, the name too. */
export function seriesText(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${isLegacyName(name) ? name : quoteGo(name)}=${quoteGo(value)}`).join(', ')}}`;
}

export function vectorOperator(context: Context, expr: BinaryExpr, left: Vector, right: Vector): Sample[] {
  const { matching, op, returnBool } = expr;
  if (matching === undefined) throw new Error('BUG: vector operator without matching');
  const swapped = matching.cardinality === 'one-to-many';
  const [many, one] = swapped ? [right, left] : [left, right];
  // Under group_right the original swaps the sides, but not the values that fill them.
  const [fillMany, fillOne] = [matching.fillLeft, matching.fillRight];
  const fills = fillMany !== undefined || fillOne !== undefined;
  if ((many.length === 0 && one.length === 0) || (!fills && (many.length === 0 || one.length === 0))) return [];
  const keyOf = ({ labels }: { readonly labels: Labels }): string => signature(matching, labels).key();

  const partners = new Map<string, Sample>();
  for (const sample of one) {
    const earlier = partners.get(keyOf(sample));
    if (earlier !== undefined) failDuplicateMatch(signature(matching, sample.labels), sample, earlier, swapped ? 'left' : 'right');
    partners.set(keyOf(sample), sample);
  }

  const note = new LastNote();
  const results: Sample[] = [];
  const emit = (m: Sample, o: Sample): void => {
    const [a, b] = (swapped ? [o, m] : [m, o]).map(valueOf) as [Result, Result];
    const outcome = apply(op, a, b);
    note.take(outcome);
    const result = resultOf(outcome, returnBool, a);
    if (result !== undefined) results.push(sampleOf(resultLabels(context, expr, matching, m.labels, o.labels), returnBool, result, m.rank));
  };

  const matched = new Set<string>();
  const emitted = new Set<string>();
  for (const sample of many) {
    const key = keyOf(sample);
    const partner = partners.get(key) ?? filler(fillOne, signature(matching, sample.labels));
    if (partner === undefined) continue;
    if (matching.cardinality === 'one-to-one') {
      if (matched.has(key)) failAmbiguous('many-to-one matching must be explicit (group_left/group_right)');
    } else {
      const pairKey = JSON.stringify([key, resultLabels(context, expr, matching, sample.labels, partner.labels).key()]);
      if (emitted.has(pairKey)) failAmbiguous('grouping labels must ensure unique matches');
      emitted.add(pairKey);
    }
    matched.add(key);
    emit(sample, partner);
  }
  for (const sample of fillMany === undefined ? [] : one) {
    const labels = signature(matching, sample.labels);
    if (!matched.has(labels.key())) emit({ ...(filler(fillMany, labels) as Sample), rank: behind + sample.rank }, sample);
  }
  note.tell(context, expr);
  return results;
}

function filler(value: number | undefined, labels: Labels): Sample | undefined {
  return value === undefined ? undefined : { labels, dropName: false, value, histogram: undefined, rank: behind };
}

function resultLabels(
  { delayedNames }: Context,
  { op, returnBool }: BinaryExpr,
  matching: VectorMatching,
  many: Labels,
  one: Labels,
): Labels {
  let labels = isComparison(op) || isTrim(op) ? many : withoutMetadata(many);
  if (matching.cardinality === 'one-to-one') {
    const names = new Set(matching.labels);
    labels = matching.on ? labels.only(names) : labels.without(names);
  }
  for (const name of matching.include) labels = labels.with(name, one.get(name));
  return returnBool && !delayedNames ? withoutMetadata(labels) : labels;
}

function failDuplicateMatch(group: Labels, found: Sample, earlier: Sample, side: 'left' | 'right'): never {
  const pair = [seriesText(found.labels), seriesText(earlier.labels)].sort().join(', ');
  return fail(
    `found duplicate series for the match group ${seriesText(group)} on the ${side} hand-side of the operation: [${pair}]` +
      ';many-to-many matching not allowed: matching labels must be unique on one side',
  );
}

function failAmbiguous(why: string): never {
  return fail(`multiple matches for labels: ${why}`);
}
