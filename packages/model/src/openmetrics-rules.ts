/**
 * What OpenMetrics 1.0 asks of whole families: one block per family, sample names by type, one block per metric, times that
 * do not go back, values that make sense for the type. A sink in front of the real one.
 */
import { ExpositionError, type ExpositionSink, type MetricType, type SampleLine } from './exposition.ts';
import { Labels } from './labels.ts';

const suffixes: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
};

/** Samples that count something: neither negative nor NaN. */
const counting = new Set([
  'counter_total',
  'histogram_bucket',
  'histogram_count',
  'gaugehistogram_bucket',
  'gaugehistogram_gcount',
  'summary_count',
]);
const mayHaveExemplar = new Set(['counter_total', 'histogram_bucket', 'gaugehistogram_bucket']);

const maxExemplarRunes = 128;

interface Family {
  readonly name: string;
  type: MetricType;
  readonly metadata: Set<string>;
  hasSamples: boolean;
}

/** One metric at one time: what its samples have shown so far. */
interface Point {
  readonly metric: string;
  readonly timestampMs: number | undefined;
  lastBound: number;
  lastCount: number;
  hasNegativeBound: boolean;
  hasSum: boolean;
  sum: number;
  count: number | undefined;
}

export class FamilyRules implements ExpositionSink {
  readonly #bytes: Uint8Array;
  readonly #sink: ExpositionSink;
  #family: Family | undefined;
  readonly #takenNames = new Set<string>();
  #closedMetrics = new Set<string>();
  #point: Point | undefined;
  /** Samples of the current metric → the time of the last one. */
  #sampleTimes = new Map<string, number>();
  #at = 0;

  constructor(bytes: Uint8Array, sink: ExpositionSink) {
    this.#bytes = bytes;
    this.#sink = sink;
  }

  type(family: string, type: MetricType): void {
    this.#metadata(family, 'TYPE').type = type;
    this.#sink.type?.(family, type);
  }

  help(family: string, help: string): void {
    this.#metadata(family, 'HELP');
    this.#sink.help?.(family, help);
  }

  unit(family: string, unit: string): void {
    this.#metadata(family, 'UNIT');
    this.#sink.unit?.(family, unit);
  }

  sample(line: SampleLine): void {
    this.#at = line.start;
    const labels = line.labels();
    const name = labels.get('__name__');
    let family = this.#family;
    let suffix = family === undefined ? undefined : suffixes[family.type].find((candidate) => name === family?.name + candidate);
    if (family === undefined || suffix === undefined) {
      family = this.#open(name);
      suffix = '';
    }
    family.hasSamples = true;
    this.#checkSample(family, suffix, labels, line);
    this.#sink.sample(line);
  }

  end(offset: number): void {
    this.#at = offset;
    this.#closeFamily();
  }

  #fail(message: string): never {
    throw new ExpositionError(this.#bytes, this.#at, message);
  }

