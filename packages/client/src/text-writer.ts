/**
 * Writes families in the text formats: 0.0.4 and 1.0.0 of Prometheus, 1.0 of OpenMetrics (prometheus.io/docs/instrumenting/exposition_formats;
 * OpenMetrics 1.0 "Text Format"). Hot file (bench: client, scrape cases): a sample is a handful of byte copies and a number.
 */
import { ByteWriter, encodeText } from './byte-writer.ts';
import { type EscapingScheme, escapeName } from './escaping.ts';
import type { Exemplar, LabelValue, LabelValues, MetricObjectWithValues, MetricType } from './family.ts';
import { ABSENT, escapeLabelValue, type LabelDictionary, quotedName } from './label-dictionary.ts';
import type { SeriesTable } from './series-table.ts';
import { validateMetricName } from './validation.ts';

const COMMA = 44;
const OPEN = 123;
const CLOSE = 125;
const SPACE = 32;
const NEWLINE = 10;

/** A sample line up to its labels. Quoted names stand inside the braces, so the brace is open already. */
export interface LineHead {
  readonly bytes: Uint8Array;
  readonly isOpen: boolean;
}

export interface TextFormat {
  readonly isOpenMetrics: boolean;
  readonly escaping: EscapingScheme;
}

export interface FamilyHeader {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly unit?: string;
  readonly series?: SeriesTable;
}

interface DefaultLabel {
  readonly name: string;
  readonly value: LabelValue;
  readonly piece: Uint8Array;
  /** Position of a label of the metric itself with the same name, which wins; −1 when there is none. */
  position: number;
}

export class TextWriter extends ByteWriter {
  readonly isOpenMetrics: boolean;
  readonly #escaping: EscapingScheme;
  readonly #defaults: DefaultLabel[];
  /** Histograms print default labels before their own, the others behind, as prom-client does. */
  #isDefaultFirst = false;
  #name = '';
  /** Label names as this scraper wants them, where they differ from the dictionaries' text. */
  #renamed: (Uint8Array | undefined)[] = [];
  #families = 0;

