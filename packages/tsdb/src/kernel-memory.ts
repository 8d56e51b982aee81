/**
 * A kernel's memory as a scratch pad: regions are taken one behind the other for one call, and are worth nothing after the next. The
 * first page belongs to the kernel itself (its tables).
 */
import { type KernelMemory, loadKernel } from '@pronoia/model/kernel';

const pageBytes = 65_536;
/** A record of 128 MiB must not make the memory stay that large for ever. */
const keptBytes = 64 * 1024 * 1024;

export class ScratchKernel<Exports extends { readonly memory: KernelMemory }> {
  readonly #file: URL;
  #exports: Exports;
  #next = pageBytes;
  /** A view of the whole memory. */
  bytes: Uint8Array;

  private constructor(file: URL, exports: Exports) {
    this.#file = file;
    this.#exports = exports;
    this.bytes = new Uint8Array(exports.memory.buffer);
  }

  static load<Exports extends { readonly memory: KernelMemory }>(file: URL): ScratchKernel<Exports> | undefined {
    const exports = loadKernel<Exports>(file);
    return exports === undefined ? undefined : new ScratchKernel(file, exports);
  }

  get exports(): Exports {
    return this.#exports;
  }

  /** Forgets all regions. */
  reset(): this {
    this.#next = pageBytes;
    if (this.bytes.length > keptBytes) {
      this.#exports = loadKernel<Exports>(this.#file) as Exports;
      this.bytes = new Uint8Array(this.#exports.memory.buffer);
    }
    return this;
  }

  /** A region of `size` bytes, aligned for floats. Growing the memory makes earlier views useless: take first, view later. */
  take(size: number): number {
    const at = this.#next;
    this.reserve(size);
    this.#next = at + roundUp(size);
    return at;
  }

  /** Regions of so many bytes together can be taken without growing the memory. */
  reserve(size: number): void {
    const missing = this.#next + roundUp(size) - this.bytes.length;
    if (missing <= 0) return;
    this.#exports.memory.grow(Math.ceil(missing / pageBytes));
    this.bytes = new Uint8Array(this.#exports.memory.buffer);
  }
}

function roundUp(size: number): number {
  return Math.ceil(size / 16) * 16;
}
