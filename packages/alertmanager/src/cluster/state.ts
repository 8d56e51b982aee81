/**
 * What the members of a cluster share: silences, acknowledgements, the notification log, alerts. A change is sent at once; what was missed is found by
 * comparing sums over buckets. Everything merges by its own time, so it may come twice and in any order.
 */
import { Labels } from '@pronoia/model';
import { CodedError } from '@pronoia/server';
import type { Acknowledgement, Acknowledgements } from '../acknowledgement.ts';
import { Alert, momentAt, nanoTime, readTime } from '../alert.ts';
import type { AlertStore } from '../alert-store.ts';
import { AlertIdentity, quote } from '../identity.ts';
import { decodeEntry, encodeEntry, type LogEntry, type NotificationLog, placeKey } from '../nflog.ts';
import { decodeSilence, encodeSilence, type Silence, type Silences } from '../silence.ts';
import { Slice } from '../turns.ts';

export interface StateOptions {
  readonly silences: Silences;
  readonly acknowledgements: Acknowledgements;
  readonly notificationLog: NotificationLog;
  readonly store: AlertStore;
  readonly now: () => number;
  /** This member. */
  readonly self: string;
  /** The same group was told by two members that did not know of each other. */
  readonly onDuplicate: (entry: LogEntry, others: string) => void;
  /** What has come holds in memory, but is not on the disk. */
  readonly onUnwritten: (error: CodedError) => void;
  /** A record of another member has come. */
  readonly onRecord: (groupKey: string) => void;
}

/** Of a record: who sent the notification, and which record of before it knew. */
interface Origin {
  readonly by: string;
  readonly priorMs: number;
}

interface WireEntry extends Origin {
  readonly data: string;
}

interface WireAlert {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly updatedAtMs: number;
  readonly isTimeout: boolean;
}

export interface StateMessage {
  readonly silences: readonly string[];
  /** None from members of before these were shared. */
  readonly acknowledgements?: readonly Acknowledgement[];
  readonly entries: readonly WireEntry[];
  readonly alerts: readonly WireAlert[];
}

const bucketCount = 256;
const maxCounted = 100_000;
/** Of one message when much is sent: decoding one must not hold the loop. */
const sliceItems = 250;

export class ReplicatedState {
  readonly #options: StateOptions;
  readonly #originByPlace = new Map<string, Origin>();
  /** Duplicates that were told of. */
  readonly #counted = new Set<string>();

  constructor(options: StateOptions) {
    this.#options = options;
  }

  // Sending

