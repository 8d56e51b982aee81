/** The monitor behind a web configuration: what is met by whom is tested in the server package; here, that the flag reaches it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { start } from './app.ts';

it('asks for a user and a password, and adds headers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'monitor-web-'));
  writeFileSync(join(folder, 'prometheus.yml'), 'scrape_configs: []\n');
  // bcrypt of `secret`.
  writeFileSync(
    join(folder, 'web.yml'),
    "basic_auth_users: { alice: '$2b$04$xQ8l.DEdQNe9TqTtcC/YOur4eAqyU5iQxuiNoqO1BA1IO7NR9DMne' }\nhttp_server_config: { headers: { X-Frame-Options: deny } }\n",
  );
  const monitor = await start({
    'config.file': join(folder, 'prometheus.yml'),
    'storage.tsdb.path': join(folder, 'data'),
    'web.listen-address': ['127.0.0.1:0'],
    'web.config.file': join(folder, 'web.yml'),
  });
  try {
    const url = `${monitor.url}/api/v1/query?query=1`;
    expect((await fetch(url)).status).toBe(401);
    const answer = await fetch(url, { headers: { authorization: `Basic ${Buffer.from('alice:secret').toString('base64')}` } });
    expect([answer.status, answer.headers.get('x-frame-options')]).toEqual([200, 'deny']);
  } finally {
    await monitor.stop();
    rmSync(folder, { recursive: true });
  }
});