  #metadata(name: string, keyword: string): Family {
    const family = this.#family?.name === name ? this.#family : this.#open(name);
    if (family.hasSamples) this.#fail(`# ${keyword} of ${name} comes after its samples`);
    if (family.metadata.has(keyword)) this.#fail(`# ${keyword} of ${name} is repeated`);
    family.metadata.add(keyword);
    return family;
  }

  #open(name: string): Family {
    this.#closeFamily();
    this.#family = { name, type: 'unknown', metadata: new Set(), hasSamples: false };
    return this.#family;
  }

  #closeFamily(): void {
    this.#closePoint();
    const family = this.#family;
    if (family === undefined) return;
    const names = new Set([family.name, ...suffixes[family.type].map((suffix) => family.name + suffix)]);
    for (const name of names) {
      if (this.#takenNames.has(name)) this.#fail(`metric family ${family.name} clashes with an earlier one over the name ${name}`);
      this.#takenNames.add(name);
    }
    this.#closedMetrics = new Set();
    this.#point = undefined;
    this.#sampleTimes = new Map();
    this.#family = undefined;
  }

  #checkSample(family: Family, suffix: string, labels: Labels, line: SampleLine): void {
    const { type } = family;
    const { value } = line;
    const kind = type + suffix;
    const point = this.#pointOf(family, suffix, labels, line);

    if (counting.has(kind) && !(value >= 0)) this.#fail(`${family.name}${suffix} counts and cannot be ${value}`);
    if (kind === 'summary' && value < 0) this.#fail(`a quantile of ${family.name} cannot be negative`);
    if (suffix === '_created' && !(value >= 0)) this.#fail(`${family.name}_created cannot be ${value}`);
    if (type === 'info' && value !== 1) this.#fail(`an info metric has the value 1, not ${value}`);
    if (type === 'stateset' && value !== 0 && value !== 1) this.#fail(`a state is 0 or 1, not ${value}`);
    if (type === 'stateset' && !labels.has(family.name)) this.#fail(`a state set needs the label ${family.name}`);
    if (kind === 'summary') {
      const quantile = labels.get('quantile');
      if (quantile === '' || !(Number(quantile) >= 0 && Number(quantile) <= 1)) this.#fail('a summary needs a label quantile from 0 to 1');
    }
    if (suffix === '_bucket') this.#checkBucket(point, labels, value);
    if (suffix === '_count' || suffix === '_gcount') point.count = value;
    if (suffix === '_sum' || suffix === '_gsum') {
      if (Number.isNaN(value)) this.#fail(`${family.name}${suffix} cannot be NaN`);
      if (type === 'summary' && value < 0) this.#fail(`${family.name}_sum cannot be negative`);
      point.hasSum = true;
      point.sum = value;
    }
    if (line.hasExemplar) this.#checkExemplar(kind, line);
  }

  #checkBucket(point: Point, labels: Labels, count: number): void {
    const le = labels.get('le');
    const bound = le === '+Inf' ? Infinity : Number(le);
    if (le === '' || Number.isNaN(bound)) this.#fail('a bucket needs a label le with a number');
    if (bound <= point.lastBound) this.#fail('buckets must ascend by le');
    if (count < point.lastCount) this.#fail('bucket counts must not fall: they are cumulative');
    point.lastBound = bound;
    point.lastCount = count;
    if (bound < 0) point.hasNegativeBound = true;
  }

  #checkExemplar(kind: string, line: SampleLine): void {
    if (!mayHaveExemplar.has(kind)) this.#fail('an exemplar may stand on counters and buckets only');
    let runes = 0;
    for (const text of line.exemplar(0)?.labels.pairs ?? []) runes += Array.from(text).length;
    if (runes > maxExemplarRunes) this.#fail(`labels of an exemplar may have ${maxExemplarRunes} characters together, not ${runes}`);
  }

  /** The point that this sample belongs to; ends the one before when this is another. */
  #pointOf(family: Family, suffix: string, labels: Labels, line: SampleLine): Point {
    const own = family.type === 'stateset' ? family.name : suffix === '_bucket' ? 'le' : family.type === 'summary' ? 'quantile' : '';
    const metric = labels.without(new Set(['__name__', own])).key();
    const timestampMs = line.hasTimestamp ? line.timestampMs : undefined;
    const last = this.#point;
    if (last !== undefined && last.metric !== metric) {
      this.#closedMetrics.add(last.metric);
      this.#sampleTimes = new Map();
      if (this.#closedMetrics.has(metric)) this.#fail('samples of one metric must stand together');
    } else if (last !== undefined) {
      if ((last.timestampMs === undefined) !== (timestampMs === undefined))
        this.#fail('a metric has timestamps on all of its samples or on none');
      if (last.timestampMs !== undefined && timestampMs !== undefined && timestampMs < last.timestampMs) this.#fail('timestamps go back');
    }
    const sample = labels.key();
    const before = this.#sampleTimes.get(sample);
    if (before !== undefined && !(timestampMs !== undefined && timestampMs > before)) this.#fail('sample is repeated');
    this.#sampleTimes.set(sample, timestampMs ?? 0);
    if (last !== undefined && last.metric === metric && last.timestampMs === timestampMs) return last;
    this.#closePoint();
    this.#point = {
      metric,
      timestampMs,
      lastBound: -Infinity,
      lastCount: 0,
      hasNegativeBound: false,
      hasSum: false,
      sum: 0,
      count: undefined,
    };
    return this.#point;
  }

  #closePoint(): void {
    const point = this.#point;
    const type = this.#family?.type;
    if (point === undefined || (type !== 'histogram' && type !== 'gaugehistogram')) return;
    if (point.lastBound !== Infinity) this.#fail('a histogram needs a bucket with le="+Inf"');
    if (point.count !== undefined && point.count !== point.lastCount) this.#fail("the count differs from the last bucket's");
    if (point.hasSum !== (point.count !== undefined)) this.#fail('a histogram has both sum and count or neither');
    if (type === 'histogram' && point.hasSum && point.hasNegativeBound) this.#fail('a histogram with negative buckets has no sum');
    if (point.hasSum && point.sum < 0 && !point.hasNegativeBound) this.#fail('the sum cannot be negative without negative buckets');
  }
}
