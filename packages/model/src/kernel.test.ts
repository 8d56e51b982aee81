import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { type KernelMemory, loadKernel } from './kernel.ts';

const folder = mkdtempSync(join(tmpdir(), 'kernel-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A module by hand: one page of memory, exported as `memory`. */
const onePage = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0];

function file(name: string, bytes: readonly number[]): URL {
  writeFileSync(join(folder, name), Buffer.from(bytes));
  return pathToFileURL(join(folder, name));
}

test('each load has a memory of its own', () => {
  const url = file('page.wasm', onePage);
  const first = loadKernel<{ memory: KernelMemory }>(url);
  const second = loadKernel<{ memory: KernelMemory }>(url);
  expect(first?.memory.buffer.byteLength).toBe(65536);
  first?.memory.grow(1);
  expect(first?.memory.buffer.byteLength).toBe(131072);
  expect(second?.memory.buffer.byteLength).toBe(65536);
});

test('a kernel that was not built is undefined, so that its twin runs', () => {
  expect(loadKernel(pathToFileURL(join(folder, 'absent.wasm')))).toBeUndefined();
});

test('a file that is not WebAssembly is an error', () => {
  expect(() => loadKernel(file('text.wasm', [1, 2, 3, 4]))).toThrow(/WebAssembly/);
});
