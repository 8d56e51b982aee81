/**
 * The series of one metric, as columns: `stride` numbers a series in one Float64Array, label values as dictionary numbers beside them, an
 * open-addressing table to find a series by its labels. No object, string or Map entry per series. Hot file (bench: client).
 *
 * Slots are handed out in order of appearance, which is also the order of exposition. A removed series leaves its slot dead until `compact`
 * moves the living together; every removal raises `epoch`, which is how handles notice that their slot may no longer be theirs.
 */
import type { LabelValue, LabelValues } from './family.ts';
import { ABSENT, LabelDictionary, resized } from './label-dictionary.ts';
import { unknownLabel } from './validation.ts';

/** In which order a caller names the labels. Series print their labels in the order they were first given. */
export interface LabelOrder {
  readonly names: readonly string[];
  readonly positions: readonly number[];
}

export interface SeriesLimits {
  /** At most this many series; recordings for further ones are dropped and counted. */
  readonly maxSeries: number;
  /** A series that was not touched for so long is forgotten. Infinity: never. */
  readonly ttlMs: number;
}

/** Ids of a dead slot; no dictionary ever gives this number. */
const DEAD = 0xffff_ffff;
const INITIAL_SLOTS = 4;
const MULTIPLIER = 0x9e3779b1;

export class SeriesTable {
  readonly names: readonly string[];
  readonly stride: number;
  readonly limits: SeriesLimits;
  readonly dictionaries: LabelDictionary[];
  /** Slots in use, dead ones included. */
  size = 0;
  dead = 0;
  /** Raised whenever a slot may have lost its series. */
  epoch = 0;
  /** Raised when slots are renumbered or dropped altogether. */
  generation = 0;
  /** Recordings that found the table full. */
  dropped = 0;
  values: Float64Array<ArrayBufferLike>;
  /** Unix ms at which each series began. */
  created: Float64Array<ArrayBuffer>;
  /** With a time to live: when each series was last seen to have been recorded to (Unix ms); Infinity since a recording until the next sweep. */
  touched: Float64Array<ArrayBuffer> | undefined;
  /** Told when a series appears or moves, for what is kept beside the numbers (exemplars, digests). */
  onAdd: ((slot: number) => void) | undefined;
  onMove: ((from: number, to: number) => void) | undefined;

  /** Told when a series appears or goes, or the numbers have moved. */
  #onChange: (() => void) | undefined;
  #ids: Uint32Array<ArrayBuffer>;
  /** slot + 1, or 0 for free. */
  #hashed: Int32Array<ArrayBuffer> = new Int32Array(8);
  #order: LabelOrder;
  readonly #orders: LabelOrder[];
  /** Which order each slot prints in; absent while all use the declared one. */
  #slotOrders: Uint16Array<ArrayBuffer> | undefined;
  #lastSweepMs = 0;
  readonly #wanted: Uint32Array<ArrayBuffer>;
  readonly #multipliers: readonly number[];
  #readers = 0;

  constructor(names: readonly string[], stride: number, limits: SeriesLimits = { maxSeries: Infinity, ttlMs: Infinity }) {
    this.names = names;
    this.stride = stride;
    this.limits = limits;
    this.dictionaries = names.map((name) => new LabelDictionary(name));
    const slots = names.length === 0 ? 1 : INITIAL_SLOTS;
    this.values = new Float64Array(slots * stride);
    this.created = new Float64Array(slots);
    this.#ids = new Uint32Array(slots * names.length);
    this.#order = { names, positions: names.map((_, position) => position) };
    this.#orders = [this.#order];
    this.#wanted = new Uint32Array(names.length);
    // Powers of an odd number, so that (1, 2) and (2, 1) part.
    let power = 1;
    this.#multipliers = names.map(() => (power = Math.imul(power, MULTIPLIER)));
    if (limits.ttlMs !== Infinity) {
      this.touched = new Float64Array(slots);
      this.#lastSweepMs = Date.now();
    }
  }

  /** From here on the numbers lie in shared memory, and `onChange` hears of everything but the numbers themselves. */
  share(onChange: () => void): void {
    this.#onChange = onChange;
    if (this.values.buffer instanceof SharedArrayBuffer) return;
    this.#moveTo(this.values.length);
  }

