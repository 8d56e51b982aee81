import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const examples = [...readFileSync(`${folder}README.md`, 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code as string);

it('the first example of the README shows what it promises', () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', examples[0] as string], { cwd: folder, encoding: 'utf8' });
  expect(output).toContain('requests_total{code="200"} 2\n');
  expect(output).toContain('request_seconds_count 1\n');
  expect(output).toContain('process_cpu_seconds_total');
});

it.each(examples.slice(1))('another example runs', (code) => {
  execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: folder, encoding: 'utf8', timeout: 10_000 });
});
