/**
 * Resource arithmetic (mesos.md §7.1). A `Resources` is an immutable bag of resource objects in which equal kinds are combined.
 *
 * Scalars are integers of a thousandth inside, so sums are exact and the order of operations never shows. Two objects are the
 * same kind when everything but the amount is equal: name, type, allocation role, reservations, disk, revocable, shared, provider.
 * Persistent volumes and MOUNT, BLOCK and identified RAW disks exist only whole: they are never combined and never cut.
 */
import type { Resource, ValueType } from './messages.ts';
import { containsRanges, formatRanges, joinRanges, type Ranges, subtractRanges } from './ranges.ts';
import { reservationRole, withReservationStack } from './reservation.ts';
import { defaultRole, isStrictDescendant } from './roles.ts';

/** Scalar amounts by resource name, in thousandths. */
export type Quantities = ReadonlyMap<string, number>;

interface Entry {
  /** Everything but the amount, as text: equal keys are the same kind. */
  readonly key: string;
  /** The resource without its amount. */
  readonly kind: Resource;
  readonly isWhole: boolean;
  /** Thousandths; 0 unless SCALAR. */
  readonly milli: number;
  readonly ranges: Ranges;
  readonly items: readonly string[];
  /** How many users a shared volume has in this bag; 1 otherwise. */
  readonly shares: number;
}

const noRanges: Ranges = [];
const noItems: readonly string[] = [];

export const toMilli = (value: number): number => Math.round(value * 1000);
export const fromMilli = (milli: number): number => milli / 1000;

function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const record = value as Readonly<Record<string, unknown>>;
    const parts = Object.keys(record)
      .filter((key) => record[key] !== undefined)
      .sort()
      .map((key) => `${key}:${stableText(record[key])}`);
    return `{${parts.join(',')}}`;
  }
  return JSON.stringify(value) ?? '';
}

function keyOf(kind: Resource): string {
  let key = `${kind.name}|${kind.type}|${kind.allocation_info?.role ?? ''}`;
  if (kind.reservations !== undefined && kind.reservations.length > 0) key += `|r${stableText(kind.reservations)}`;
  if (kind.disk !== undefined) key += `|d${stableText(kind.disk)}`;
  if (kind.revocable !== undefined) key += '|revocable';
  if (kind.shared !== undefined) key += '|shared';
  if (kind.provider_id !== undefined) key += `|p${kind.provider_id.value}`;
  return key;
}

function existsOnlyWhole(resource: Resource): boolean {
  const disk = resource.disk;
  if (disk === undefined) return false;
  if (disk.persistence !== undefined) return true;
  const source = disk.source;
  return source !== undefined && (source.type === 'MOUNT' || source.type === 'BLOCK' || (source.type === 'RAW' && source.id !== undefined));
}

function entryOf(raw: Resource): Entry {
  const { scalar, ranges, set, ...kind } = withReservationStack(raw);
  return {
    key: keyOf(kind),
    kind,
    isWhole: existsOnlyWhole(kind),
    milli: kind.type === 'SCALAR' ? toMilli(scalar?.value ?? 0) : 0,
    ranges: kind.type === 'RANGES' ? joinRanges(ranges?.range ?? noRanges) : noRanges,
    items: kind.type === 'SET' ? [...new Set(set?.item ?? noItems)] : noItems,
    shares: 1,
  };
}

function resourceOf(entry: Entry): Resource {
  switch (entry.kind.type) {
    case 'SCALAR':
      return { ...entry.kind, scalar: { value: fromMilli(entry.milli) } };
    case 'RANGES':
      return { ...entry.kind, ranges: { range: entry.ranges } };
    case 'SET':
      return { ...entry.kind, set: { item: entry.items } };
    case 'TEXT':
      return entry.kind;
  }
}

const isNothing = (entry: Entry): boolean => entry.milli <= 0 && entry.ranges.length === 0 && entry.items.length === 0;

const sameAmount = (a: Entry, b: Entry): boolean =>
  a.milli === b.milli &&
  containsRanges(a.ranges, b.ranges) &&
  containsRanges(b.ranges, a.ranges) &&
  a.items.length === b.items.length &&
  a.items.every((item) => b.items.includes(item));

