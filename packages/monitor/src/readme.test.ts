import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');

it.skipIf(!existsSync(`${root}/packages/monitor/dist/index.js`))('the example of the README runs (after a build)', () => {
  const [, code] = /```js\n([\s\S]*?)```/.exec(readFileSync(`${root}/packages/monitor/README.md`, 'utf8')) ?? [];
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code as string], {
    cwd: root,
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(output).toContain('{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[');
  expect(output).toContain('"42"]}]}}');
});
