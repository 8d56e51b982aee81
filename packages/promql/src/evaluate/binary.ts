/** Binary operators over scalars and vectors: matching, cardinality, filters (promql.md §5). */
import { type FloatHistogram, Labels } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { BinaryExpr, VectorMatching } from '../syntax/ast.ts';
import { isComparison, isSetOperator, isTrim } from '../syntax/check.ts';
import type { Budget } from './budget.ts';
import { columnOperator } from './column-operator.ts';
import type { Evaluation, Value } from './evaluation.ts';
import { floatOperator } from './float-operator.ts';
import type { Frame } from './frame.ts';
import { labelText } from './label-text.ts';
import { labelsWork, mergeNameless, mergeSeries } from './merge-series.ts';
import { newSampleResult, type SampleResult, sampleOperator } from './sample-operator.ts';
import { absent, ColumnSlab, dropMetadata, isFloat, isHistogram, StepSeries } from './step-series.ts';

export async function evaluateBinary(ev: Evaluation, expr: BinaryExpr, frame: Frame): Promise<Value> {
  const left = await ev.evaluate(expr.left, frame);
  const right = await ev.evaluate(expr.right, frame);
  if (left.kind === 'scalar' && right.kind === 'scalar') {
    const apply = floatOperator(expr.op);
    return { kind: 'scalar', values: left.values.map((a, i) => apply(a, right.values[i] as number)) };
  }
  if (left.kind === 'vector' && right.kind === 'scalar') {
    return { kind: 'vector', series: await vectorScalar(ev, expr, left.series, right.values, false) };
  }
  if (left.kind === 'scalar' && right.kind === 'vector') {
    return { kind: 'vector', series: await vectorScalar(ev, expr, right.series, left.values, true) };
  }
  if (left.kind !== 'vector' || right.kind !== 'vector') throw new Error(`BUG: ${left.kind} ${expr.op} ${right.kind}`);
  if (isSetOperator(expr.op)) return { kind: 'vector', series: await setOperator(ev, expr, left.series, right.series, frame) };
  return { kind: 'vector', series: await vectorVector(ev, expr, left.series, right.series, frame) };
}

/** Filters keep the vector's value and name; all else makes new values without name. */
async function vectorScalar(
  ev: Evaluation,
  expr: BinaryExpr,
  vector: readonly StepSeries[],
  scalar: Float64Array,
  swapped: boolean,
): Promise<readonly StepSeries[]> {
  const { op, returnBool } = expr;
  const filters = isComparison(op) && !returnBool;
  const keepsName = filters || isTrim(op);
  const apply = sampleOperator(op);
  const result = newSampleResult();
  const notes = new LastNotes();
  const results: StepSeries[] = [];
  const { delayedNames, budget } = ev;
  const floats = ev.isLiteral || isTrim(op) ? undefined : floatOperator(op);
  for (const series of vector) {
    const { kinds, values } = series;
    const labels = keepsName || delayedNames ? series.labels : dropMetadata(series.labels);
    const out = new StepSeries(labels, series.dropName || !keepsName, kinds.length);
    let any = false;
    if (floats !== undefined && series.histograms === undefined) {
      any = floatsWithScalar(series, scalar, floats, swapped, filters, out);
      if (any) results.push(out);
      if (budget.due(kinds.length)) await budget.pause();
      continue;
    }
    for (let step = 0; step < kinds.length; step++) {
      const kind = kinds[step];
      if (kind === absent) continue;
      const value = values[step] as number;
      const histogram = kind === isHistogram ? series.histogram(step) : undefined;
      const other = scalar[step] as number;
      if (swapped) apply(other, undefined, value, histogram, result);
      else apply(value, histogram, other, undefined, result);
      notes.note(step, 0, result);
      if (result.impossible) continue;
      if (returnBool) out.setFloat(step, result.keep ? 1 : 0);
      else if (!result.keep) continue;
      else if (filters) out.copyFrom(series, step);
      else put(out, step, result.value, result.histogram);
      any = true;
    }
    if (any) results.push(out);
    if (budget.due(kinds.length)) await budget.pause();
  }
  notes.commit(ev, expr);
  return keepsName ? results : mergeNameless(ev, vector, results);
}

