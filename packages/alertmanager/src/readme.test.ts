import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the example of the README runs', async () => {
  const text = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const [, written = ''] = /```js\n([^]*?)```/.exec(text) ?? [];
  const example = written.replace("'@pronoia/alertmanager'", JSON.stringify(new URL('../dist/index.js', import.meta.url).href));
  const folder = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  const child = spawn(process.execPath, ['--input-type=module', '-e', example], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.once('message', (message) => resolve((message as { url: string }).url));
      child.once('exit', (code) => reject(new Error(`ended with ${String(code)}`)));
    });
    expect(await (await fetch(`${url}/api/v2/receivers`)).json()).toEqual([{ name: 'team', labels: { name: 'team' } }]);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});
