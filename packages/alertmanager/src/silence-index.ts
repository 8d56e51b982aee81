/**
 * Which silences could match an alert, without asking each. A silence is filed under one of its matchers: under the values of a finite
 * set, under the beginnings that its values have, or under three characters that all of them hold; only what has none of these must
 * always be asked. Of several ways the one is taken whose shelves are the emptiest: fifty silences of one team are better told apart
 * by their hosts.
 */
import { type Labels, planPattern } from '@pronoia/model';
import type { AlertMatcher } from './matcher.ts';
import { requiredText } from './required-text.ts';

interface Filed {
  readonly id: string;
  /** When it was filed, in the silences' own count. */
  readonly version: number;
}

interface NameIndex {
  readonly byValue: Map<string, Filed[]>;
  readonly byPrefix: Map<string, Filed[]>;
  /** A hash of three characters to what requires them; others with the same hash are asked in vain. */
  readonly byTrigram: Map<number, Filed[]>;
  /** By the hash's lower bits whether there may be any: nearly always there is none, and an array says so faster than a map. */
  readonly hasTrigram: Uint8Array;
  /** Lengths of the prefixes, so that a value is cut only where one may end. */
  prefixLengths: number[];
}

interface Shelves {
  readonly name: string;
  readonly kind: 'byValue' | 'byPrefix' | 'byTrigram';
  readonly keys: readonly (string | number)[];
}

export class SilenceIndex {
  readonly #byName = new Map<string, NameIndex>();
  #others: Filed[] = [];

  add({ id, matchers }: { readonly id: string; readonly matchers: readonly AlertMatcher[] }, version: number): void {
    const filed: Filed = { id, version };
    let best: Shelves | undefined;
    let bestCount = Number.POSITIVE_INFINITY;
    for (const matcher of matchers) {
      for (const shelves of waysToFile(matcher)) {
        const count = this.#fullest(shelves);
        if (count < bestCount) {
          best = shelves;
          bestCount = count;
        }
      }
    }
    if (best === undefined) {
      this.#others.push(filed);
      return;
    }
    const index = this.#of(best.name);
    const shelves = index[best.kind] as Map<string | number, Filed[]>;
    for (const key of best.keys) {
      const list = shelves.get(key);
      if (list === undefined) shelves.set(key, [filed]);
      else list.push(filed);
    }
    if (best.kind === 'byTrigram') for (const key of best.keys) index.hasTrigram[(key as number) & trigramBits] = 1;
    if (best.kind === 'byPrefix') index.prefixLengths = [...new Set([...index.byPrefix.keys()].map(({ length }) => length))];
  }

  #fullest({ name, kind, keys }: Shelves): number {
    const shelves = this.#byName.get(name)?.[kind] as Map<string | number, Filed[]> | undefined;
    let most = 0;
    for (const key of keys) most = Math.max(most, shelves?.get(key)?.length ?? 0);
    return most;
  }

  #of(name: string): NameIndex {
    let index = this.#byName.get(name);
    if (index === undefined)
      this.#byName.set(
        name,
        (index = {
          byValue: new Map(),
          byPrefix: new Map(),
          byTrigram: new Map(),
          hasTrigram: new Uint8Array(trigramBits + 1),
          prefixLengths: [],
        }),
      );
    return index;
  }

  /** Ids of what was filed after the version; one may come more than once. */
  candidates(labels: Labels, sinceVersion: number): string[] {
    const found: string[] = [];
    take(this.#others, sinceVersion, found);
    const { pairs } = labels;
    for (let i = 0; i < pairs.length; i += 2) {
      const index = this.#byName.get(pairs[i] as string);
      if (index === undefined) continue;
      const value = pairs[i + 1] as string;
      take(index.byValue.get(value), sinceVersion, found);
      for (const length of index.prefixLengths) {
        if (length <= value.length) take(index.byPrefix.get(value.slice(0, length)), sinceVersion, found);
      }
      if (index.byTrigram.size === 0) continue;
      for (let j = 0; j + 3 <= value.length; j++) {
        const hash = trigram(value, j);
        if (index.hasTrigram[hash & trigramBits] === 1) take(index.byTrigram.get(hash), sinceVersion, found);
      }
    }
    return found;
  }

  keep(isKept: (id: string) => boolean): void {
    const isFiled = ({ id }: Filed): boolean => isKept(id);
    this.#others = this.#others.filter(isFiled);
    for (const { byValue, byPrefix, byTrigram } of this.#byName.values()) {
      for (const map of [byValue, byPrefix, byTrigram] as Map<string | number, Filed[]>[]) {
        for (const [key, list] of map) {
          const kept = list.filter(isFiled);
          if (kept.length === 0) map.delete(key);
          else map.set(key, kept);
        }
      }
    }
  }
}

/** The latest stand last. */
function take(list: readonly Filed[] | undefined, sinceVersion: number, found: string[]): void {
  if (list === undefined) return;
  for (let i = list.length - 1; i >= 0; i--) {
    const filed = list[i] as Filed;
    if (filed.version <= sinceVersion) return;
    found.push(filed.id);
  }
}

/** A value of '' would also match alerts without the label, which have no pair to be found by. */
function waysToFile(matcher: AlertMatcher): Shelves[] {
  const { name, literals } = matcher;
  if (literals !== undefined) return literals.length === 0 || literals.includes('') ? [] : [{ name, kind: 'byValue', keys: literals }];
  if (matcher.type !== '=~') return [];
  const ways: Shelves[] = [];
  const plan = planPattern(matcher.value);
  const prefixes = plan.kind === 'wildcards' ? plan.prefixes : [plan.prefix];
  if (!prefixes.includes('')) ways.push({ name, kind: 'byPrefix', keys: prefixes });
  const required = requiredText(matcher.value);
  for (let i = 0; i + 3 <= required.length; i++) ways.push({ name, kind: 'byTrigram', keys: [trigram(required, i)] });
  return ways;
}

const trigramBits = 0xfff;

/** A small integer. */
function trigram(text: string, at: number): number {
  const hash = (Math.imul(text.charCodeAt(at), 0x9e3b) ^ Math.imul(text.charCodeAt(at + 1), 0x85eb)) + text.charCodeAt(at + 2) * 0x1f;
  return (hash ^ (hash >>> 12)) & 0x3fff_ffff;
}
