/**
 * A label set: the identity of a series, an alert, a target.
 *
 * Names are unique, ascending by UTF-8 bytes, and no value is empty (an empty value is the same as no label:
 * prometheus-server.md §1.3). Instances are immutable and may be shared freely.
 */
export class Labels {
  /** Flat `[name0, value0, name1, value1, …]`, ascending by name. Never change it. */
  readonly pairs: readonly string[];

  private constructor(pairs: readonly string[]) {
    this.pairs = pairs;
  }

  static readonly empty = new Labels([]);

  /** From any record; sorts, and drops empty values. */
  static from(record: Readonly<Record<string, string>>): Labels {
    const names = Object.keys(record).filter((name) => record[name] !== '');
    names.sort(compareBytes);
    const pairs: string[] = [];
    for (const name of names) pairs.push(name, record[name] as string);
    return new Labels(pairs);
  }

  /** From pairs in any order. A repeated name is a caller's mistake and throws; drops empty values. */
  static fromPairs(pairs: Iterable<readonly [string, string]>): Labels {
    const list = [...pairs].filter(([, value]) => value !== '');
    list.sort((a, b) => compareBytes(a[0], b[0]));
    const flat: string[] = [];
    for (const [name, value] of list) {
      if (flat.length > 0 && flat[flat.length - 2] === name) throw new Error(`duplicate label name "${name}"`);
      flat.push(name, value);
    }
    return new Labels(flat);
  }

  /** Takes ownership of a flat list that is already sorted, unique and without empty values (hot paths: parsers, storage). */
  static fromSorted(pairs: readonly string[]): Labels {
    return new Labels(pairs);
  }

  get size(): number {
    return this.pairs.length / 2;
  }

  /** The value of `name`, or `''` when there is no such label. */
  get(name: string): string {
    const { pairs } = this;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return pairs[i + 1] as string;
    return '';
  }

  has(name: string): boolean {
    const { pairs } = this;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return true;
    return false;
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    const { pairs } = this;
    for (let i = 0; i < pairs.length; i += 2) yield [pairs[i] as string, pairs[i + 1] as string];
  }

  /** A copy with `name` set to `value`; an empty value removes it. */
  with(name: string, value: string): Labels {
    const record = this.toObject();
    record[name] = value;
    return Labels.from(record);
  }

  /** A copy without the given names. */
  without(names: ReadonlySet<string>): Labels {
    return this.filter((name) => !names.has(name));
  }

  /** A copy of only the given names. */
  only(names: ReadonlySet<string>): Labels {
    return this.filter((name) => names.has(name));
  }

  filter(keep: (name: string, value: string) => boolean): Labels {
    const { pairs } = this;
    const kept: string[] = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const name = pairs[i] as string;
      const value = pairs[i + 1] as string;
      if (keep(name, value)) kept.push(name, value);
    }
    return kept.length === pairs.length ? this : new Labels(kept);
  }

  /** A plain record without prototype: safe for names such as `__proto__`. */
  toObject(): Record<string, string> {
    const record = Object.create(null) as Record<string, string>;
    for (const [name, value] of this) record[name] = value;
    return record;
  }

  /** A string that is equal exactly when the label sets are equal; for Map keys. Not for people. */
  key(): string {
    return this.pairs.join('\xff');
  }

  equals(other: Labels): boolean {
    const a = this.pairs;
    const b = other.pairs;
    if (a === b) return true;
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  }

  /** Order of series: pairwise by name then value in byte order, a prefix first (promql.md §4.2). */
  static compare(a: Labels, b: Labels): number {
    const length = Math.min(a.pairs.length, b.pairs.length);
    for (let i = 0; i < length; i++) {
      const order = compareBytes(a.pairs[i] as string, b.pairs[i] as string);
      if (order !== 0) return order;
    }
    return a.pairs.length - b.pairs.length;
  }

  /** PromQL form: `name{a="1", b="2"}`; values with Go escapes. */
  toString(): string {
    const name = this.get('__name__');
    const rest: string[] = [];
    for (const [label, value] of this) {
      if (label === '__name__') continue;
      rest.push(`${isLegacyName(label) ? label : JSON.stringify(label)}=${JSON.stringify(value)}`);
    }
    if (rest.length === 0 && name !== '') return name;
    return `${name}{${rest.join(', ')}}`;
  }
}

/**
 * Compares as UTF-8 bytes. JavaScript's `<` compares UTF-16 units, which differs when one side holds a surrogate pair
 * and the other a unit above it (U+E000–U+FFFF).
 */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      // Surrogates (code points from U+10000) sort above U+E000–U+FFFF: rotate the two ranges.
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** `[a-zA-Z_][a-zA-Z0-9_]*` */
export function isLegacyName(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}