  constructor(format: TextFormat, defaultLabels: LabelValues) {
    super(16384);
    this.isOpenMetrics = format.isOpenMetrics;
    this.#escaping = format.escaping;
    this.#defaults = Object.entries(defaultLabels)
      .filter((entry): entry is [string, LabelValue] => entry[1] !== undefined)
      .map(([name, value]) => ({ name, value, piece: encodeText(this.#label(name, value)), position: -1 }));
  }

  /** Begins a family: its metadata lines. `head` and `line` refer to it from here on. */
  family({ name, help, type, unit, series }: FamilyHeader): void {
    if (this.#families++ > 0 && !this.isOpenMetrics) this.byte(NEWLINE);
    this.#name = this.isOpenMetrics && type === 'counter' ? name.replace(/_total$/, '') : name;
    if (!this.isOpenMetrics && type === 'info') this.#name += '_info';
    const shown = this.#quoted(escapeName(this.#name, this.#escaping, true));
    const help2 = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    this.text(`# HELP ${shown} ${this.isOpenMetrics ? help2.replaceAll('"', '\\"') : help2}\n`);
    this.text(`# TYPE ${shown} ${this.isOpenMetrics ? type : (PLAIN_TYPES[type] ?? type)}\n`);
    if (this.isOpenMetrics && unit) this.text(`# UNIT ${shown} ${unit}\n`);
    this.#isDefaultFirst = type === 'histogram';
    const names = series?.names ?? [];
    for (const label of this.#defaults) label.position = names.indexOf(label.name);
    this.#renamed = names.map((label) => {
      const wanted = escapeName(label, this.#escaping, false);
      return wanted === label ? undefined : encodeText(wanted);
    });
  }

  /** What every sample line with this suffix begins with. */
  head(suffix: string): LineHead {
    const name = escapeName(this.#name + suffix, this.#escaping, true);
    const isOpen = !validateMetricName(name);
    return { bytes: encodeText(isOpen ? `{${this.#quoted(name)}` : name), isOpen };
  }

  bounds(bounds: readonly number[]): Uint8Array[] {
    return [...bounds.map((bound) => encodeText(`le="${this.#float(bound)}"`)), encodeText('le="+Inf"')];
  }

  quantiles(quantiles: readonly number[]): Uint8Array[] {
    return quantiles.map((quantile) => encodeText(`quantile="${this.#float(quantile)}"`));
  }

  /** One sample. `first` is a label written before the others. */
  line(head: LineHead, series: SeriesTable, slot: number, first: Uint8Array | undefined, value: number, exemplar?: Exemplar): void {
    this.all(head.bytes);
    let separator = head.isOpen ? COMMA : OPEN;
    if (first !== undefined) {
      this.byte(separator);
      this.all(first);
      separator = COMMA;
    }
    if (this.#defaults.length > 0 && this.#isDefaultFirst) separator = this.#writeDefaults(series, slot, separator);
    const { positions } = series.orderOfSlot(slot);
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] as number;
      const id = series.id(slot, position);
      if (id === ABSENT) continue;
      this.byte(separator);
      separator = COMMA;
      const dictionary = series.dictionaries[position] as LabelDictionary;
      const renamed = this.#renamed[position];
      let start = dictionary.ends[id - 1] as number;
      if (renamed !== undefined) {
        this.all(renamed);
        start += dictionary.nameBytes;
      }
      this.copy(dictionary.text, start, dictionary.ends[id] as number);
    }
    if (this.#defaults.length > 0 && !this.#isDefaultFirst) separator = this.#writeDefaults(series, slot, separator);
    if (separator === COMMA) this.byte(CLOSE);
    this.byte(SPACE);
    this.number(value);
    if (exemplar !== undefined && this.isOpenMetrics) this.#exemplar(exemplar);
    this.byte(NEWLINE);
  }

  #writeDefaults(series: SeriesTable, slot: number, separator: number): number {
    for (const label of this.#defaults) {
      if (label.position >= 0 && series.id(slot, label.position) !== ABSENT) continue;
      this.byte(separator);
      this.all(label.piece);
      separator = COMMA;
    }
    return separator;
  }

  #exemplar({ labelSet, value, timestamp }: Exemplar): void {
    const labels = Object.entries(labelSet).map(([name, labelValue]) => this.#label(name, labelValue as LabelValue));
    this.text(` # {${labels.join(',')}} `);
    this.number(value);
    this.byte(SPACE);
    this.number(timestamp);
  }

  /** A family that comes as JSON: of a user's own collector, or aggregated from several processes. */
  values({ type, values }: MetricObjectWithValues): void {
    const suffix = this.isOpenMetrics && type === 'counter' ? '_total' : type === 'info' && this.isOpenMetrics ? '_info' : '';
    for (const { value, labels = {}, metricName, exemplar } of values ?? []) {
      const name = escapeName(metricName ?? this.#name + suffix, this.#escaping, true);
      const isOpen = !validateMetricName(name);
      const all: LabelValues = { ...labels };
      const parts = isOpen ? [this.#quoted(name)] : [];
      for (const [label, labelValue] of Object.entries(all)) {
        if (labelValue !== undefined)
          parts.push(
            this.#label(label, (label === 'le' || label === 'quantile') && type !== 'counter' ? this.#float(labelValue) : labelValue),
          );
      }
      for (const label of this.#defaults) if (all[label.name] === undefined) parts.push(this.#label(label.name, label.value));
      this.text(`${isOpen ? '' : name}${parts.length > 0 ? `{${parts.join(',')}}` : ''} `);
      this.number(value);
      if (exemplar !== undefined && exemplar !== null && this.isOpenMetrics) this.#exemplar(exemplar);
      this.byte(NEWLINE);
    }
  }

  end(): void {
    if (this.isOpenMetrics) this.text('# EOF\n');
    else if (this.#families === 0) this.byte(NEWLINE);
  }

  #label(name: string, value: LabelValue): string {
    const escaped = escapeName(name, this.#escaping, false);
    return `${quotedName(escaped)}="${escapeLabelValue(String(value))}"`;
  }

  #quoted(name: string): string {
    return validateMetricName(name) ? name : `"${escapeLabelValue(name)}"`;
  }

  /** OpenMetrics wants whole numbers as "1.0" in `le` and `quantile`, so that the same bound is the same text everywhere. */
  #float(value: LabelValue): string {
    const text = String(value);
    return this.isOpenMetrics && /^-?\d+$/.test(text) ? `${text}.0` : text;
  }
}

/** Types that Prometheus' own text format does not know, as what it should take them for. */
const PLAIN_TYPES: Partial<Record<MetricType, string>> = { info: 'gauge', stateset: 'gauge', unknown: 'untyped' };
