// Compiles the kernels: `packages/NAME/kernel/index.ts`, written in AssemblyScript (a dialect of TypeScript), to
// `packages/NAME/kernel/kernel.wasm`, which `packages/NAME/src/**` loads by its address relative to itself. Part of `npm run build`.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

for (const name of readdirSync(join(root, 'packages')).sort()) {
  const source = `packages/${name}/kernel/index.ts`;
  if (!existsSync(join(root, source))) continue;
  // No garbage collector: memory is laid out by the caller in TypeScript. Assertions go; WebAssembly's own bounds check stays.
  const said = [];
  const { error } = await asc.main(
    [
      source,
      '--outFile',
      `packages/${name}/kernel/kernel.wasm`,
      '--optimizeLevel',
      '3',
      '--runtime',
      'stub',
      '--enable',
      'simd',
      '--noAssert',
      '--baseDir',
      root,
    ],
    { stderr: { write: (text) => said.push(String(text)) } },
  );
  if (error !== null) {
    process.stderr.write(`${said.join('')}\n${source}: ${error.message}\n`);
    process.exitCode = 1;
  }
}
