/**
 * Writes families in the text formats: 0.0.4 and 1.0.0 of Prometheus, 1.0 of OpenMetrics (prometheus.io/docs/instrumenting/exposition_formats;
 * OpenMetrics 1.0 "Text Format"). Hot file (bench: client, scrape cases): a sample is a handful of byte copies and a number.
 */
import { ByteWriter, encodeText } from './byte-writer.ts';
import { type EscapingScheme, escapeName } from './escaping.ts';
import type { Exemplars } from './exemplars.ts';
import type { Exemplar, LabelValue, LabelValues, MetricObjectWithValues, MetricType } from './family.ts';
import { ABSENT, escapeLabelValue, type LabelDictionary, quotedName } from './label-dictionary.ts';
import type { SeriesTable } from './series-table.ts';
import type { FamilyHeader, Sink } from './sink.ts';

const COMMA = 44;
const OPEN = 123;
const CLOSE = 125;
const SPACE = 32;
const NEWLINE = 10;

/** Samples that come as JSON written between two pauses. */
const VALUES_A_STEP = 256;

/** A sample line up to its labels. Quoted names stand inside the braces, so the brace is open already. */
interface LineHead {
  readonly bytes: Uint8Array;
  readonly isOpen: boolean;
}

interface DefaultLabel {
  readonly name: string;
  readonly value: LabelValue;
  readonly piece: Uint8Array;
  /** Position of a label of the metric itself with the same name, which wins; −1 when there is none. */
  position: number;
}

export class TextWriter extends ByteWriter implements Sink {
  readonly #isOpenMetrics: boolean;
  readonly #escaping: EscapingScheme;
  readonly #defaults: DefaultLabel[];
  /** The labels of the series at hand, without braces. */
  readonly #labels = new ByteWriter(256);
  /** Histograms print default labels before their own, the others behind, as prom-client does. */
  #isDefaultFirst = false;
  #isCreatedShown = false;
  #name = '';
  #type: MetricType = 'unknown';
  #families = 0;
  /** Label names as this scraper wants them, where they differ from the dictionaries' text. */
  #renamed: (Uint8Array | undefined)[] = [];
  #heads = new Map<string, LineHead>();
  /** The bucket bounds or quantiles of the family at hand as labels; they are the same for all its series. */
  #ladder: readonly number[] = [];
  #rungs: Uint8Array[] = [];

