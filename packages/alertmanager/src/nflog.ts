/**
 * The notification log: for each group, receiver and integration what was last sent, and when. It answers "has this been told already?"
 * after a restart as well, so it is durable. Snapshot format: alertmanager nflog/nflogpb.
 */
import { Journal } from './state/journal.ts';
import { readFields, readTimestamp, readVarint, WireWriter, writeTimestamp } from './state/wire.ts';

/** Values that an integration keeps from one notification to the next (Slack's thread). */
export type ReceiverData = Readonly<Record<string, string | number | bigint>>;

export interface LogEntry {
  readonly groupKey: string;
  readonly receiver: string;
  readonly integration: string;
  readonly index: number;
  readonly timestampMs: number;
  readonly firing: readonly bigint[];
  readonly resolved: readonly bigint[];
  readonly receiverData: ReceiverData;
  readonly expiresAtMs: number;
}

export interface LogPlace {
  readonly groupKey: string;
  readonly receiver: string;
  readonly integration: string;
  readonly index: number;
}

export class NotificationLog {
  readonly #entries = new Map<string, LogEntry>();
  readonly #journal: Journal | undefined;

  /** Without a file it lives in memory only. */
  constructor(file?: string) {
    this.#journal = file === undefined ? undefined : Journal.open(file, (payload) => this.#remember(decodeEntry(payload)));
  }

  get size(): number {
    return this.#entries.size;
  }

  get(place: LogPlace): LogEntry | undefined {
    return this.#entries.get(placeKey(place));
  }

  entries(): IterableIterator<LogEntry> {
    return this.#entries.values();
  }

  /** An entry older than the known one is refused. Throws when it cannot be written; the entry then counts in memory. */
  record(entry: LogEntry): void {
    if (this.#remember(entry)) this.#journal?.append(encodeEntry(entry));
  }

  /** Another member's: taken when it is newer than ours. Throws when it cannot be written; it then counts in memory. */
  merge(entry: LogEntry, nowMs: number): boolean {
    const known = this.get(entry);
    if (entry.expiresAtMs <= nowMs || (known !== undefined && known.timestampMs >= entry.timestampMs)) return false;
    this.record(entry);
    return true;
  }

  #remember(entry: LogEntry): boolean {
    const key = placeKey(entry);
    const known = this.#entries.get(key);
    if (known !== undefined && known.timestampMs > entry.timestampMs) return false;
    this.#entries.set(key, entry);
    return true;
  }

  /** Drops expired entries. Returns how many. */
  collectGarbage(nowMs: number): number {
    let count = 0;
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAtMs > nowMs) continue;
      this.#entries.delete(key);
      count++;
    }
    return count;
  }

  /** Returns the snapshot's size in bytes. */
  async snapshot(): Promise<number> {
    return (await this.#journal?.snapshotInTurns(this.#encodeAll())) ?? 0;
  }

  *#encodeAll(): Generator<Buffer> {
    for (const entry of this.#entries.values()) yield encodeEntry(entry);
  }

  close(): void {
    this.#journal?.close();
  }
}

export function placeKey({ groupKey, receiver, integration, index }: LogPlace): string {
  return `${groupKey}:${receiver}/${integration}/${index}`;
}

/** MeshEntry{1 entry, 2 expires_at} */
export function encodeEntry(entry: LogEntry): Buffer {
  return new WireWriter()
    .message(1, (inner) => {
      inner.bytes(1, Buffer.from(entry.groupKey));
      inner.message(2, (receiver) => receiver.text(1, entry.receiver).text(2, entry.integration).integer(3, entry.index));
      inner.message(5, (time) => writeTimestamp(time, entry.timestampMs));
      inner.packed(6, entry.firing).packed(7, entry.resolved);
      for (const [name, value] of Object.entries(entry.receiverData)) {
        inner.message(8, (pair) => {
          pair.text(1, name);
          pair.message(2, (data) => {
            if (typeof value === 'string') data.bytes(1, Buffer.from(value));
            else if (typeof value === 'bigint') data.integer(2, value);
            else data.double(3, value);
          });
        });
      }
    })
    .message(2, (time) => writeTimestamp(time, entry.expiresAtMs))
    .finish();
}

export function decodeEntry(bytes: Buffer): LogEntry {
  const entry = {
    groupKey: '',
    receiver: '',
    integration: '',
    index: 0,
    timestampMs: 0,
    firing: [] as bigint[],
    resolved: [] as bigint[],
    receiverData: {} as Record<string, string | number | bigint>,
    expiresAtMs: 0,
  };
  for (const { field, value } of readFields(bytes)) {
    if (typeof value === 'bigint') continue;
    if (field === 2) entry.expiresAtMs = readTimestamp(value);
    if (field !== 1) continue;
    for (const inner of readFields(value)) {
      if (typeof inner.value === 'bigint') {
        if (inner.field === 6) entry.firing.push(inner.value);
        if (inner.field === 7) entry.resolved.push(inner.value);
        continue;
      }
      if (inner.field === 1) entry.groupKey = inner.value.toString();
      else if (inner.field === 2) {
        for (const part of readFields(inner.value)) {
          if (part.field === 1) entry.receiver = String(part.value);
          if (part.field === 2) entry.integration = String(part.value);
          if (part.field === 3) entry.index = Number(part.value);
        }
      } else if (inner.field === 5) entry.timestampMs = readTimestamp(inner.value);
      else if (inner.field === 6) entry.firing.push(...readPacked(inner.value));
      else if (inner.field === 7) entry.resolved.push(...readPacked(inner.value));
      else if (inner.field === 8) readReceiverData(inner.value, entry.receiverData);
    }
  }
  return entry;
}

function readPacked(bytes: Buffer): bigint[] {
  const values: bigint[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { value, next } = readVarint(bytes, at);
    values.push(value);
    at = next;
  }
  return values;
}

function readReceiverData(bytes: Buffer, into: Record<string, string | number | bigint>): void {
  let name = '';
  let data: string | number | bigint = '';
  for (const { field, value } of readFields(bytes)) {
    if (field === 1) name = String(value);
    if (field !== 2 || typeof value === 'bigint') continue;
    for (const part of readFields(value)) {
      if (typeof part.value === 'bigint') data = BigInt.asIntN(64, part.value);
      else data = part.field === 3 ? part.value.readDoubleLE() : part.value.toString();
    }
  }
  if (name !== '__proto__') into[name] = data;
}