/** Whether these two are one object (a whole disk or volume) or one kind whose amounts add up. */
const matches = (a: Entry, b: Entry): boolean => a.key === b.key && (!a.isWhole || sameAmount(a, b));

function addEntry(entries: Entry[], added: Entry): void {
  if (isNothing(added)) return;
  const at = entries.findIndex((entry) => matches(entry, added));
  const present = entries[at];
  if (present === undefined) entries.push(added);
  else if (present.kind.shared !== undefined) entries[at] = { ...present, shares: present.shares + added.shares };
  else if (present.isWhole) entries.push(added);
  else {
    entries[at] = {
      ...present,
      milli: present.milli + added.milli,
      ranges: added.ranges.length === 0 ? present.ranges : joinRanges([...present.ranges, ...added.ranges]),
      items: added.items.length === 0 ? present.items : [...new Set([...present.items, ...added.items])],
    };
  }
}

function subtractEntry(entries: Entry[], taken: Entry): void {
  const at = entries.findIndex((entry) => matches(entry, taken));
  const present = entries[at];
  if (present === undefined) return;
  if (present.kind.shared !== undefined && present.shares > taken.shares) {
    entries[at] = { ...present, shares: present.shares - taken.shares };
    return;
  }
  const left: Entry = {
    ...present,
    milli: present.isWhole ? 0 : present.milli - taken.milli,
    ranges: present.isWhole ? noRanges : subtractRanges(present.ranges, taken.ranges),
    items: present.isWhole ? noItems : present.items.filter((item) => !taken.items.includes(item)),
  };
  if (isNothing(left)) entries.splice(at, 1);
  else entries[at] = left;
}

function containsEntry(entries: readonly Entry[], asked: Entry): boolean {
  const present = entries.find((entry) => matches(entry, asked));
  if (present === undefined) return false;
  if (present.kind.shared !== undefined) return present.shares >= asked.shares;
  return (
    present.milli >= asked.milli &&
    containsRanges(present.ranges, asked.ranges) &&
    asked.items.every((item) => present.items.includes(item))
  );
}