/** Hot. Returns whether there is any result. */
function floatsWithScalar(
  { kinds, values }: StepSeries,
  scalar: Float64Array,
  apply: (a: number, b: number) => number,
  swapped: boolean,
  filters: boolean,
  { values: outValues, kinds: outKinds }: StepSeries,
): boolean {
  let any = false;
  for (let step = 0; step < kinds.length; step++) {
    if (kinds[step] === absent) continue;
    const value = values[step] as number;
    const result = swapped ? apply(scalar[step] as number, value) : apply(value, scalar[step] as number);
    if (filters) {
      if (result !== 1) continue;
      outValues[step] = value;
    } else outValues[step] = result;
    outKinds[step] = isFloat;
    any = true;
  }
  return any;
}

function put(out: StepSeries, step: number, value: number, histogram: FloatHistogram | undefined): void {
  if (histogram === undefined) out.setFloat(step, value);
  else out.setHistogram(step, histogram);
}

/** Of all that is to be said about the pairs of one step, the original keeps only the last. */
class LastNotes {
  readonly #byStep = new Map<number, { order: number; warning: string | undefined; info: string | undefined }>();

  note(step: number, order: number, { warning, info }: SampleResult): void {
    if (warning === undefined && info === undefined) return;
    const known = this.#byStep.get(step);
    if (known === undefined || known.order <= order) this.#byStep.set(step, { order, warning, info });
  }

  commit(ev: Evaluation, { span }: BinaryExpr): void {
    for (const { warning, info } of this.#byStep.values()) {
      if (warning !== undefined) ev.annotations.warn(warning, span);
      else if (info !== undefined) ev.annotations.info(info, span);
    }
  }
}

// Matching

/** The labels that decide which series meet. */
function signatureOf({ on, labels: names }: VectorMatching): (labels: Labels) => Labels {
  const set = new Set(names);
  if (on) return (labels) => labels.only(set);
  set.add('__name__');
  return (labels) => labels.without(set);
}

class MatchGroup {
  readonly left: number[] = [];
  readonly right: number[] = [];
  readonly #signature: (labels: Labels) => Labels;
  readonly #member: Labels;

  constructor(signature: (labels: Labels) => Labels, member: Labels) {
    this.#signature = signature;
    this.#member = member;
  }

  /** Made when they are asked for: mostly by nobody. */
  get labels(): Labels {
    return this.#signature(this.#member);
  }
}

/** Equal where the labels that decide are equal. */
function signatureKey(matching: VectorMatching, signature: (labels: Labels) => Labels): (labels: Labels) => string {
  const { on, labels: names } = matching;
  if (!on) return (labels) => signature(labels).key();
  const [first] = names;
  if (names.length === 1 && first !== undefined) return (labels) => labels.get(first);
  return (labels) => {
    let key = '';
    for (const name of names) key += `${labels.get(name)}\xff`;
    return key;
  };
}

/** In order of first appearance, left side first. */
async function matchGroups(
  budget: Budget,
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  matching: VectorMatching,
): Promise<MatchGroup[]> {
  const groups = new Map<string, MatchGroup>();
  const signature = signatureOf(matching);
  const keyOf = signatureKey(matching, signature);
  const groupOf = (series: StepSeries): MatchGroup => {
    const key = keyOf(series.labels);
    let group = groups.get(key);
    if (group === undefined) {
      group = new MatchGroup(signature, series.labels);
      groups.set(key, group);
    }
    return group;
  };
  for (const [i, series] of left.entries()) {
    groupOf(series).left.push(i);
    if (budget.due(labelsWork)) await budget.pause();
  }
  for (const [i, series] of right.entries()) {
    groupOf(series).right.push(i);
    if (budget.due(labelsWork)) await budget.pause();
  }
  return [...groups.values()];
}

