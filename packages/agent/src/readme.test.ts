import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('the example of the README runs', () => {
  const home = fileURLToPath(new URL('..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'agent-readme-'));
  const example = /```js\n(.*?)```/s.exec(readFileSync(join(home, 'README.md'), 'utf8'))?.[1] ?? '';
  const code = example.replace('./agent-data', folder).replace('127.0.0.1:5050', '127.0.0.1:1');
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: home, encoding: 'utf8', timeout: 20_000 });
  expect(text).toMatch(/^what it runs: http:\/\/127\.0\.0\.1:\d+\/state\nslave\(1\)@127\.0\.0\.1:\d+ 2\n$/);
  rmSync(folder, { recursive: true });
});