export class Resources implements Iterable<Resource> {
  static readonly empty = new Resources([]);
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Combines what can be combined and drops what is nothing. Check with `resourceFault` first: nothing is checked here. */
  static of(resources: Iterable<Resource> | undefined): Resources {
    if (resources === undefined) return Resources.empty;
    if (resources instanceof Resources) return resources;
    const entries: Entry[] = [];
    for (const resource of resources) addEntry(entries, entryOf(resource));
    return entries.length === 0 ? Resources.empty : new Resources(entries);
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** In the stack form of reservations; a shared volume appears once for each of its users. */
  toArray(): Resource[] {
    const resources: Resource[] = [];
    for (const entry of this.#entries) for (let i = 0; i < entry.shares; i++) resources.push(resourceOf(entry));
    return resources;
  }

  [Symbol.iterator](): Iterator<Resource> {
    return this.toArray()[Symbol.iterator]();
  }

  plus(other: Resources): Resources {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    const entries = [...this.#entries];
    for (const entry of other.#entries) addEntry(entries, entry);
    return new Resources(entries);
  }

  /** What is not here cannot be taken away and is passed over: check with `contains` where it matters. */
  minus(other: Resources): Resources {
    if (other.isEmpty || this.isEmpty) return this;
    const entries = [...this.#entries];
    for (const entry of other.#entries) subtractEntry(entries, entry);
    return entries.length === 0 ? Resources.empty : new Resources(entries);
  }

  contains(other: Resources): boolean {
    // Whole objects may be asked for twice but are there once, so each found one is set aside.
    if (other.#entries.some((entry) => entry.isWhole)) {
      const left = [...this.#entries];
      for (const entry of other.#entries) {
        if (!containsEntry(left, entry)) return false;
        subtractEntry(left, entry);
      }
      return true;
    }
    return other.#entries.every((entry) => containsEntry(this.#entries, entry));
  }

  equals(other: Resources): boolean {
    return this.contains(other) && other.contains(this);
  }

  /** Only the kinds that `keep` says; it is asked about the resource without its amount. */
  filter(keep: (kind: Resource) => boolean): Resources {
    const entries = this.#entries.filter((entry) => keep(entry.kind));
    return entries.length === this.#entries.length ? this : entries.length === 0 ? Resources.empty : new Resources(entries);
  }

  /** Only the kinds of which `other` has something. */
  ofKindsIn(other: Resources): Resources {
    const keys = new Set(other.#entries.map((entry) => entry.key));
    const entries = this.#entries.filter((entry) => keys.has(entry.key));
    return entries.length === this.#entries.length ? this : entries.length === 0 ? Resources.empty : new Resources(entries);
  }

  /** The total of one scalar over all kinds (reserved, revocable, …), in the resource's unit. */
  scalar(name: string): number {
    return fromMilli(this.milli(name));
  }

  /** The same in thousandths. */
  milli(name: string): number {
    let sum = 0;
    for (const entry of this.#entries) if (entry.kind.name === name && entry.kind.type === 'SCALAR') sum += entry.milli;
    return sum;
  }

  /** All integers of a ranges resource, over all kinds. */
  ranges(name: string): Ranges {
    return joinRanges(this.#entries.filter((entry) => entry.kind.name === name).flatMap((entry) => [...entry.ranges]));
  }

  items(name: string): readonly string[] {
    return [...new Set(this.#entries.filter((entry) => entry.kind.name === name).flatMap((entry) => [...entry.items]))];
  }

  /** Names and types of what is here, each once. */
  names(): ReadonlyMap<string, ValueType> {
    return new Map(this.#entries.map((entry) => [entry.kind.name, entry.kind.type]));
  }

  quantities(): Quantities {
    const quantities = new Map<string, number>();
    for (const { kind, milli } of this.#entries)
      if (kind.type === 'SCALAR') quantities.set(kind.name, (quantities.get(kind.name) ?? 0) + milli);
    return quantities;
  }

  get unreserved(): Resources {
    return this.filter((kind) => kind.reservations === undefined || kind.reservations.length === 0);
  }

  get reserved(): Resources {
    return this.filter((kind) => kind.reservations !== undefined && kind.reservations.length > 0);
  }

  reservedTo(role: string): Resources {
    return this.filter((kind) => reservationRole(kind) === role && role !== defaultRole);
  }

  /** What a framework in `role` may be given: unreserved, or reserved to the role or to one of its ancestors. */
  allocatableTo(role: string): Resources {
    return this.filter((kind) => {
      const owner = reservationRole(kind);
      return owner === defaultRole || owner === role || isStrictDescendant(role, owner);
    });
  }

  get revocable(): Resources {
    return this.filter((kind) => kind.revocable !== undefined);
  }

  get nonRevocable(): Resources {
    return this.filter((kind) => kind.revocable === undefined);
  }

  get scalars(): Resources {
    return this.filter((kind) => kind.type === 'SCALAR');
  }

  get nonScalars(): Resources {
    return this.filter((kind) => kind.type !== 'SCALAR');
  }

  /** Every resource marked as allocated to `role`. */
  allocatedTo(role: string): Resources {
    return this.#mapKinds((kind) => (kind.allocation_info?.role === role ? kind : { ...kind, allocation_info: { role } }));
  }

  /** The same for those that carry no mark yet: what schedulers that know only one role leave out. */
  allocatedByDefaultTo(role: string): Resources {
    return this.#mapKinds((kind) => (kind.allocation_info === undefined ? { ...kind, allocation_info: { role } } : kind));
  }

  /** Without the marks of allocation, as an agent's total is written. */
  get unallocated(): Resources {
    return this.#mapKinds((kind) => {
      if (kind.allocation_info === undefined) return kind;
      const { allocation_info: _, ...rest } = kind;
      return rest;
    });
  }

  /** What each allocation role holds; resources without a mark are left out. */
  byAllocationRole(): ReadonlyMap<string, Resources> {
    const roles = new Set(this.#entries.map((entry) => entry.kind.allocation_info?.role).filter((role) => role !== undefined));
    return new Map([...roles].map((role) => [role, this.filter((kind) => kind.allocation_info?.role === role)]));
  }

  #mapKinds(change: (kind: Resource) => Resource): Resources {
    let entries: Entry[] | undefined;
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i] as Entry;
      const kind = change(entry.kind);
      if (kind === entry.kind && entries === undefined) continue;
      entries ??= this.#entries.slice(0, i);
      addEntry(entries, kind === entry.kind ? entry : { ...entry, kind, key: keyOf(kind) });
    }
    return entries === undefined ? this : new Resources(entries);
  }

  /**
   * Scalars cut so that no name exceeds its limit; names without a limit stay whole, as does everything that is not a scalar.
   * What exists only whole is kept whole while it fits, else left out (mesos.md §8.2).
   */
  shrink(limits: Quantities): Resources {
    if (limits.size === 0) return this;
    const left = new Map(limits);
    const entries: Entry[] = [];
    for (const entry of this.#entries) {
      const limit = left.get(entry.kind.name);
      if (entry.kind.type !== 'SCALAR' || limit === undefined) entries.push(entry);
      else if (entry.milli <= limit) {
        entries.push(entry);
        left.set(entry.kind.name, limit - entry.milli);
      } else if (!entry.isWhole && limit > 0) {
        entries.push({ ...entry, milli: limit });
        left.set(entry.kind.name, 0);
      }
    }
    if (entries.length === this.#entries.length && entries.every((entry, i) => entry === this.#entries[i])) return this;
    return entries.length === 0 ? Resources.empty : new Resources(entries);
  }

  /**
   * Picks `wanted` out of this bag without caring for reservations: first what is reserved (any role), then what is unreserved; ranges
   * and sets must be found in full. The kinds in the answer are this bag's, so it can be put into a task. Undefined when there is not enough.
   */
  find(wanted: Resources): Resources | undefined {
    let rest = this.filter(() => true);
    let found = Resources.empty;
    for (const asked of wanted.#entries) {
      let missing: Entry | undefined = asked;
      const candidates = rest.#entries
        .filter(
          (entry) =>
            entry.kind.name === asked.kind.name && entry.kind.type === asked.kind.type && !entry.isWhole && entry.kind.shared === undefined,
        )
        .sort((a, b) => Number(reservationRole(a.kind) === defaultRole) - Number(reservationRole(b.kind) === defaultRole));
      for (const candidate of candidates) {
        if (missing === undefined) break;
        const still: Entry = missing;
        const part: Entry = {
          ...candidate,
          milli: Math.min(candidate.milli, still.milli),
          ranges: subtractRanges(candidate.ranges, subtractRanges(candidate.ranges, still.ranges)),
          items: candidate.items.filter((item) => still.items.includes(item)),
        };
        if (isNothing(part)) continue;
        const left: Entry = {
          ...still,
          milli: still.milli - part.milli,
          ranges: subtractRanges(still.ranges, part.ranges),
          items: still.items.filter((item) => !part.items.includes(item)),
        };
        missing = isNothing(left) ? undefined : left;
        const taken = new Resources([part]);
        found = found.plus(taken);
        rest = rest.minus(taken);
      }
      if (missing !== undefined) return undefined;
    }
    return found;
  }

  /** `cpus:1; mem:32; ports(eng):[1-2]`, for people. */
  toString(): string {
    return this.toArray()
      .map((resource) => {
        const role = reservationRole(resource);
        const entry = entryOf(resource);
        const amount =
          resource.type === 'RANGES'
            ? formatRanges(entry.ranges)
            : resource.type === 'SET'
              ? `{${entry.items.join(', ')}}`
              : String(fromMilli(entry.milli));
        return `${resource.name}${role === defaultRole ? '' : `(${role})`}${resource.revocable === undefined ? '' : '{REV}'}:${amount}`;
      })
      .join('; ');
  }
}
