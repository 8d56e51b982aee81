/**
 * Silences: made, changed and ended by people, kept until a while after their end. Format of the state file: alertmanager
 * silence/silencepb.
 */
import { randomUUID } from 'node:crypto';
import { fail } from './errors.ts';
import type { AlertIdentity } from './identity.ts';
import { AlertMatcher, type MatchType, matchesAll } from './matcher.ts';
import { SilenceIndex } from './silence-index.ts';
import { Journal } from './state/journal.ts';
import { readFields, readTimestamp, type WireField, WireWriter, writeTimestamp } from './state/wire.ts';

export interface Silence {
  readonly id: string;
  readonly matchers: readonly AlertMatcher[];
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly updatedAtMs: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export type SilenceState = 'active' | 'pending' | 'expired';

export function silenceState(silence: Silence, nowMs: number): SilenceState {
  if (nowMs < silence.startsAtMs) return 'pending';
  return nowMs < silence.endsAtMs ? 'active' : 'expired';
}

/** What a person asks for; without an id a new one. */
export type SilenceRequest = Omit<Silence, 'id' | 'updatedAtMs'> & { readonly id?: string };

export interface SilenceOptions {
  /** Kept so long after their end. */
  readonly retentionMs: number;
  /** Counts expired ones too; 0 for no limit. */
  readonly maxSilences: number;
  readonly maxBytes: number;
}

export class Silences {
  readonly #options: SilenceOptions;
  readonly #byId = new Map<string, Silence>();
  readonly #journal: Journal | undefined;
  readonly #subscribers = new Set<(silence: Silence) => void>();
  /** Every change gets the next number, so that a cached answer needs only what came after it. */
  #version = 1;
  readonly #index = new SilenceIndex();
  /** Cached answers of before this version are void: what they hold may be gone. */
  #firstVersion = 1;