  /** A new place for the numbers; readers in other threads keep the old one until they hear of it. */
  #moveTo(length: number): void {
    const isShared = this.#onChange !== undefined;
    const values = isShared ? new Float64Array(new SharedArrayBuffer(length * 8)) : new Float64Array(length);
    values.set(this.values.length > length ? this.values.subarray(0, length) : this.values);
    this.values = values;
  }

  get live(): number {
    return this.size - this.dead;
  }

  /** The slot of the series with these labels, made if need be; −1 if `maxSeries` forbids it. Throws for a label that was not declared. */
  slot(labels: LabelValues): number {
    const slot = this.#find(labels);
    if (slot >= 0 && this.touched !== undefined) this.touched[slot] = Infinity;
    return slot;
  }

  #find(labels: LabelValues): number {
    // Fast path: the labels come in the same order as last time and every value is known.
    const { names, positions } = this.#order;
    const wanted = this.#wanted;
    let hash = 0;
    let given = 0;
    for (const name in labels) {
      if (name !== names[given]) return this.#findInOrder(this.#orderOf(labels), labels, true);
      const position = positions[given++] as number;
      const id = (this.dictionaries[position] as LabelDictionary).idOf(labels[name]);
      if (id === undefined) return this.#findInOrder(this.#orderOf(labels), labels, true);
      wanted[position] = id;
      hash = (hash + Math.imul(id, this.#multipliers[position] as number)) | 0;
    }
    if (given !== names.length) return this.#findInOrder(this.#orderOf(labels), labels, true);
    const slot = this.#probe(hash);
    return slot >= 0 ? slot : this.#add(hash, this.#order, labels);
  }

  /** Like `slot`, but makes nothing: −1 when there is no such series. */
  lookup(labels: LabelValues): number {
    return this.#findInOrder(this.#orderOf(labels), labels, false);
  }

  #orderOf(labels: LabelValues): LabelOrder {
    const names: string[] = [];
    for (const name in labels) {
      if (!this.names.includes(name)) throw unknownLabel(name, this.names);
      if (labels[name] !== undefined) names.push(name);
    }
    const known = this.#orders.find((order) => order.names.length === names.length && order.names.every((name, i) => name === names[i]));
    return known ?? { names, positions: names.map((name) => this.names.indexOf(name)) };
  }

  #findInOrder(order: LabelOrder, labels: LabelValues, isWanted: boolean): number {
    if (isWanted) this.#sweepIfDue(Date.now());
    const isNewWelcome = isWanted && this.live < this.limits.maxSeries;
    const wanted = this.#wanted.fill(ABSENT);
    let hash = 0;
    for (const [i, name] of order.names.entries()) {
      const position = order.positions[i] as number;
      const dictionary = this.dictionaries[position] as LabelDictionary;
      // A full table learns no new values: the dictionaries are bounded with the series.
      const id = isNewWelcome ? dictionary.intern(labels[name]) : dictionary.find(labels[name]);
      if (id === undefined) {
        if (isWanted) this.dropped++;
        return -1;
      }
      wanted[position] = id;
      hash = (hash + Math.imul(id, this.#multipliers[position] as number)) | 0;
    }
    if (isWanted) {
      if (!this.#orders.includes(order)) this.#orders.push(order);
      this.#order = order;
    }
    const slot = this.#probe(hash);
    return slot >= 0 || !isWanted ? slot : this.#add(hash, order, labels);
  }

  /** The slot whose ids equal `#wanted`, or −1. */
  #probe(hash: number): number {
    const hashed = this.#hashed;
    const ids = this.#ids;
    const wanted = this.#wanted;
    const labels = wanted.length;
    const mask = hashed.length - 1;
    for (let at = spread(hash) & mask; ; at = (at + 1) & mask) {
      const slot = (hashed[at] as number) - 1;
      if (slot < 0) return -1;
      let position = 0;
      for (let i = slot * labels; position < labels && ids[i] === wanted[position]; i++) position++;
      // A table without labels has one series; its slot is dead after a removal.
      if (position === labels && (labels > 0 || this.dead === 0)) return slot;
    }
  }

  #add(hash: number, order: LabelOrder, labelValues: LabelValues): number {
    const nowMs = Date.now();
    // Sweeping may renumber everything that was looked up so far.
    if (this.#sweepIfDue(nowMs)) return this.slot(labelValues);
    if (this.live >= this.limits.maxSeries) {
      this.dropped++;
      return -1;
    }
    const labels = this.names.length;
    if (labels === 0 && this.size > 0) this.reset();
    if (this.size === this.created.length) this.#grow();
    const slot = this.size++;
    this.#ids.set(this.#wanted, slot * labels);
    this.values.fill(0, slot * this.stride, (slot + 1) * this.stride);
    this.created[slot] = nowMs;
    if (this.touched !== undefined) this.touched[slot] = Infinity;
    const orderId = this.#orders.indexOf(order);
    if (orderId > 0 && this.#slotOrders === undefined) this.#slotOrders = new Uint16Array(this.created.length);
    if (this.#slotOrders !== undefined) this.#slotOrders[slot] = orderId;
    // At most three quarters full, so that a miss ends soon.
    if ((this.size + 1) * 4 > this.#hashed.length * 3) this.#rehash(this.#hashed.length * 2);
    else this.#place(slot, hash);
    this.onAdd?.(slot);
    this.#onChange?.();
    return slot;
  }

  #place(slot: number, hash: number): void {
    const mask = this.#hashed.length - 1;
    let at = spread(hash) & mask;
    while (this.#hashed[at] !== 0) at = (at + 1) & mask;
    this.#hashed[at] = slot + 1;
  }

  #rehash(length: number): void {
    this.#hashed = new Int32Array(length);
    for (let slot = 0; slot < this.size; slot++) {
      if (this.isDead(slot)) continue;
      let hash = 0;
      for (let position = 0; position < this.names.length; position++) {
        hash = (hash + Math.imul(this.id(slot, position), this.#multipliers[position] as number)) | 0;
      }
      this.#place(slot, hash);
    }
  }

  #grow(): void {
    const slots = Math.max(INITIAL_SLOTS, Math.ceil(this.size * 1.5));
    this.#moveTo(slots * this.stride);
    this.created = resized(this.created, slots);
    this.#ids = resized(this.#ids, slots * this.names.length);
    if (this.#slotOrders !== undefined) this.#slotOrders = resized(this.#slotOrders, slots);
    if (this.touched !== undefined) this.touched = resized(this.touched, slots);
  }

  id(slot: number, position: number): number {
    return this.#ids[slot * this.names.length + position] as number;
  }

  isDead(slot: number): boolean {
    if (this.dead === 0) return false;
    return this.names.length === 0 || this.#ids[slot * this.names.length] === DEAD;
  }

  orderOfSlot(slot: number): LabelOrder {
    return this.#orders[this.#slotOrders === undefined ? 0 : (this.#slotOrders[slot] as number)] as LabelOrder;
  }

  labels(slot: number): Record<string, LabelValue> {
    const labels: Record<string, LabelValue> = {};
    const { names, positions } = this.orderOfSlot(slot);
    for (const [i, name] of names.entries()) {
      const position = positions[i] as number;
      labels[name] = (this.dictionaries[position] as LabelDictionary).value(this.id(slot, position));
    }
    return labels;
  }

  remove(slot: number): void {
    this.epoch++;
    this.dead++;
    this.#ids.fill(DEAD, slot * this.names.length, (slot + 1) * this.names.length);
    this.#onChange?.();
    if (this.dead > 32 && this.dead * 4 > this.size) this.#compact();
  }

  /** Without a scrape nobody else would forget expired series. A full table looks more often whether room has come up. */
  #sweepIfDue(nowMs: number): boolean {
    const share = this.live >= this.limits.maxSeries ? 16 : 2;
    if (this.touched === undefined || nowMs - this.#lastSweepMs < this.limits.ttlMs / share) return false;
    this.sweep(nowMs);
    return true;
  }

  /** Forgets the series that nobody touched for the time to live. */
  sweep(nowMs: number): void {
    const { touched } = this;
    if (touched === undefined || this.names.length === 0) return;
    this.#lastSweepMs = nowMs;
    const expired: number[] = [];
    for (let slot = 0; slot < this.size; slot++) {
      if (touched[slot] === Infinity) touched[slot] = nowMs;
      else if (!this.isDead(slot) && nowMs - (touched[slot] as number) >= this.limits.ttlMs) expired.push(slot);
    }
    // Removing may move slots, so the highest goes first and compaction waits.
    this.#readers++;
    for (const slot of expired) this.remove(slot);
    this.release();
  }

  /** Forgets every series. */
  reset(): void {
    this.epoch++;
    this.generation++;
    this.size = 0;
    this.dead = 0;
    this.#hashed.fill(0);
    // Slots are about to be given to other series: readers in other threads must not see that.
    if (this.#onChange !== undefined) this.#moveTo(this.values.length);
    this.#onChange?.();
  }

  /** A reader walks the slots over several turns of the event loop; until `release` none is renumbered. */
  hold(): void {
    this.#readers++;
  }

  release(): void {
    this.#readers--;
    if (this.dead > 32 && this.dead * 4 > this.size) this.#compact();
  }

  #compact(): void {
    if (this.#readers > 0) return;
    const labels = this.names.length;
    const { stride } = this;
    if (this.#onChange !== undefined) this.#moveTo(this.values.length);
    let to = 0;
    for (let from = 0; from < this.size; from++) {
      if (this.isDead(from)) continue;
      if (to !== from) {
        this.values.copyWithin(to * stride, from * stride, (from + 1) * stride);
        this.#ids.copyWithin(to * labels, from * labels, (from + 1) * labels);
        this.created[to] = this.created[from] as number;
        if (this.#slotOrders !== undefined) this.#slotOrders[to] = this.#slotOrders[from] as number;
        if (this.touched !== undefined) this.touched[to] = this.touched[from] as number;
      }
      this.onMove?.(from, to);
      to++;
    }
    this.size = to;
    this.dead = 0;
    this.#onChange?.();
    this.epoch++;
    this.generation++;
    this.#forgetValues();
    let length = 8;
    while ((to + 1) * 4 > length * 3) length *= 2;
    this.#rehash(length);
  }

  /** Label values that no series has any more leave the dictionaries, else ever new values would fill the memory of ever few series. */
  #forgetValues(): void {
    for (let position = 0; position < this.names.length; position++) {
      const old = this.dictionaries[position] as LabelDictionary;
      if (old.size <= 2 * this.size + 16) continue;
      const fresh = new LabelDictionary(this.names[position] as string);
      for (let i = position; i < this.size * this.names.length; i += this.names.length) {
        const id = this.#ids[i] as number;
        if (id !== ABSENT) this.#ids[i] = fresh.intern(old.value(id));
      }
      this.dictionaries[position] = fresh;
    }
  }
}

/** Brings the high bits of the sum, where all label positions meet, down to where the mask looks. */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
