/**
 * Which silences could match an alert, without asking each. A silence is filed under one of its matchers: under the values of a finite
 * set, or under the beginning that all its values have; only what has neither must always be asked.
 */
import type { Labels } from '@pronoia/model';
import type { AlertMatcher } from './matcher.ts';

interface NameIndex {
  readonly byValue: Map<string, string[]>;
  readonly byPrefix: Map<string, string[]>;
  /** Lengths of the prefixes, so that a value is cut only where one may end. */
  prefixLengths: number[];
}

export class SilenceIndex {
  readonly #byName = new Map<string, NameIndex>();
  #others: string[] = [];

  add({ id, matchers }: { readonly id: string; readonly matchers: readonly AlertMatcher[] }): void {
    // A value of '' would also match alerts without the label, which have no pair to be found by.
    const exact = matchers.find(({ literals }) => literals !== undefined && literals.length > 0 && !literals.includes(''));
    if (exact !== undefined) {
      const { byValue } = this.#of(exact.name);
      for (const value of exact.literals ?? []) push(byValue, value, id);
      return;
    }
    const begun = matchers.find(({ prefix }) => prefix !== '');
    if (begun === undefined) {
      this.#others.push(id);
      return;
    }
    const index = this.#of(begun.name);
    push(index.byPrefix, begun.prefix, id);
    index.prefixLengths = [...new Set([...index.byPrefix.keys()].map(({ length }) => length))];
  }

  #of(name: string): NameIndex {
    let index = this.#byName.get(name);
    if (index === undefined) this.#byName.set(name, (index = { byValue: new Map(), byPrefix: new Map(), prefixLengths: [] }));
    return index;
  }

  /** Each id once for each time that it was added. */
  candidates(labels: Labels): string[] {
    const found = [...this.#others];
    const { pairs } = labels;
    for (let i = 0; i < pairs.length; i += 2) {
      const index = this.#byName.get(pairs[i] as string);
      if (index === undefined) continue;
      const value = pairs[i + 1] as string;
      for (const id of index.byValue.get(value) ?? none) found.push(id);
      for (const length of index.prefixLengths) {
        if (length <= value.length) for (const id of index.byPrefix.get(value.slice(0, length)) ?? none) found.push(id);
      }
    }
    return found;
  }

  keep(isKept: (id: string) => boolean): void {
    this.#others = this.#others.filter(isKept);
    for (const { byValue, byPrefix } of this.#byName.values()) {
      for (const map of [byValue, byPrefix]) {
        for (const [key, ids] of map) {
          const kept = ids.filter(isKept);
          if (kept.length === 0) map.delete(key);
          else map.set(key, kept);
        }
      }
    }
  }
}

const none: readonly string[] = [];

function push(map: Map<string, string[]>, key: string, id: string): void {
  const ids = map.get(key);
  if (ids === undefined) map.set(key, [id]);
  else ids.push(id);
}