  constructor(options: SilenceOptions, file?: string) {
    this.#options = options;
    this.#journal =
      file === undefined
        ? undefined
        : Journal.open(file, (payload) => {
            const silence = decodeSilence(payload);
            if (silence === undefined) return;
            const known = this.#byId.get(silence.id);
            if (known === undefined || known.updatedAtMs <= silence.updatedAtMs) this.#remember(silence);
          });
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Silence | undefined {
    return this.#byId.get(id);
  }

  all(): IterableIterator<Silence> {
    return this.#byId.values();
  }

  /** Creates or changes. Returns the id, which is a new one when the change could not be made in place. */
  set(request: SilenceRequest, nowMs: number): string {
    check(request, nowMs);
    const known = request.id === undefined || request.id === '' ? undefined : this.#byId.get(request.id);
    if (request.id !== undefined && request.id !== '' && known === undefined) throw fail('silence_not_found', {});
    if (known !== undefined && canChange(known, request, nowMs)) {
      this.#store({ ...request, id: known.id, updatedAtMs: nowMs });
      return known.id;
    }
    const { maxSilences } = this.#options;
    if (maxSilences > 0 && this.#byId.size + 1 > maxSilences)
      throw fail('too_many_silences', { count: this.#byId.size, limit: maxSilences });
    const created: Silence = { ...request, id: randomUUID(), startsAtMs: Math.max(request.startsAtMs, nowMs), updatedAtMs: nowMs };
    this.#checkSize(created);
    // The old one ends first: should the second write fail, nobody is silenced twice.
    if (known !== undefined && silenceState(known, nowMs) !== 'expired') this.expire(known.id, nowMs);
    this.#store(created);
    return created.id;
  }

  /** Ends it now; one that has ended stays as it is. */
  expire(id: string, nowMs: number): void {
    const silence = this.#byId.get(id);
    if (silence === undefined) throw fail('silence_not_found', {});
    switch (silenceState(silence, nowMs)) {
      case 'expired':
        return;
      case 'active':
        this.#store({ ...silence, endsAtMs: nowMs, updatedAtMs: nowMs });
        return;
      case 'pending':
        this.#store({ ...silence, startsAtMs: nowMs, endsAtMs: nowMs, updatedAtMs: nowMs });
    }
  }

  /** Another member's: taken when it is newer than ours. Throws when it cannot be written; it then holds in memory. */
  merge(silence: Silence, nowMs: number): boolean {
    const known = this.#byId.get(silence.id);
    if (silence.endsAtMs + this.#options.retentionMs <= nowMs || (known !== undefined && known.updatedAtMs >= silence.updatedAtMs))
      return false;
    this.#remember(silence);
    this.#journal?.append(encodeSilence(silence, silence.endsAtMs + this.#options.retentionMs));
    return true;
  }

  /** Resolves when all that was changed so far is on the disk itself. */
  synced(): Promise<void> {
    return this.#journal?.synced() ?? Promise.resolve();
  }

  #checkSize(silence: Silence): void {
    const { maxBytes } = this.#options;
    const bytes = encodeSilence(silence, 0).length;
    if (maxBytes > 0 && bytes > maxBytes) throw fail('silence_too_big', { bytes, limit: maxBytes });
  }

  #store(silence: Silence): void {
    this.#checkSize(silence);
    this.#journal?.append(encodeSilence(silence, silence.endsAtMs + this.#options.retentionMs));
    this.#remember(silence);
    for (const tell of this.#subscribers) tell(silence);
  }

  /** Told of each change that was made here, not of those that came from another member. */
  subscribe(onChange: (silence: Silence) => void): void {
    this.#subscribers.add(onChange);
  }

  #remember(silence: Silence): void {
    const known = this.#byId.get(silence.id);
    this.#byId.set(silence.id, silence);
    // Times are looked at when asked; only other matchers make answers wrong, and then all that were given.
    if (known !== undefined && sameMatchers(known.matchers, silence.matchers)) return;
    this.#version++;
    this.#index.add(silence, this.#version);
    if (known !== undefined) this.#firstVersion = this.#version;
  }

  /** Ids of the active silences that match. What was found out is kept in the identity. */
  silencedBy(identity: AlertIdentity, nowMs: number): readonly string[] {
    if (identity.silenceVersion !== this.#version) this.#match(identity);
    return identity.silenceIds.length === 0 ? noIds : this.#active(identity.silenceIds, nowMs);
  }

  #match(identity: AlertIdentity): void {
    const isKnown = identity.silenceVersion >= this.#firstVersion;
    const ids = isKnown ? [...identity.silenceIds] : [];
    for (const id of this.#index.candidates(identity.labels, isKnown ? identity.silenceVersion : 0)) {
      const silence = this.#byId.get(id);
      if (silence !== undefined && matchesAll(silence.matchers, identity.labels) && !ids.includes(id)) ids.push(id);
    }
    identity.silenceVersion = this.#version;
    identity.silenceIds = ids.length === 0 ? noIds : ids;
  }

  #active(ids: readonly string[], nowMs: number): readonly string[] {
    if (ids.length === 0) return ids;
    const active = ids.filter((id) => {
      const silence = this.#byId.get(id);
      return silence !== undefined && silenceState(silence, nowMs) === 'active';
    });
    return active.length > 1 ? active.sort() : active;
  }

  /** Forgets those whose retention is over. Returns how many. */
  collectGarbage(nowMs: number): number {
    let count = 0;
    for (const [id, silence] of this.#byId) {
      if (silence.endsAtMs + this.#options.retentionMs > nowMs) continue;
      this.#byId.delete(id);
      count++;
    }
    if (count > 0) {
      this.#index.keep((id) => this.#byId.has(id));
      this.#version++;
      this.#firstVersion = this.#version;
    }
    return count;
  }

  /** Returns the snapshot's size in bytes. */
  async snapshot(): Promise<number> {
    return (await this.#journal?.snapshotInTurns(this.#encodeAll())) ?? 0;
  }

  *#encodeAll(): Generator<Buffer> {
    for (const silence of this.#byId.values()) yield encodeSilence(silence, silence.endsAtMs + this.#options.retentionMs);
  }

  close(): void {
    this.#journal?.close();
  }
}

const noIds: readonly string[] = [];

function check(request: SilenceRequest, nowMs: number): void {
  if (request.matchers.length === 0) throw fail('bad_silence', { reason: 'invalid silence: matcher set 0: at least one matcher required' });
  if (request.matchers.every((matcher) => matcher.isPositive && matcher.matchesValue('')))
    throw fail('bad_silence', { reason: 'invalid silence: matcher set 0: at least one matcher must not match the empty string' });
  if (request.startsAtMs > request.endsAtMs || request.startsAtMs === request.endsAtMs)
    throw fail('bad_silence', { reason: 'Failed to create silence: start time must be before end time' });
  if (request.endsAtMs < nowMs) throw fail('bad_silence', { reason: "Failed to create silence: end time can't be in the past" });
}

/** Whether the change keeps the history true: an active silence keeps matchers and start, a pending one its matchers. */
function canChange(known: Silence, request: SilenceRequest, nowMs: number): boolean {
  if (!sameMatchers(known.matchers, request.matchers)) return false;
  switch (silenceState(known, nowMs)) {
    case 'active':
      return Math.floor(known.startsAtMs / 1000) === Math.floor(request.startsAtMs / 1000) && request.endsAtMs >= nowMs;
    case 'pending':
      return request.startsAtMs >= nowMs;
    case 'expired':
      return false;
  }
}

function sameMatchers(a: readonly AlertMatcher[], b: readonly AlertMatcher[]): boolean {
  return a.length === b.length && a.every((matcher, i) => matcher.equals(b[i] as AlertMatcher));
}

const typeNumbers: readonly MatchType[] = ['=', '=~', '!=', '!~'];

function writeMatcher(writer: WireWriter, matcher: AlertMatcher): void {
  writer.integer(1, typeNumbers.indexOf(matcher.type)).text(2, matcher.name).text(3, matcher.value);
}

/** MeshSilence{1 silence, 2 expires_at}; the matchers stand twice, for old readers (field 2) and new ones (11). */
export function encodeSilence(silence: Silence, expiresAtMs: number): Buffer {
  return new WireWriter()
    .message(1, (inner) => {
      inner.text(1, silence.id);
      for (const matcher of silence.matchers) inner.message(2, (one) => writeMatcher(one, matcher));
      inner.message(3, (time) => writeTimestamp(time, silence.startsAtMs));
      inner.message(4, (time) => writeTimestamp(time, silence.endsAtMs));
      inner.message(5, (time) => writeTimestamp(time, silence.updatedAtMs));
      inner.text(8, silence.createdBy).text(9, silence.comment);
      for (const [name, value] of Object.entries(silence.annotations)) inner.message(10, (pair) => pair.text(1, name).text(2, value));
      inner.message(11, (set) => {
        for (const matcher of silence.matchers) set.message(1, (one) => writeMatcher(one, matcher));
      });
    })
    .message(2, (time) => writeTimestamp(time, expiresAtMs))
    .finish();
}

/** Undefined when a matcher is no longer readable: the original skips such a silence too. */
export function decodeSilence(bytes: Buffer): Silence | undefined {
  const whole = readFields(bytes).find(({ field }) => field === 1)?.value;
  if (!(whole instanceof Buffer)) throw new Error('a record without a silence');
  const fields = readFields(whole);
  const textOf = (field: number): string => String(fields.find((one) => one.field === field)?.value ?? '');
  const timeOf = (field: number): number => {
    const value = fields.find((one) => one.field === field)?.value;
    return value instanceof Buffer ? readTimestamp(value) : 0;
  };
  const comments = fields.filter(({ field }) => field === 7).map(({ value }) => (value instanceof Buffer ? readFields(value) : []));
  const fromComments = (field: number): string => String(comments[0]?.find((one) => one.field === field)?.value ?? '');
  const annotations: Record<string, string> = {};
  for (const { field, value } of fields) {
    if (field !== 10 || !(value instanceof Buffer)) continue;
    const pair = readFields(value);
    const name = String(pair.find((one) => one.field === 1)?.value ?? '');
    if (name !== '__proto__') annotations[name] = String(pair.find((one) => one.field === 2)?.value ?? '');
  }
  const sets = fields.filter(({ field }) => field === 11);
  const first = sets[0]?.value;
  const source = first instanceof Buffer ? readFields(first).filter(({ field }) => field === 1) : fields.filter(({ field }) => field === 2);
  const matchers = source.map(readMatcher);
  if (matchers.includes(undefined)) return undefined;
  return {
    id: textOf(1),
    matchers: matchers as AlertMatcher[],
    startsAtMs: timeOf(3),
    endsAtMs: timeOf(4),
    updatedAtMs: timeOf(5),
    createdBy: textOf(8) || fromComments(1),
    comment: textOf(9) || fromComments(2),
    annotations,
  };
}

function readMatcher({ value }: WireField): AlertMatcher | undefined {
  if (!(value instanceof Buffer)) return undefined;
  const fields = readFields(value);
  const textOf = (field: number): string => String(fields.find((one) => one.field === field)?.value ?? '');
  const type = typeNumbers[Number(fields.find(({ field }) => field === 1)?.value ?? 0)];
  try {
    return type === undefined ? undefined : new AlertMatcher(type, textOf(2), textOf(3));
  } catch {
    return undefined;
  }
}
