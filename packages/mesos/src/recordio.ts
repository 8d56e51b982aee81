/**
 * RecordIO: how a stream of messages travels in one HTTP body (mesos.md §1.5; Mesos docs/recordio.md).
 *
 *     <decimal byte length> LF <that many bytes>   repeated, with nothing between records
 *
 * Bytes in, values out: no I/O and no clock. The decoder takes any cut of the input and trusts no length.
 */

/** 20 digits hold any 64-bit length; a longer header is not a header. */
const headerLimitBytes = 20;

/** Generous: the largest honest record is a SUBSCRIBED event with the whole state of a big cluster. */
const defaultRecordLimitBytes = 256 * 1024 * 1024;

/**
 * One record in one Buffer, so that one `write` sends it as one HTTP chunk: some clients read a chunk as a record and lose
 * what does not fit that picture (mesos.md §1.5).
 */
export function encodeRecord(payload: string | Uint8Array): Buffer {
  if (typeof payload === 'string') return Buffer.from(`${Buffer.byteLength(payload)}\n${payload}`);
  const header = Buffer.from(`${payload.byteLength}\n`, 'latin1');
  return Buffer.concat([header, payload]);
}

export class RecordError extends Error {
  /** Where in the stream, counted in bytes from its start. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`RecordIO, byte ${offset}: ${message}`);
    this.name = 'RecordError';
    this.offset = offset;
  }
}

export interface RecordDecoderOptions {
  /** A longer record is refused before its bytes are kept. Default 256 MiB. */
  readonly recordLimitBytes?: number;
}

/** Cuts a byte stream into records. After a thrown `RecordError` the decoder is of no further use. */
export class RecordDecoder {
  readonly #recordLimitBytes: number;
  #offset = 0;
  /** Digits of the header read so far, as a number; `#digits` counts them. */
  #length = 0;
  #digits = 0;
  /** Parts of the record's body read so far; undefined while reading a header. */
  #parts: Uint8Array[] | undefined;
  #missing = 0;

  constructor(options: RecordDecoderOptions = {}) {
    this.#recordLimitBytes = options.recordLimitBytes ?? defaultRecordLimitBytes;
  }

  /** Whether the stream may end here: no record is half read. */
  get isBetweenRecords(): boolean {
    return this.#parts === undefined && this.#digits === 0;
  }

  /**
   * The records that `chunk` completes, in order. They may share memory with `chunk`; use them before it is overwritten.
   * Throws `RecordError` on anything that is not RecordIO.
   */
  decode(chunk: Uint8Array): Buffer[] {
    const records: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#parts === undefined) {
        at = this.#readHeader(chunk, at);
        // A record of no bytes is complete with its header.
        if (this.#parts !== undefined && this.#missing === 0) records.push(this.#finish());
        continue;
      }
      const part = chunk.subarray(at, at + this.#missing);
      this.#parts.push(part);
      this.#missing -= part.length;
      at += part.length;
      this.#offset += part.length;
      if (this.#missing === 0) records.push(this.#finish());
    }
    // What is kept for later must not be the caller's memory.
    if (this.#parts !== undefined && this.#parts.length > 0) {
      const last = this.#parts.length - 1;
      const kept = this.#parts[last];
      if (kept !== undefined) this.#parts[last] = Uint8Array.prototype.slice.call(kept);
    }
    return records;
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (byte === 0x0a) {
        if (this.#digits === 0) throw new RecordError('expected a decimal length, found an empty line', this.#offset);
        if (this.#length > this.#recordLimitBytes) {
          throw new RecordError(`a record of ${this.#length} bytes is longer than the limit of ${this.#recordLimitBytes}`, this.#offset);
        }
        this.#parts = [];
        this.#missing = this.#length;
        this.#length = 0;
        this.#digits = 0;
        this.#offset++;
        return at + 1;
      }
      if (byte < 0x30 || byte > 0x39) {
        throw new RecordError(`expected a decimal length, found byte 0x${byte.toString(16).padStart(2, '0')}`, this.#offset);
      }
      this.#digits++;
      if (this.#digits > headerLimitBytes) throw new RecordError(`a length has at most ${headerLimitBytes} digits`, this.#offset);
      this.#length = this.#length * 10 + (byte - 0x30);
      at++;
      this.#offset++;
    }
    return at;
  }

  #finish(): Buffer {
    const parts = this.#parts ?? [];
    this.#parts = undefined;
    const only = parts.length === 1 ? parts[0] : undefined;
    return only === undefined ? Buffer.concat(parts) : Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  }
}
