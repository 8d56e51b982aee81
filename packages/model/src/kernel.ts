/**
 * Loads a kernel: hot loops written in AssemblyScript (`packages/NAME/kernel/index.ts`, compiled by `npm run kernels`) that run
 * over a memory of their own. Every kernel has a plain TypeScript twin, which is its oracle in tests and runs where the kernel is
 * missing or switched off; callers choose once, at load.
 */
import { readFileSync } from 'node:fs';

/** The part of WebAssembly that we use: the type library for Node.js 20 does not declare it. */
interface WebAssemblyGlobal {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports?: object) => { exports: unknown };
}

/** The memory of a kernel. Growing it detaches the buffer: views must be made again after each call that may grow it. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  /** By pages of 64 KiB; returns the former size in pages. Throws RangeError beyond 4 GiB or what the system gives. */
  grow(pages: number): number;
}

/** Whether kernels may be used in this process: not when `PRONOIA_KERNELS=off`. */
export const kernelsAllowed = process.env.PRONOIA_KERNELS !== 'off';

const modules = new Map<string, object>();

/**
 * A fresh instance, with its own memory, of the compiled kernel at `file`. The module is compiled once per process (or worker thread).
 * @returns its exports, or undefined where kernels are switched off or the file was not built. Throws when it is not WebAssembly.
 */
export function loadKernel<Exports extends { readonly memory: KernelMemory }>(file: URL): Exports | undefined {
  if (!kernelsAllowed) return undefined;
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyGlobal }).WebAssembly;
  let module = modules.get(file.href);
  if (module === undefined) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    module = new Module(bytes);
    modules.set(file.href, module);
  }
  return new Instance(module, {
    env: {
      abort: () => {
        throw new Error(`kernel ${file.pathname} gave up`);
      },
    },
  }).exports as Exports;
}