async function setOperator(
  ev: Evaluation,
  { op, matching }: BinaryExpr,
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  frame: Frame,
): Promise<StepSeries[]> {
  if (matching === undefined) throw new Error('BUG: set operator without matching');
  const keepLeft = [...left];
  const keepRight = [...right];
  for (const group of await matchGroups(ev.budget, left, right, matching)) {
    const present = (indexes: readonly number[], side: readonly StepSeries[]): Uint8Array => {
      const steps = new Uint8Array(frame.count);
      for (const index of indexes) {
        const { kinds } = side[index] as StepSeries;
        for (let step = 0; step < steps.length; step++) if (kinds[step] !== absent) steps[step] = 1;
      }
      return steps;
    };
    const filter = (
      indexes: readonly number[],
      side: readonly StepSeries[],
      other: Uint8Array,
      wanted: 0 | 1,
      into: StepSeries[],
    ): void => {
      for (const index of indexes) into[index] = filtered(side[index] as StepSeries, other, wanted);
    };
    if (op === 'or') filter(group.right, right, present(group.left, left), 0, keepRight);
    else filter(group.left, left, present(group.right, right), op === 'and' ? 1 : 0, keepLeft);
    if (ev.budget.due(frame.count * (group.left.length + group.right.length))) await ev.budget.pause();
  }
  const kept = (list: readonly StepSeries[]): StepSeries[] => list.filter((series) => !series.isEmpty());
  return op === 'or' ? mergeSeries(ev.budget, [...kept(keepLeft), ...kept(keepRight)]) : kept(keepLeft);
}

function filtered(series: StepSeries, other: Uint8Array, wanted: 0 | 1): StepSeries {
  const out = new StepSeries(series.labels, series.dropName, series.kinds.length);
  for (let step = 0; step < series.kinds.length; step++) {
    if (series.kinds[step] !== absent && other[step] === wanted) out.copyFrom(series, step);
  }
  return out;
}

async function vectorVector(
  ev: Evaluation,
  expr: BinaryExpr,
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  frame: Frame,
): Promise<StepSeries[]> {
  const matcher = new Matching(ev, expr, left, right, frame);
  await matcher.findGroups();
  for (const group of matcher.groups) {
    matcher.match(group);
    if (ev.budget.due(frame.count * (group.left.length + group.right.length))) await ev.budget.pause();
  }
  return matcher.finish();
}

/** "Many" is the left side, but under `group_right` the right one; the operator still sees left and right as written. */
class Matching {
  groups: readonly MatchGroup[] = [];
  readonly #ev: Evaluation;
  readonly #expr: BinaryExpr;
  readonly #matching: VectorMatching;
  readonly #many: readonly StepSeries[];
  readonly #one: readonly StepSeries[];
  readonly #swapped: boolean;
  readonly #count: number;
  readonly #slab: ColumnSlab;
  readonly #fillMany: number | undefined;
  readonly #fillOne: number | undefined;
  readonly #fills: boolean;
  readonly #apply;
  readonly #result = newSampleResult();
  readonly #notes = new LastNotes();
  /** Steps at which both sides have a sample, or a fill takes its place; elsewhere nothing happens. */
  readonly #active: Uint8Array;
  /** The original goes step by step: of all faults it meets the one of the earliest step. */
  #fault: { readonly step: number; readonly order: number; readonly error: QueryError } | undefined;
  readonly #results: { order: number; series: StepSeries }[] = [];

  constructor(ev: Evaluation, expr: BinaryExpr, left: readonly StepSeries[], right: readonly StepSeries[], frame: Frame) {
    if (expr.matching === undefined) throw new Error('BUG: vector operator without matching');
    this.#ev = ev;
    this.#expr = expr;
    this.#matching = expr.matching;
    this.#swapped = expr.matching.cardinality === 'one-to-many';
    this.#many = this.#swapped ? right : left;
    this.#one = this.#swapped ? left : right;
    // The original swaps the sides under group_right, but not the fill values; so does this.
    this.#fillMany = expr.matching.fillLeft;
    this.#fillOne = expr.matching.fillRight;
    this.#fills = this.#fillMany !== undefined || this.#fillOne !== undefined;
    this.#count = frame.count;
    this.#slab = new ColumnSlab(frame.count);
    this.#apply = sampleOperator(expr.op);
    this.#active = new Uint8Array(frame.count);
  }