  silenceMessage(silence: Silence): string {
    return stateJson({ silences: [this.#silence(silence)] });
  }

  acknowledgementMessage(acknowledgement: Acknowledgement): string {
    return stateJson({ acknowledgements: [JSON.stringify(acknowledgement)] });
  }

  /** This member has sent a notification. `priorMs`: the time of the record that it knew, 0 for none. */
  sent(entry: LogEntry, priorMs: number): void {
    this.#originByPlace.set(placeKey(entry), { by: this.#options.self, priorMs });
  }

  recordMessage(entry: LogEntry): string {
    return stateJson({ entries: [this.#entry(entry)] });
  }

  *alertMessages(alerts: readonly Alert[]): Generator<string> {
    for (let from = 0; from < alerts.length; from += sliceItems)
      yield stateJson({ alerts: alerts.slice(from, from + sliceItems).map(alertJson) });
  }

  #silence(silence: Silence): string {
    return JSON.stringify(encodeSilence(silence, silence.endsAtMs).toString('base64'));
  }

  #entry(entry: LogEntry): string {
    const { by = '', priorMs = 0 } = this.#originByPlace.get(placeKey(entry)) ?? {};
    return JSON.stringify({ data: encodeEntry(entry).toString('base64'), by, priorMs } satisfies WireEntry);
  }

  /** Sums over what falls into each bucket: equal where two members hold the same. */
  async digest(): Promise<number[]> {
    const { silences, acknowledgements, notificationLog, store } = this.#options;
    const sums = Array.from({ length: bucketCount }, () => 0);
    const slice = new Slice();
    const add = (key: string, ...times: number[]): void => {
      const bucket = bucketOf(key);
      let hash = hashOf(key);
      for (const time of times) hash = Math.imul(hash ^ (time % 0x1_0000_0000), 0x01000193) ^ (hash >>> 15);
      sums[bucket] = ((sums[bucket] as number) + hash) | 0;
    };
    for (const { id, updatedAtMs } of silences.all()) add(id, updatedAtMs);
    for (const { fingerprint, atMs, isWithdrawn } of acknowledgements.all()) add(`ack ${fingerprint}`, atMs, Number(isWithdrawn === true));
    for (const entry of notificationLog.entries()) {
      const key = placeKey(entry);
      // Two that told in the same millisecond hold the same record, and yet must learn of each other.
      add(key, entry.timestampMs, hashOf(this.#originByPlace.get(key)?.by ?? ''));
      if (slice.isOver()) await slice.next();
    }
    for (const { fingerprint, startsAt, endsAt } of store.all()) {
      add(fingerprint, startsAt.unixMs, endsAt.unixMs);
      if (slice.isOver()) await slice.next();
    }
    return sums;
  }

  /** All in the buckets where the other's sums differ. Records before alerts: what was told must be known before it is asked. */
  async *differing(theirs: readonly number[]): AsyncGenerator<string> {
    const { silences, acknowledgements, notificationLog, store } = this.#options;
    const ours = await this.digest();
    const isWanted = (key: string): boolean => ours[bucketOf(key)] !== theirs[bucketOf(key)];
    let parts = emptyParts();
    let count = 0;
    const message = (): string => {
      const text = stateJson(parts);
      parts = emptyParts();
      count = 0;
      return text;
    };
    for (const silence of silences.all()) {
      if (!isWanted(silence.id)) continue;
      parts.silences.push(this.#silence(silence));
      if (++count >= sliceItems) yield message();
    }
    for (const acknowledgement of acknowledgements.all()) {
      if (!isWanted(`ack ${acknowledgement.fingerprint}`)) continue;
      parts.acknowledgements.push(JSON.stringify(acknowledgement));
      if (++count >= sliceItems) yield message();
    }
    for (const entry of notificationLog.entries()) {
      if (!isWanted(placeKey(entry))) continue;
      parts.entries.push(this.#entry(entry));
      if (++count >= sliceItems) yield message();
    }
    for (const alert of store.all()) {
      if (!isWanted(alert.fingerprint)) continue;
      parts.alerts.push(alertJson(alert));
      if (++count >= sliceItems) yield message();
    }
    if (count > 0) yield message();
  }

  // Receiving

  merge(message: StateMessage): void {
    const { silences, acknowledgements, store, now } = this.#options;
    for (const data of message.silences) {
      const silence = decodeSilence(Buffer.from(data, 'base64'));
      if (silence !== undefined) this.#write(() => silences.merge(silence, now()));
    }
    for (const one of message.acknowledgements ?? []) this.#write(() => acknowledgements.merge(one, store.get(one.fingerprint), now()));
    for (const wire of message.entries) this.#mergeEntry(wire);
    const alerts = message.alerts.map((wire) => this.#readAlert(wire)).filter((alert) => alert !== undefined);
    if (alerts.length > 0) store.put(alerts, now());
  }

  /** A full disk here is no reason to leave the cluster: the next snapshot writes it down. */
  #write(merge: () => boolean): boolean {
    try {
      return merge();
    } catch (error) {
      if (!(error instanceof CodedError && error.code === 'state_not_written')) throw error;
      this.#options.onUnwritten(error);
      return true;
    }
  }

  #mergeEntry({ data, by, priorMs }: WireEntry): void {
    const { notificationLog, now, self, onDuplicate, onRecord } = this.#options;
    const entry = decodeEntry(Buffer.from(data, 'base64'));
    const key = placeKey(entry);
    const known = notificationLog.get(entry);
    const origin = this.#originByPlace.get(key);
    // Neither knew the other's, and both told the same: the receiver has heard it twice. The earlier sender counts it; of one
    // millisecond, the one that takes over the other's name for it, which happens once.
    if (
      known !== undefined &&
      origin?.by === self &&
      by !== '' &&
      by !== self &&
      priorMs < known.timestampMs &&
      origin.priorMs < entry.timestampMs
    ) {
      const isEarlier = known.timestampMs < entry.timestampMs || (known.timestampMs === entry.timestampMs && by < self);
      const told = new Set(known.firing);
      const isSame = entry.firing.some((hash) => told.has(hash)) || entry.firing.length + known.firing.length === 0;
      // Of two records of one millisecond neither is newer, so the other's may come again.
      const name = `${key} ${entry.timestampMs} ${by}`;
      if (isEarlier && isSame && !this.#counted.has(name)) {
        this.#counted.add(name);
        onDuplicate(entry, by);
      }
    }
    if (!this.#write(() => notificationLog.merge(entry, now()))) {
      // Of one millisecond: all must come to name the same sender, or their sums would differ for ever.
      const isOther = known?.timestampMs === entry.timestampMs && by !== '' && (origin === undefined || origin.by === '' || by < origin.by);
      if (isOther) this.#originByPlace.set(key, { by, priorMs });
      return;
    }
    this.#originByPlace.set(key, { by, priorMs });
    onRecord(entry.groupKey);
  }

  /** Undefined when it says nothing new. */
  #readAlert(wire: WireAlert): Alert | undefined {
    const { store, now } = this.#options;
    const startsAt = readTime(wire.startsAt);
    const endsAt = readTime(wire.endsAt);
    if (startsAt === undefined || endsAt === undefined) throw new Error(`a shared alert has no times: ${wire.startsAt}, ${wire.endsAt}`);
    const known = store.get(wire.fingerprint);
    if (known === undefined && endsAt.unixMs <= now()) return undefined;
    if (known !== undefined && known.endsAt.unixMs === endsAt.unixMs && known.startsAt.unixMs <= startsAt.unixMs) return undefined;
    return new Alert({
      identity: known?.identity ?? new AlertIdentity(Labels.from(wire.labels)),
      annotations: Labels.fromSorted(Object.entries(wire.annotations).flat()),
      startsAt,
      endsAt,
      generatorUrl: wire.generatorURL,
      updatedAt: momentAt(wire.updatedAtMs),
      isTimeout: wire.isTimeout,
    });
  }

  /** Forgets of which member the records were that are gone. */
  collectGarbage(): void {
    const known = new Set([...this.#options.notificationLog.entries()].map(placeKey));
    for (const key of this.#originByPlace.keys()) if (!known.has(key)) this.#originByPlace.delete(key);
    if (this.#counted.size > maxCounted) this.#counted.clear();
  }
}

/** Each item is JSON already. */
interface Parts {
  readonly silences: string[];
  readonly acknowledgements: string[];
  readonly entries: string[];
  readonly alerts: string[];
}

function emptyParts(): Parts {
  return { silences: [], acknowledgements: [], entries: [], alerts: [] };
}

function stateJson(parts: Partial<Parts>): string {
  const { silences = [], acknowledgements = [], entries = [], alerts = [] } = parts;
  return `{"kind":"state","silences":[${silences.join(',')}],"acknowledgements":[${acknowledgements.join(',')}],"entries":[${entries.join(',')}],"alerts":[${alerts.join(',')}]}`;
}

function alertJson({ identity, annotationsJson, startsAt, endsAt, generatorUrl, updatedAt, isTimeout }: Alert): string {
  return `{"fingerprint":"${identity.fingerprint}","labels":${identity.labelsJson},"annotations":${annotationsJson},"startsAt":"${nanoTime(startsAt)}","endsAt":"${nanoTime(endsAt)}","generatorURL":${quote(generatorUrl)},"updatedAtMs":${updatedAt.unixMs},"isTimeout":${isTimeout}}`;
}

function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash;
}

function bucketOf(key: string): number {
  const hash = hashOf(key);
  return (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 255;
}
