/**
 * Decodes staged XOR chunks of many series into columns, in one call: by the kernel (`kernel/xor-decode.ts`) where it is there, else by its
 * twin here, which is its oracle too. Workers load this file by its address.
 */
import { type ColumnDecoder, type FloatColumns, pieceFields, type StagedChunks } from '@pronoia/model';
import { type KernelMemory, loadKernel } from '@pronoia/model/kernel';
import { damaged } from '../errors.ts';
import { type DecodeTarget, decodeXor } from './xor.ts';

interface Kernel {
  readonly memory: KernelMemory;
  decodePieces(
    ends: number,
    seriesCount: number,
    pieces: number,
    bytes: number,
    times: number,
    values: number,
    starts: number,
    staleTimes: number,
    staleStarts: number,
    sameTimes: number,
  ): number;
}

const kernelFile = new URL('../../kernel/kernel.wasm', import.meta.url);
const pageBytes = 65_536;
/** The kernel looks ahead by eight bytes. */
const lookahead = 16;

export function createDecoder(): ColumnDecoder {
  const kernel = loadKernel<Kernel>(kernelFile);
  return kernel === undefined ? new PlainDecoder() : new KernelDecoder(kernel);
}

class KernelDecoder implements ColumnDecoder {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  decode(staged: StagedChunks): FloatColumns {
    const { seriesCount, pieceCount, samples, length } = staged;
    const kernel = this.#kernel;
    // The first page is the kernel's own.
    let next = pageBytes;
    const take = (size: number): number => {
      const at = next;
      next += (size + 15) & ~15;
      return at;
    };
    const ends = take(4 * seriesCount);
    const pieces = take(8 * pieceFields * pieceCount);
    const starts = take(4 * (seriesCount + 1));
    const staleStarts = take(4 * (seriesCount + 1));
    const sameTimes = take(seriesCount);
    const times = take(8 * samples);
    const values = take(8 * samples);
    const staleTimes = take(8 * samples);
    const bytes = take(length + lookahead);
    const missing = next - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes));
    const { buffer } = kernel.memory;
    new Uint32Array(buffer, ends, seriesCount).set(staged.ends.subarray(0, seriesCount));
    new Float64Array(buffer, pieces, pieceCount * pieceFields).set(staged.pieces.subarray(0, pieceCount * pieceFields));
    const target = new Uint8Array(buffer, bytes, length + lookahead);
    target.set(staged.bytes.subarray(0, length));
    target.fill(0, length);
    const count = kernel.decodePieces(ends, seriesCount, pieces, bytes, times, values, starts, staleTimes, staleStarts, sameTimes);
    if (count < 0) throw damagedPiece();
    const staleStartsView = new Uint32Array(buffer, staleStarts, seriesCount + 1);
    return {
      seriesCount,
      starts: new Uint32Array(buffer, starts, seriesCount + 1),
      times: new Float64Array(buffer, times, count),
      values: new Float64Array(buffer, values, count),
      staleStarts: staleStartsView,
      staleTimes: new Float64Array(buffer, staleTimes, staleStartsView[seriesCount] as number),
      sameTimes: new Uint8Array(buffer, sameTimes, seriesCount),
    };
  }
}

function areSame(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((t, i) => t === b[i]);
}

function damagedPiece(): Error {
  return damaged('XOR chunk: the stream ends early or holds what cannot be');
}

export class PlainDecoder implements ColumnDecoder {
  #piece: DecodeTarget = { times: new Float64Array(256), values: new Float64Array(256), stale: new Uint8Array(256) };

  decode(staged: StagedChunks): FloatColumns {
    const { seriesCount, pieces } = staged;
    const times = new Float64Array(staged.samples);
    const values = new Float64Array(staged.samples);
    const staleTimes: number[] = [];
    const starts = new Uint32Array(seriesCount + 1);
    const staleStarts = new Uint32Array(seriesCount + 1);
    const sameTimes = new Uint8Array(seriesCount);
    let at = 0;
    let piece = 0;
    for (let s = 0; s < seriesCount; s++) {
      for (; piece < (staged.ends[s] as number); piece++) {
        const [start, end, count, minMs, maxMs] = pieces.subarray(piece * pieceFields) as unknown as number[];
        this.#decodePiece(staged.bytes, start as number, end as number, count as number);
        const from = this.#piece;
        for (let i = 0; i < (count as number); i++) {
          const t = from.times[i] as number;
          if (t < (minMs as number)) continue;
          if (t > (maxMs as number)) break;
          if (from.stale[i] === 1) {
            staleTimes.push(t);
            continue;
          }
          times[at] = t;
          values[at++] = from.values[i] as number;
        }
      }
      starts[s + 1] = at;
      const from = starts[s] as number;
      if (s > 0) sameTimes[s] = areSame(times.subarray(starts[s - 1], from), times.subarray(from, at)) ? 1 : 0;
      staleStarts[s + 1] = staleTimes.length;
    }
    return {
      seriesCount,
      starts,
      times: times.subarray(0, at),
      values: values.subarray(0, at),
      staleStarts,
      staleTimes: Float64Array.from(staleTimes),
      sameTimes,
    };
  }

  #decodePiece(bytes: Uint8Array, start: number, end: number, count: number): void {
    if (count > this.#piece.times.length) {
      this.#piece = { times: new Float64Array(count), values: new Float64Array(count), stale: new Uint8Array(count) };
    }
    decodeXor(bytes.subarray(0, end), start, end, count, this.#piece, 0);
  }
}