  async findGroups(): Promise<void> {
    this.groups = await matchGroups(this.#ev.budget, this.#many, this.#one, this.#matching);
    if (this.#ev.isLiteral || this.#fills || this.groups.some(({ right }) => right.length > 1)) await this.#findActiveSteps();
    else this.#active.fill(1);
  }

  async #findActiveSteps(): Promise<void> {
    const some = async (side: readonly StepSeries[]): Promise<Uint8Array> => {
      const steps = new Uint8Array(this.#count);
      for (const { kinds } of side) {
        for (let i = 0; i < steps.length; i++) if (kinds[i] !== absent) steps[i] = 1;
        if (this.#ev.budget.due(this.#count)) await this.#ev.budget.pause();
      }
      return steps;
    };
    const [many, one] = [await some(this.#many), await some(this.#one)];
    for (let i = 0; i < this.#count; i++) {
      const [hasMany, hasOne] = [many[i] === 1, one[i] === 1];
      this.#active[i] = (this.#fills ? hasMany || hasOne : hasMany && hasOne) ? 1 : 0;
    }
  }

  match(group: MatchGroup): void {
    const { left: many, right: one } = group;
    if (one.length === 0 && this.#fillOne === undefined) return;
    if (!this.#ev.isLiteral && this.#matchFloats(group)) return;
    const outs = new Map<number, StepSeries>();
    const labelsOf = new Map<number, { labels: Labels; key: string }>();
    /** −1 stands for a filled partner. */
    const resultLabels = (m: number, o: number): { labels: Labels; key: string } => {
      const pair = (m + 1) * (this.#one.length + 1) + o + 1;
      let known = labelsOf.get(pair);
      if (known === undefined) {
        const labels = this.#resultLabels(
          m < 0 ? group.labels : (this.#many[m] as StepSeries).labels,
          o < 0 ? group.labels : (this.#one[o] as StepSeries).labels,
        );
        known = { labels, key: labels.key() };
        labelsOf.set(pair, known);
      }
      return known;
    };
    const isOneToOne = this.#matching.cardinality === 'one-to-one';
    const seen = new Set<string>();
    const emit = (step: number, m: number, o: number, matches: number): void => {
      const { labels, key } = resultLabels(m, o);
      if (isOneToOne) {
        if (matches > 0)
          return this.#fail(step, this.#one.length + m, ambiguous('many-to-one matching must be explicit (group_left/group_right)'));
      } else if (many.length > 1) {
        if (seen.has(key)) return this.#fail(step, this.#one.length + m, ambiguous('grouping labels must ensure unique matches'));
        seen.add(key);
      }
      this.#combine(step, m, o);
      if (this.#result.impossible || (!this.#result.keep && !this.#expr.returnBool)) return;
      const pair = (m + 1) * (this.#one.length + 1) + o + 1;
      let out = outs.get(pair);
      if (out === undefined) {
        out = new StepSeries(labels, this.#expr.returnBool, this.#count);
        outs.set(pair, out);
        this.#results.push({ order: m < 0 ? Number.MAX_SAFE_INTEGER : m, series: out });
      }
      if (this.#expr.returnBool) out.setFloat(step, this.#result.keep ? 1 : 0);
      else put(out, step, this.#result.value, this.#result.histogram);
    };

    for (let step = 0; step < this.#count; step++) {
      if (this.#fault !== undefined && this.#fault.step < step) return;
      if (this.#active[step] === 0) continue;
      let partner = -1;
      for (const o of one) {
        if ((this.#one[o] as StepSeries).kinds[step] === absent) continue;
        if (partner >= 0) {
          this.#fail(step, o, this.#duplicate(group.labels, o, partner));
          return;
        }
        partner = o;
      }
      let matches = 0;
      seen.clear();
      if (partner >= 0 || this.#fillOne !== undefined) {
        for (const m of many) {
          if ((this.#many[m] as StepSeries).kinds[step] === absent) continue;
          emit(step, m, partner, matches);
          matches++;
        }
      }
      if (matches === 0 && partner >= 0 && this.#fillMany !== undefined) emit(step, -1, partner, 0);
    }
  }

  /**
   * Hot: one series on the one side, floats only, nothing to fill, and results that cannot meet. False when it is not that simple.
   */
  #matchFloats({ left: many, right: [o, ...otherOne] }: MatchGroup): boolean {
    const { op, returnBool } = this.#expr;
    if (otherOne.length > 0 || this.#fills || isTrim(op)) return false;
    if (o === undefined || many.length === 0) return true;
    const one = this.#one[o] as StepSeries;
    if (one.histograms !== undefined || many.some((m) => (this.#many[m] as StepSeries).histograms !== undefined)) return false;
    const labels = many.map((m) => this.#resultLabels((this.#many[m] as StepSeries).labels, one.labels));
    if (many.length > 1) {
      if (this.#matching.cardinality === 'one-to-one' || new Set(labels.map((each) => each.key())).size < labels.length) return false;
    }
    const combine = columnOperator(op, isComparison(op) && !returnBool);
    for (const [i, m] of many.entries()) {
      const series = this.#many[m] as StepSeries;
      const out = new StepSeries(labels[i] as Labels, returnBool, this.#count, this.#slab.take());
      const [left, right] = this.#swapped ? [one, series] : [series, one];
      const found = combine(left, right, out);
      out.knownWeight = found;
      if (found > 0) this.#results.push({ order: m, series: out });
    }
    return true;
  }

  #fail(step: number, order: number, error: QueryError): void {
    const known = this.#fault;
    if (known === undefined || step < known.step || (step === known.step && order < known.order)) this.#fault = { step, order, error };
  }

  #combine(step: number, m: number, o: number): void {
    const many = m < 0 ? undefined : (this.#many[m] as StepSeries);
    const one = o < 0 ? undefined : (this.#one[o] as StepSeries);
    const manyValue = many === undefined ? (this.#fillMany as number) : (many.values[step] as number);
    const oneValue = one === undefined ? (this.#fillOne as number) : (one.values[step] as number);
    const manyHistogram = many?.kinds[step] === isHistogram ? many.histogram(step) : undefined;
    const oneHistogram = one?.kinds[step] === isHistogram ? one.histogram(step) : undefined;
    if (this.#swapped) this.#apply(oneValue, oneHistogram, manyValue, manyHistogram, this.#result);
    else this.#apply(manyValue, manyHistogram, oneValue, oneHistogram, this.#result);
    // What has no partner among the many comes behind all of them.
    this.#notes.note(step, m < 0 ? this.#many.length + o : m, this.#result);
  }

  #resultLabels(many: Labels, one: Labels): Labels {
    const { on, labels: names, include, cardinality } = this.#matching;
    const { op, returnBool } = this.#expr;
    const keepsName = isComparison(op) || isTrim(op);
    let labels = keepsName ? many : dropMetadata(many);
    if (cardinality === 'one-to-one') {
      const set = new Set(names);
      labels = on ? labels.only(set) : labels.without(set);
    }
    if (include.length > 0) {
      const record = labels.toObject();
      for (const name of include) record[name] = one.get(name);
      labels = Labels.from(record);
    }
    return returnBool && !this.#ev.delayedNames ? dropMetadata(labels) : labels;
  }

  #duplicate(labels: Labels, found: number, earlier: number): QueryError {
    const side = this.#swapped ? 'left' : 'right';
    const text = (index: number): string => labelText((this.#one[index] as StepSeries).labels);
    const pair = [text(found), text(earlier)].sort().join(', ');
    return new QueryError(
      'execution',
      `found duplicate series for the match group ${labelText(labels)} on the ${side} hand-side of the operation: [${pair}]` +
        ';many-to-many matching not allowed: matching labels must be unique on one side',
    );
  }

  async finish(): Promise<StepSeries[]> {
    if (this.#fault !== undefined) throw this.#fault.error;
    this.#notes.commit(this.#ev, this.#expr);
    const results = this.#results.sort((a, b) => a.order - b.order).map(({ series }) => series);
    // One to one, the signature is in the result's labels: series of two groups cannot meet. Those of one group can, taking turns.
    const cannotMeet =
      this.#matching.cardinality === 'one-to-one' &&
      !this.#fills &&
      this.groups.every(({ left, right }) => left.length < 2 && right.length < 2);
    return cannotMeet ? results : mergeSeries(this.#ev.budget, results);
  }
}

function ambiguous(why: string): QueryError {
  return new QueryError('execution', `multiple matches for labels: ${why}`);
}
