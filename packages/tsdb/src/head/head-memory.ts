/**
 * The memory of the head's open chunks: one run of bytes that only grows, the kernel's own where it runs, so that both see the same. Pieces
 * are never given back, their users keep lists of what is free. Addresses are below 4 GiB.
 *
 * Growing makes views anew: `bytes`, `words` and `floats` must be read from here after every call that takes memory.
 */
import { type KernelMemory, loadKernel } from '@pronoia/model/kernel';

interface HeadKernel {
  readonly memory: KernelMemory;
  appendSamples(state: number, slots: number, times: number, values: number, from: number, to: number, commit: number): number;
}

const pageBytes = 65_536;
/** Memory is taken from the host in steps of this at least; it costs nothing before it is touched. */
const growthBytes = 4 * 1024 * 1024;

export class HeadMemory {
  /** Undefined: its twin does the work. */
  readonly kernel: HeadKernel | undefined;
  bytes = new Uint8Array(0);
  words = new Uint32Array(0);
  floats = new Float64Array(0);
  /** The first page is the kernel's own. */
  #start = pageBytes;

  constructor(mode: 'kernel' | 'plain' = 'kernel') {
    this.kernel = mode === 'plain' ? undefined : loadKernel<HeadKernel>(new URL('../../kernel/kernel.wasm', import.meta.url));
    this.#view(this.kernel?.memory.buffer ?? new ArrayBuffer(pageBytes));
  }

  #view(buffer: ArrayBuffer): void {
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.floats = new Float64Array(buffer);
  }

  /** A piece at the start, before anybody has used `next`. */
  claim(size: number): number {
    const at = this.#start;
    this.#start = at + Math.ceil(size / 64) * 64;
    this.ensure(this.#start);
    return at;
  }

  /** The first address that nobody has claimed. */
  get start(): number {
    return this.#start;
  }

  /** Makes addresses below `end` usable. New memory is zero. Throws when there is no more. */
  ensure(end: number): void {
    const { length } = this.bytes;
    if (end <= length) return;
    if (this.kernel === undefined) {
      const grown = new ArrayBuffer(Math.ceil(Math.max(end, length * 2) / pageBytes) * pageBytes);
      new Uint8Array(grown).set(this.bytes);
      this.#view(grown);
      return;
    }
    const missing = Math.ceil((end - length) / pageBytes);
    this.kernel.memory.grow(Math.max(missing, Math.min(growthBytes / pageBytes, Math.max(0, 65_536 - length / pageBytes))));
    this.#view(this.kernel.memory.buffer);
  }
}
