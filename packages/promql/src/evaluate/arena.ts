/**
 * The memory of a kernel instance, as pieces that an evaluation takes and gives back all at once. What stands in it can be handed from
 * kernel to kernel without a copy.
 */
import { type KernelMemory, loadKernel } from '@pronoia/model/kernel';

export interface Kernels {
  readonly memory: KernelMemory;
  change(
    values: number,
    samples: number,
    lo: number,
    hi: number,
    sampled: number,
    toStart: number,
    toEnd: number,
    factor: number,
    steps: number,
    isCounter: number,
    rangeSeconds: number,
    resets: number,
    out: number,
    kinds: number,
  ): number;
  pick(values: number, indexes: number, steps: number, out: number, kinds: number): number;
  sumOverTime(values: number, lo: number, hi: number, from: number, to: number, out: number, kinds: number): number;
  averageOverTime(values: number, lo: number, hi: number, from: number, to: number, out: number, kinds: number): number;
  extremeOverTime(values: number, lo: number, hi: number, steps: number, sign: number, queue: number, out: number, kinds: number): number;
  quantileOverTime(values: number, lo: number, hi: number, steps: number, q: number, sorted: number, out: number, kinds: number): number;
  foldSum(values: number, kinds: number, steps: number, seen: number, sums: number, cs: number): void;
  foldMean(values: number, kinds: number, steps: number, seen: number, sums: number, cs: number, ns: number, incremental: number): void;
  foldExtreme(values: number, kinds: number, steps: number, seen: number, best: number, sign: number): void;
  foldCount(kinds: number, steps: number, seen: number, ns: number): void;
}

const kernelFile = new URL('../../kernel/kernel.wasm', import.meta.url);
const pageBytes = 65_536;
/** Growing copies: a few at a time. */
const growPages = 64;
/** An arena that grew larger is not kept: memory of WebAssembly never shrinks. */
const keptBytes = 64 * 1024 * 1024;
const keptArenas = 4;
const free: Arena[] = [];

export class Arena {
  readonly kernels: Kernels;
  /** The first page is the kernel's own. */
  #next = pageBytes;
  #buffer: ArrayBuffer;

  private constructor(kernels: Kernels) {
    this.kernels = kernels;
    this.#buffer = kernels.memory.buffer;
  }

  /** Undefined where kernels are switched off. Give it back. */
  static take(): Arena | undefined {
    const known = free.pop();
    if (known !== undefined) return known;
    const kernels = loadKernel<Kernels>(kernelFile);
    return kernels === undefined ? undefined : new Arena(kernels);
  }

  giveBack(): void {
    this.#next = pageBytes;
    if (free.length < keptArenas && this.#buffer.byteLength <= keptBytes) free.push(this);
  }

  /** Address of `bytes` fresh bytes, by 16, with whatever content. Views made before may be detached: see `buffer`. */
  allocate(bytes: number): number {
    const at = this.#next;
    const end = at + ((bytes + 15) & ~15);
    const missing = end - this.#buffer.byteLength;
    if (missing > 0) {
      this.kernels.memory.grow(Math.max(growPages, Math.ceil(missing / pageBytes)));
      this.#buffer = this.kernels.memory.buffer;
    }
    this.#next = end;
    return at;
  }

  /** Another one after each `allocate` that had to grow; views of the former are detached then. */
  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  floats(at: number, length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#buffer, at, length);
  }

  bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, at, length);
  }
}