  constructor(isOpenMetrics: boolean, escaping: EscapingScheme, defaultLabels: LabelValues, sizeBytes: number) {
    super(sizeBytes);
    this.#isOpenMetrics = isOpenMetrics;
    this.#escaping = escaping;
    this.#defaults = Object.entries(defaultLabels)
      .filter((entry): entry is [string, LabelValue] => entry[1] !== undefined)
      .map(([name, value]) => ({ name, value, piece: encodeText(this.#label(name, value)), position: -1 }));
  }

  family({ name, help, type: ownType, unit, series }: FamilyHeader, isCreatedShown: boolean, isNameTaken: boolean): void {
    const isOpenMetrics = this.#isOpenMetrics;
    // Under its whole name a counter is of no type that OpenMetrics knows, but two families of one name would be no exposition at all.
    const type = isOpenMetrics && isNameTaken ? 'unknown' : ownType;
    this.#type = type;
    if (this.#families++ > 0 && !isOpenMetrics) this.byte(NEWLINE);
    this.#name = isOpenMetrics ? familyName(name, type) : name;
    const shown = quotedName(this.#escaped(''), true);
    const escapedHelp = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    this.text(`# HELP ${shown} ${isOpenMetrics ? escapedHelp.replaceAll('"', '\\"') : escapedHelp}\n`);
    this.text(`# TYPE ${shown} ${isOpenMetrics ? type : (PLAIN_TYPES[type] ?? type)}\n`);
    if (isOpenMetrics && unit) this.text(`# UNIT ${shown} ${unit}\n`);
    this.#isDefaultFirst = type === 'histogram';
    this.#isCreatedShown = isCreatedShown && isOpenMetrics && (type === 'counter' || type === 'histogram' || type === 'summary');
    const names = series?.names ?? [];
    for (const label of this.#defaults) label.position = names.indexOf(label.name);
    this.#renamed = names.map((label) => {
      const wanted = escapeName(label, this.#escaping, false);
      return wanted === label ? undefined : encodeText(wanted);
    });
    this.#heads.clear();
    this.#ladder = [];
    this.#rungs = [];
    this.#suffix = (isOpenMetrics && SUFFIXES[type]) || '';
    this.#scalarHead = this.#head(this.#suffix);
  }

  /** Of samples whose name is not told. */
  #suffix = '';
  #scalarHead: LineHead = { bytes: new Uint8Array(0), isOpen: false };

  /** What every sample line with this suffix begins with. */
  #head(suffix: string): LineHead {
    let head = this.#heads.get(suffix);
    if (head === undefined) {
      const name = quotedName(this.#escaped(suffix), true);
      const isOpen = name.startsWith('"');
      head = { bytes: encodeText(isOpen ? `{${name}` : name), isOpen };
      this.#heads.set(suffix, head);
    }
    return head;
  }

  /** A sample's name. The suffix stays as it is, so that the name begins with the family's (prometheus/common expfmt). */
  #escaped(suffix: string): string {
    return escapeName(this.#name, this.#escaping, true) + suffix;
  }

  scalar(series: SeriesTable, slot: number, exemplars?: Exemplars): void {
    this.#takeLabels(series, slot);
    this.#line(this.#scalarHead, undefined, series.values[slot] as number, exemplars?.get(slot, 0));
    if (this.#isCreatedShown) this.#created(series, slot);
  }

  histogram(series: SeriesTable, slot: number, bounds: readonly number[], exemplars: Exemplars): void {
    this.#takeLabels(series, slot);
    const { values, stride } = series;
    const at = slot * stride;
    const rungs = this.#rungsFor('le', bounds);
    const head = this.#head('_bucket');
    let cumulated = 0;
    for (let i = 0; i < rungs.length; i++) {
      cumulated += values[at + i] as number;
      this.#line(head, rungs[i], cumulated, exemplars.get(slot, i));
    }
    this.#line(this.#head('_sum'), undefined, values[at + stride - 1] as number, undefined);
    this.#line(this.#head('_count'), undefined, cumulated, undefined);
    if (this.#isCreatedShown) this.#created(series, slot);
  }

  summary(series: SeriesTable, slot: number, quantiles: readonly number[], values: readonly number[]): void {
    this.#takeLabels(series, slot);
    const rungs = this.#rungsFor('quantile', quantiles);
    for (let i = 0; i < rungs.length; i++) this.#line(this.#scalarHead, rungs[i], values[i] as number, undefined);
    this.#line(this.#head('_sum'), undefined, series.values[2 * slot + 1] as number, undefined);
    this.#line(this.#head('_count'), undefined, series.values[2 * slot] as number, undefined);
    if (this.#isCreatedShown) this.#created(series, slot);
  }

  #created(series: SeriesTable, slot: number): void {
    this.#line(this.#head('_created'), undefined, (series.created[slot] as number) / 1000, undefined);
  }

  #rungsFor(label: 'le' | 'quantile', ladder: readonly number[]): Uint8Array[] {
    if (this.#ladder === ladder) return this.#rungs;
    this.#ladder = ladder;
    this.#rungs = ladder.map((rung) => encodeText(`${label}="${this.#float(rung)}"`));
    if (label === 'le') this.#rungs.push(encodeText('le="+Inf"'));
    return this.#rungs;
  }

  #takeLabels(series: SeriesTable, slot: number): void {
    const text = this.#labels;
    text.at = 0;
    if (this.#defaults.length > 0 && this.#isDefaultFirst) this.#takeDefaults(series, slot);
    const { positions } = series.orderOfSlot(slot);
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] as number;
      const id = series.id(slot, position);
      if (id === ABSENT) continue;
      if (text.at > 0) text.byte(COMMA);
      const dictionary = series.dictionaries[position] as LabelDictionary;
      const renamed = this.#renamed[position];
      let start = dictionary.ends[id - 1] as number;
      if (renamed !== undefined) {
        text.all(renamed);
        start += dictionary.nameBytes;
      }
      text.copy(dictionary.text, start, dictionary.ends[id] as number);
    }
    if (this.#defaults.length > 0 && !this.#isDefaultFirst) this.#takeDefaults(series, slot);
  }

  #takeDefaults(series: SeriesTable, slot: number): void {
    const text = this.#labels;
    for (const label of this.#defaults) {
      if (label.position >= 0 && series.id(slot, label.position) !== ABSENT) continue;
      if (text.at > 0) text.byte(COMMA);
      text.all(label.piece);
    }
  }

  /** One sample of the series whose labels were taken. `rung` is a label written before the others. */
  #line(head: LineHead, rung: Uint8Array | undefined, value: number, exemplar: Exemplar | undefined): void {
    const labels = this.#labels;
    this.all(head.bytes);
    let separator = head.isOpen ? COMMA : OPEN;
    if (rung !== undefined) {
      this.byte(separator);
      this.all(rung);
      separator = COMMA;
    }
    if (labels.at > 0) {
      this.byte(separator);
      this.copy(labels.view, 0, labels.at);
      separator = COMMA;
    }
    if (separator === COMMA) this.byte(CLOSE);
    this.byte(SPACE);
    this.number(value);
    if (exemplar !== undefined && this.#isOpenMetrics) this.#exemplar(exemplar);
    this.byte(NEWLINE);
  }

  #exemplar({ labelSet, value, timestamp }: Exemplar): void {
    const labels = Object.entries(labelSet).map(([name, labelValue]) => this.#label(name, labelValue as LabelValue));
    this.text(` # {${labels.join(',')}} `);
    this.number(value);
    this.byte(SPACE);
    this.number(timestamp);
  }

  *values({ values }: MetricObjectWithValues): Generator<boolean> {
    let written = 0;
    for (const { value, labels = {}, metricName, exemplar } of values ?? []) {
      const name = metricName ?? this.#name + this.#suffix;
      const isOurs = name.startsWith(this.#name);
      const shown = quotedName(isOurs ? this.#escaped(name.slice(this.#name.length)) : escapeName(name, this.#escaping, true), true);
      const isOpen = shown.startsWith('"');
      const parts = isOpen ? [shown] : [];
      for (const [label, labelValue] of Object.entries<LabelValue | undefined>(labels)) {
        if (labelValue !== undefined) parts.push(this.#label(label, label === RUNGS[this.#type] ? this.#float(labelValue) : labelValue));
      }
      for (const label of this.#defaults) if (labels[label.name] === undefined) parts.push(this.#label(label.name, label.value));
      this.text(`${isOpen ? '' : shown}${parts.length > 0 ? `{${parts.join(',')}}` : ''} `);
      this.number(value);
      if (exemplar && this.#isOpenMetrics) this.#exemplar(exemplar);
      this.byte(NEWLINE);
      if (++written % VALUES_A_STEP === 0) yield false;
    }
  }

  endFamily(): void {}

  end(): void {
    if (this.#isOpenMetrics) this.text('# EOF\n');
    else if (this.#families === 0) this.byte(NEWLINE);
  }

  #label(name: string, value: LabelValue): string {
    return `${quotedName(escapeName(name, this.#escaping, false))}="${escapeLabelValue(String(value))}"`;
  }

  /** OpenMetrics wants whole numbers as "1.0" in `le` and `quantile`, so that the same bound is the same text everywhere. */
  #float(value: LabelValue): string {
    const text = String(value);
    return this.#isOpenMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text;
  }
}

/** What the name of a family of ours ends with, and that of its OpenMetrics family does not. */
const SUFFIXES: Partial<Record<MetricType, string>> = { counter: '_total', info: '_info' };

export function familyName(name: string, type: MetricType): string {
  const suffix = SUFFIXES[type] ?? '';
  return name.endsWith(suffix) ? name.slice(0, name.length - suffix.length) : name;
}

/** Labels whose values are numbers. */
const RUNGS: Partial<Record<MetricType, string>> = { histogram: 'le', summary: 'quantile' };

/** Types that Prometheus' own text format does not know, as what it should take them for. */
const PLAIN_TYPES: Partial<Record<MetricType, string>> = { info: 'gauge', stateset: 'gauge', unknown: 'untyped' };
