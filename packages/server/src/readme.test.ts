import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the example of the README runs', async () => {
  const text = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const example = /```js\n([^]*?)```/.exec(text)?.[1] as string;
  const child = spawn(process.execPath, ['--input-type=module', '-e', example], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.once('message', (message) => resolve((message as { url: string }).url));
      child.once('exit', (code) => reject(new Error(`ended with ${String(code)}`)));
    });
    expect(await (await fetch(`${url}/hello`)).json()).toEqual({ hello: 'world' });
  } finally {
    child.kill('SIGKILL');
  }
});
