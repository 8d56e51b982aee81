/**
 * Every value that one label of one metric has had, numbered from 1 (0 says "no such label"). A series is then a row of small numbers: it is
 * found by comparing integers, costs four bytes a label, and its text `name="value"`, escaped once, is copied into every exposition.
 */
import { encodeText } from './byte-writer.ts';
import type { LabelValue } from './family.ts';
import { validateLabelName, validateMetricName } from './validation.ts';

export const ABSENT = 0;

/** Readable bytes behind the last value, for copies in words of four. */
const PADDING = 3;

export class LabelDictionary {
  /** Finds by the value as the caller has it: the string, and the number once it was seen. */
  readonly ids = new Map<unknown, number>();
  /** The values as first given, so that JSON shows a number as a number. */
  readonly #values: LabelValue[] = [''];
  /** `name="value"` of value id is `text[ends[id − 1], ends[id])`. */
  #text = new Uint8Array(32);
  text = new DataView(this.#text.buffer);
  ends = new Uint32Array(8);
  #lastValue: unknown = undefined;
  #lastId: number | undefined = undefined;
  readonly #name: string;
  /** Length of the name's text in front of each `="value"`. */
  readonly nameBytes: number;

  constructor(name: string) {
    this.#name = quotedName(name);
    this.nameBytes = encodeText(this.#name).length;
  }

  get size(): number {
    return this.#values.length - 1;
  }

  value(id: number): LabelValue {
    return this.#values[id] as LabelValue;
  }

  /** The number of a value that was seen in this very form. Most recordings repeat the value of the one before. */
  idOf(value: unknown): number | undefined {
    if (value === this.#lastValue) return this.#lastId;
    const id = this.ids.get(value);
    if (id !== undefined) {
      this.#lastValue = value;
      this.#lastId = id;
    }
    return id;
  }

  find(value: unknown): number | undefined {
    return this.ids.get(value) ?? this.ids.get(String(value));
  }

  /** The number of a value, given one if it is new. */
  intern(value: unknown): number {
    const known = this.ids.get(value);
    if (known !== undefined) return known;
    const text = typeof value === 'string' ? value : String(value);
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.#values.length;
      this.#values.push(typeof value === 'number' ? value : text);
      this.#write(id, `${this.#name}="${escapeLabelValue(text)}"`);
      this.ids.set(text, id);
    }
    // Only numbers are worth a second key; objects would be kept alive by it.
    if (typeof value === 'number') this.ids.set(value, id);
    return id;
  }

  #write(id: number, piece: string): void {
    const bytes = encodeText(piece);
    const start = this.ends[id - 1] as number;
    // By half, so that a dictionary of many values is at most a third empty.
    if (id === this.ends.length) this.ends = resized(this.ends, Math.ceil(id * 1.5));
    if (start + bytes.length + PADDING > this.#text.length) {
      this.#text = resized(this.#text, Math.ceil((start + bytes.length) * 1.5) + PADDING);
      this.text = new DataView(this.#text.buffer);
    }
    this.#text.set(bytes, start);
    this.ends[id] = start + bytes.length;
  }
}

/** Names of the old alphabet stand bare, others in quotes (text 1.0.0). */
export function quotedName(name: string, isMetricName = false): string {
  return (isMetricName ? validateMetricName(name) : validateLabelName([name])) ? name : `"${escapeLabelValue(name)}"`;
}

export function escapeLabelValue(text: string): string {
  if (!/[\\"\n]/.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** A longer copy. */
export function resized<
  A extends Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(length);
  larger.set(array);
  return larger;
}
