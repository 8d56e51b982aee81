/**
 * Which bytes of a file belong to a piece of it, and lines out of bytes (mapreduce.md §3). Line ends are LF, CR and CR LF.
 *
 * Let f(x) be the place behind the first line end at or after x, f(0) = 0, and the file's end where there is none. The lines of a piece
 * [start, end) are the bytes [f(start), f(end)): the line that begins exactly at a cut belongs to the side before it, and neighbouring
 * pieces share nothing and miss nothing, whatever the cuts.
 */
import { readSync } from 'node:fs';

const LF = 10;
const CR = 13;
const SCAN_BYTES = 64 * 1024;

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Reads at a position: how many bytes were put into `into`, 0 at the end. */
export type ReadAt = (into: Uint8Array, position: number) => number;

export const readAtOf =
  (fd: number): ReadAt =>
  (into, position) =>
    readSync(fd, into, 0, into.length, position);

/** The bytes of the piece's lines, in a file of `sizeBytes`. */
export function lineRange(read: ReadAt, start: number, end: number, sizeBytes: number): ByteRange {
  return { start: afterLineEnd(read, start, sizeBytes), end: afterLineEnd(read, end, sizeBytes) };
}

function afterLineEnd(read: ReadAt, from: number, sizeBytes: number): number {
  if (from === 0) return 0;
  const buffer = new Uint8Array(SCAN_BYTES);
  let position = from;
  let wasCr = false;
  while (position < sizeBytes) {
    const filled = Math.min(read(buffer, position), sizeBytes - position);
    if (filled <= 0) return position;
    if (wasCr) return buffer[0] === LF ? position + 1 : position;
    for (let i = 0; i < filled; i++) {
      const byte = buffer[i];
      if (byte === LF) return position + i + 1;
      if (byte !== CR) continue;
      if (i + 1 < filled) return position + i + (buffer[i + 1] === LF ? 2 : 1);
      wasCr = true;
    }
    position += filled;
  }
  return sizeBytes;
}

/** Cuts chunks of bytes into lines, whatever the chunks. A line is valid during the call only and does not hold its end. */
export class LineSplitter {
  readonly #visit: (bytes: Uint8Array, start: number, end: number) => void;
  #carry = new Uint8Array(256);
  #carryUsed = 0;
  /** The last chunk ended with a CR: an LF at the start of the next belongs to it. */
  #afterCr = false;

  constructor(visit: (bytes: Uint8Array, start: number, end: number) => void) {
    this.#visit = visit;
  }

  add(chunk: Buffer): void {
    let at = 0;
    if (this.#afterCr && chunk.length > 0) {
      this.#afterCr = false;
      if (chunk[0] === LF) at = 1;
    }
    let cr = chunk.indexOf(CR, at);
    let lf = chunk.indexOf(LF, at);
    while (lf >= 0 || cr >= 0) {
      const isCr = cr >= 0 && (lf < 0 || cr < lf);
      const end = isCr ? cr : lf;
      this.#line(chunk, at, end);
      at = end + 1;
      if (isCr) {
        if (at === chunk.length) this.#afterCr = true;
        else if (chunk[at] === LF) at++;
        cr = chunk.indexOf(CR, at);
      }
      if (lf >= 0 && lf < at) lf = chunk.indexOf(LF, at);
    }
    this.#keep(chunk, at);
  }

  /** A last line without an end counts. */
  end(): void {
    if (this.#carryUsed === 0) return;
    const used = this.#carryUsed;
    this.#carryUsed = 0;
    this.#visit(this.#carry, 0, used);
  }

  #line(chunk: Buffer, start: number, end: number): void {
    if (this.#carryUsed === 0) {
      this.#visit(chunk, start, end);
      return;
    }
    this.#keep(chunk.subarray(0, end), start);
    this.end();
  }

  #keep(chunk: Buffer, start: number): void {
    const length = chunk.length - start;
    if (length === 0) return;
    if (this.#carryUsed + length > this.#carry.length) {
      const larger = new Uint8Array(Math.max(this.#carryUsed + length, this.#carry.length * 2));
      larger.set(this.#carry.subarray(0, this.#carryUsed));
      this.#carry = larger;
    }
    this.#carry.set(chunk.subarray(start), this.#carryUsed);
    this.#carryUsed += length;
  }
}
