/**
 * Which series have a label: for each (name, value) the ascending list of series slots. Pairs live in an open-addressing table
 * of typed arrays, short lists in pages by power-of-two capacity, long ones in arrays of their own.
 */
const largestShort = 512;
const pageWords = 1 << 16;

export class Postings {
  #capacity: number;
  #names: Uint32Array;
  #values: Uint32Array;
  /** Length of the list; 0 = free entry. */
  #lengths: Uint32Array;
  /** Short: place in the pages. Long: index into `#long`. */
  #places: Uint32Array;
  #used = 0;
  #pages: Uint32Array[] = [];
  #nextWord = 0;
  /** Given-up places by log2 of the capacity. */
  #free: number[][] = Array.from({ length: 10 }, () => []);
  #long: Uint32Array[] = [];
  #valuesByName = new Map<number, number[]>();

  /** Room for so many pairs from the start. */
  constructor(expectedPairs = 0) {
    let capacity = 1024;
    while (expectedPairs * 3 > capacity * 2) capacity *= 2;
    this.#capacity = capacity;
    this.#names = new Uint32Array(capacity);
    this.#values = new Uint32Array(capacity);
    this.#lengths = new Uint32Array(capacity);
    this.#places = new Uint32Array(capacity);
  }

  /** Distinct (name, value) pairs. */
  get size(): number {
    return this.#used;
  }

  names(): IterableIterator<number> {
    return this.#valuesByName.keys();
  }

  /** Ids of the values that a name has, in no order. Do not change. */
  values(name: number): readonly number[] {
    return this.#valuesByName.get(name) ?? [];
  }

  #find(name: number, value: number): number {
    const mask = this.#capacity - 1;
    let i = hashPair(name, value) & mask;
    while (this.#lengths[i] !== 0 && (this.#names[i] !== name || this.#values[i] !== value)) i = (i + 1) & mask;
    return i;
  }

  /** A view that is valid until the next change; empty when no series has the pair. */
  get(name: number, value: number): Uint32Array {
    const i = this.#find(name, value);
    return this.#list(i, this.#lengths[i] as number);
  }

  count(name: number, value: number): number {
    return this.#lengths[this.#find(name, value)] as number;
  }

  #list(entry: number, length: number): Uint32Array {
    if (length === 0) return nothing;
    const place = this.#places[entry] as number;
    if (length > largestShort) return (this.#long[place] as Uint32Array).subarray(0, length);
    const start = place % pageWords;
    return (this.#pages[Math.floor(place / pageWords)] as Uint32Array).subarray(start, start + length);
  }

  /** `slot` is above all slots added before. */
  add(name: number, value: number, slot: number): void {
    if (this.#used * 3 > this.#capacity * 2) this.#rehash();
    const i = this.#find(name, value);
    const length = this.#lengths[i] as number;
    if (length === 0) {
      this.#names[i] = name;
      this.#values[i] = value;
      this.#places[i] = this.#allocate(1);
      this.#used++;
      const values = this.#valuesByName.get(name);
      if (values === undefined) this.#valuesByName.set(name, [value]);
      else values.push(value);
    } else if ((length & (length - 1)) === 0) {
      // The list is as long as its capacity whenever its length is a power of two.
      this.#grow(i, length);
    }
    this.#lengths[i] = length + 1;
    const place = this.#places[i] as number;
    // Without a view of the list: this happens for every label of every new series.
    if (length >= largestShort) (this.#long[place] as Uint32Array)[length] = slot;
    else (this.#pages[Math.floor(place / pageWords)] as Uint32Array)[(place % pageWords) + length] = slot;
  }

  #grow(entry: number, length: number): void {
    const old = this.#list(entry, length);
    const place = this.#places[entry] as number;
    if (length * 2 > largestShort) {
      const grown = new Uint32Array(length * 2);
      grown.set(old);
      if (length > largestShort) {
        this.#long[place] = grown;
      } else {
        this.#free[Math.log2(length)]?.push(place);
        this.#places[entry] = this.#long.push(grown) - 1;
      }
      return;
    }
    const target = this.#allocate(length * 2);
    const page = this.#pages[Math.floor(target / pageWords)] as Uint32Array;
    page.set(old, target % pageWords);
    this.#free[Math.log2(length)]?.push(place);
    this.#places[entry] = target;
  }

  #allocate(capacity: number): number {
    const reused = this.#free[Math.log2(capacity)]?.pop();
    if (reused !== undefined) return reused;
    if ((this.#nextWord % pageWords) + capacity > pageWords) this.#nextWord = Math.ceil(this.#nextWord / pageWords) * pageWords;
    const place = this.#nextWord;
    if (Math.floor(place / pageWords) === this.#pages.length) this.#pages.push(new Uint32Array(pageWords));
    this.#nextWord += capacity;
    return place;
  }

  #rehash(): void {
    const { length } = this.#names;
    const names = this.#names;
    const values = this.#values;
    const lengths = this.#lengths;
    const places = this.#places;
    this.#capacity = length * 2;
    this.#names = new Uint32Array(this.#capacity);
    this.#values = new Uint32Array(this.#capacity);
    this.#lengths = new Uint32Array(this.#capacity);
    this.#places = new Uint32Array(this.#capacity);
    for (let old = 0; old < length; old++) {
      if (lengths[old] === 0) continue;
      const i = this.#find(names[old] as number, values[old] as number);
      this.#names[i] = names[old] as number;
      this.#values[i] = values[old] as number;
      this.#lengths[i] = lengths[old] as number;
      this.#places[i] = places[old] as number;
    }
  }
}

const nothing = new Uint32Array(0);

function hashPair(name: number, value: number): number {
  let hash = Math.imul(name ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(value, 0xc2b2ae35);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
