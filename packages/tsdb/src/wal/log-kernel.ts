/**
 * The kernel of the write-ahead log: sample records and Snappy. Each answer is a view of the kernel's memory, valid until the next call.
 * Its twins are in record.ts and compression.ts. Hot: bench `tsdb`.
 */
import type { KernelMemory } from '@pronoia/model/kernel';
import { ScratchKernel } from '../kernel-memory.ts';
import type { SampleColumns } from '../sample-columns.ts';

interface Exports {
  readonly memory: KernelMemory;
  encodeSampleRecord(refs: number, times: number, values: number, count: number, out: number): number;
  decodeSampleRecord(record: number, length: number, refs: number, times: number, values: number): number;
  snappyCompress(src: number, length: number, dst: number): number;
  snappyUncompress(src: number, length: number, dst: number, size: number): number;
}

/** A sample of a record takes at least so many bytes. */
const minSampleBytes = 10;
const maxSampleBytes = 28;
const recordHeaderBytes = 17;
/** The kernel reads and writes a little beyond the end. */
const slack = 16;

class LogKernel {
  readonly #kernel: ScratchKernel<Exports>;

  constructor(kernel: ScratchKernel<Exports>) {
    this.#kernel = kernel;
  }

  encodeSamples({ refs, times, values, length }: SampleColumns): Uint8Array {
    const kernel = this.#kernel.reset();
    const refsAt = kernel.take(8 * length);
    const timesAt = kernel.take(8 * length);
    const valuesAt = kernel.take(8 * length);
    const out = kernel.take(recordHeaderBytes + maxSampleBytes * length);
    // The record stays valid while it is compressed.
    kernel.reserve(compressedRoom(recordHeaderBytes + maxSampleBytes * length));
    const { buffer } = kernel.bytes;
    new Float64Array(buffer, refsAt, length).set(refs.subarray(0, length));
    new Float64Array(buffer, timesAt, length).set(times.subarray(0, length));
    // Between arrays of one type bytes are copied: the bits of markers stay.
    new Float64Array(buffer, valuesAt, length).set(values.subarray(0, length));
    return kernel.bytes.subarray(out, out + kernel.exports.encodeSampleRecord(refsAt, timesAt, valuesAt, length, out));
  }

  /** Undefined: the record is damaged. */
  decodeSamples(record: Uint8Array): { refs: Float64Array; times: Float64Array; values: Float64Array } | undefined {
    const room = Math.ceil(record.length / minSampleBytes);
    const isHere = record.buffer === this.#kernel.bytes.buffer;
    const kernel = isHere ? this.#kernel : this.#kernel.reset();
    const recordAt = isHere ? record.byteOffset : kernel.take(record.length);
    const refsAt = kernel.take(8 * room);
    const timesAt = kernel.take(8 * room);
    const valuesAt = kernel.take(8 * room);
    if (!isHere) kernel.bytes.set(record, recordAt);
    const count = kernel.exports.decodeSampleRecord(recordAt, record.length, refsAt, timesAt, valuesAt);
    if (count < 0) return undefined;
    const { buffer } = kernel.bytes;
    return {
      refs: new Float64Array(buffer, refsAt, count),
      times: new Float64Array(buffer, timesAt, count),
      values: new Float64Array(buffer, valuesAt, count),
    };
  }

  compress(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    const isHere = bytes.buffer === this.#kernel.bytes.buffer;
    const kernel = isHere ? this.#kernel : this.#kernel.reset();
    const src = isHere ? bytes.byteOffset : kernel.take(length);
    const dst = kernel.take(compressedRoom(length));
    if (!isHere) kernel.bytes.set(bytes, src);
    return kernel.bytes.subarray(dst, dst + kernel.exports.snappyCompress(src, length, dst));
  }

  /** `size` is what the block claims to hold. Undefined: it is damaged. */
  uncompress(bytes: Uint8Array, size: number): Uint8Array | undefined {
    const kernel = this.#kernel.reset();
    const src = kernel.take(bytes.length + slack);
    const dst = kernel.take(size + slack);
    kernel.bytes.set(bytes, src);
    return kernel.exports.snappyUncompress(src, bytes.length, dst, size) < 0 ? undefined : kernel.bytes.subarray(dst, dst + size);
  }
}

function compressedRoom(length: number): number {
  return length + Math.ceil(length / 6) + 32;
}

const loaded = ScratchKernel.load<Exports>(new URL('../../kernel/kernel.wasm', import.meta.url));

/** Undefined where kernels are switched off. */
export const logKernel: LogKernel | undefined = loaded === undefined ? undefined : new LogKernel(loaded);
