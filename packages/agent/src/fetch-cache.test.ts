import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, framework, task } from '../test/bed.ts';
import { FetchCache } from './fetch-cache.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-cache-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the cache', () => {
  const bringer = (sizeBytes: number) => {
    const calls: string[] = [];
    return {
      calls,
      bring: (to: string): Promise<void> => {
        calls.push(to);
        writeFileSync(to, Buffer.alloc(sizeBytes));
        return Promise.resolve();
      },
    };
  };

  it('brings a file once for all who want it, each user apart', async () => {
    const cache = new FetchCache(folder, 1_000);
    const { bring, calls } = bringer(10);
    const [one, two] = await Promise.all([cache.take('ann', 'f', 10, bring), cache.take('ann', 'f', 10, bring)]);
    const other = await cache.take('bob', 'f', 10, bring);
    expect([one?.path === two?.path, one?.path === other?.path, calls.length, cache.usedBytes]).toEqual([true, false, 2, 20]);
  });

  it('throws out what was not used for the longest time, never what is in use', async () => {
    const cache = new FetchCache(folder, 30);
    const { bring } = bringer(10);
    const a = await cache.take('a', 'a', 10, bring);
    const b = await cache.take('b', 'b', 10, bring);
    (await cache.take('c', 'c', 10, bring))?.release();
    b?.release();
    (await cache.take('b', 'b', 10, bring))?.release(); // used again: c is the oldest now
    (await cache.take('d', 'd', 10, bring))?.release();
    expect([existsSync(a?.path ?? ''), existsSync(b?.path ?? ''), readdirSync(folder).length, cache.usedBytes]).toEqual([
      true,
      true,
      3,
      30,
    ]);
    expect(await cache.take('e', 'e', 25, bring)).toBeUndefined(); // a is in use: no room
    expect(await cache.take('huge', 'huge', 31, bring)).toBeUndefined();
    expect(cache.usedBytes).toBe(30);
  });

  it('forgets what could not be brought', async () => {
    const cache = new FetchCache(folder, 100);
    await expect(cache.take('a', 'a', 10, () => Promise.reject(new Error('the server went away')))).rejects.toThrow('went away');
    expect(cache.usedBytes).toBe(0);
    const { bring, calls } = bringer(10);
    await cache.take('a', 'a', 10, bring);
    expect(calls.length).toBe(1);
  });
});

const cannotSwitch = process.getuid?.() !== 0;
describe.skipIf(cannotSwitch)('a fetch for another user', () => {
  it('reads what that user may read, and leaves it what is his', async () => {
    const bed = await Bed.make();
    try {
      await bed.open({ fetcher_cache_dir: join(folder, 'cache') });
      const secret = join(folder, 'secret');
      writeFileSync(secret, 'secret\n', { mode: 0o600 });
      writeFileSync(join(folder, 'open'), 'open\n');
      chmodSync(folder, 0o755);
      execFileSync('tar', ['-cf', join(folder, 'a.tar'), '-C', folder, 'open']);
      for (const [id, file, cache] of [
        ['t1', 'secret', false],
        ['t2', 'secret', true],
      ] as const) {
        const uris = [{ value: join(folder, file), cache }];
        bed.launch(framework(), task({ task_id: { value: id }, command: { value: 'true', user: 'nobody', uris } }));
        const status = await bed.final(id);
        expect(status).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
        expect(status.message).toMatch(/secret: Permission denied/);
      }
      const uris = [{ value: join(folder, 'open'), output_file: 'sub/copy' }, { value: join(folder, 'a.tar') }];
      bed.launch(
        framework(),
        task({ task_id: { value: 't3' }, command: { value: 'cat sub/copy; stat -c %U sub sub/copy open', user: 'nobody', uris } }),
      );
      await bed.final('t3');
      expect(bed.text('t3')).toBe('open\nnobody\nnobody\nnobody\n');
    } finally {
      await bed.close();
    }
  });
});

describe('a fetch', () => {
  let bed: Bed;
  let server: Server;
  const requests: string[] = [];
  beforeEach(async () => {
    bed = await Bed.make();
    requests.length = 0;
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      if (request.url === '/moved') return response.writeHead(302, { location: '/word' }).end();
      if (request.url === '/gone') return response.writeHead(410).end('gone');
      if (request.url === '/hangs') return response.writeHead(200, { 'content-length': 100 }).write('a little');
      return response.writeHead(200, { 'content-length': 5 }).end(request.method === 'HEAD' ? undefined : 'word\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await bed.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

  it('from the cache asks the server once, and counts', async () => {
    const agent = await bed.open({ fetcher_cache_dir: folder, fetcher_cache_size: 1_000 });
    for (const id of ['t1', 't2']) {
      bed.launch(
        framework(),
        task({ task_id: { value: id }, command: { value: 'cat word', uris: [{ value: url('/word'), cache: true }] } }),
      );
      await bed.final(id);
      expect(bed.text(id)).toBe('word\n');
    }
    expect(requests.filter((line) => line.startsWith('GET'))).toEqual(['GET /word']);
    const snapshot = (await (await fetch(`${agent.url}/metrics/snapshot`)).json()) as Record<string, number>;
    expect(snapshot).toMatchObject({
      'containerizer/fetcher/cache_size_total_bytes': 1_000,
      'containerizer/fetcher/cache_size_used_bytes': 5,
      'containerizer/fetcher/task_fetches_succeeded': 2,
    });
  });

  const missing = ['unzip', 'bzip2', 'xz', 'python3'].filter((name) => !existsSync(`/usr/bin/${name}`));
  if (missing.length > 0) process.stderr.write(`SKIPPED: archives of every kind: ${missing.join(', ')} are missing\n`);
  it.skipIf(missing.length > 0)('follows redirects, names files, unpacks every kind, and leaves packed what it is told to', async () => {
    await bed.open();
    writeFileSync(join(folder, 'inner'), 'inner\n');
    const make = (name: string, ...argv: [string, ...string[]]): string => {
      execFileSync(argv[0], argv.slice(1), { cwd: folder });
      execFileSync('mkdir', ['-p', join(folder, 'out')]);
      execFileSync('mv', [name, 'out/'], { cwd: folder });
      return join(folder, 'out', name);
    };
    const archives = [
      make('a.tar', 'tar', '-cf', 'a.tar', '--transform', 's/inner/from-tar/', 'inner'),
      make('b.tar.gz', 'tar', '-czf', 'b.tar.gz', '--transform', 's/inner/from-gz/', 'inner'),
      make('c.tar.bz2', 'tar', '-cjf', 'c.tar.bz2', '--transform', 's/inner/from-bz2/', 'inner'),
      make('d.txz', 'tar', '-cJf', 'd.txz', '--transform', 's/inner/from-xz/', 'inner'),
      make('plain.gz', '/bin/sh', '-c', 'gzip -c inner > plain.gz'),
      make('e.zip', '/usr/bin/python3', '-c', "import zipfile; zipfile.ZipFile('e.zip', 'w').write('inner', 'from-zip')"),
    ];
    const kept = make('kept.tar', 'tar', '-cf', 'kept.tar', '--transform', 's/inner/never/', 'inner');
    const uris = [
      ...archives.map((value, i) => ({ value, cache: i % 2 === 0 })),
      { value: kept, extract: false },
      { value: url('/moved'), output_file: 'deep/name' },
    ];
    bed.launch(framework(), task({ task_id: { value: 't1' }, command: { value: 'cat from-* plain deep/name; ls kept.tar never', uris } }));
    await bed.final('t1');
    expect(bed.text('t1')).toBe(`${'inner\n'.repeat(6)}word\nkept.tar\n`);
  });

  it('never follows a link that an archive has left, out of the sandbox', async () => {
    await bed.open();
    const outside = join(folder, 'outside');
    execFileSync('mkdir', [outside]);
    execFileSync('/bin/sh', ['-c', 'ln -s "$1" door && tar -cf door.tar door', 'sh', outside], { cwd: folder });
    const uris = [{ value: join(folder, 'door.tar') }, { value: url('/word'), output_file: 'door/word' }];
    bed.launch(framework(), task({ task_id: { value: 't1' }, command: { value: 'true', uris } }));
    expect((await bed.final('t1')).message).toMatch(/leads out of the sandbox/);
    expect(readdirSync(outside)).toEqual([]);
  });

  it.each([
    ['/gone', { value: '' }, /the server answered 410/],
    ['/hangs', { value: '' }, /fetch http.*hangs: Body Timeout/],
    ['/word', { value: '', output_file: '../out' }, /output_file \.\.\/out leaves the sandbox/],
    ['/bad.tar', { value: '' }, /tar exited with 2/],
  ])('of %s that fails fails the task, and says how: %o', async (path, uri, fault) => {
    await bed.open({ fetcher_stall_timeout: 300 });
    const uris = [{ ...uri, value: url(path) }];
    bed.launch(framework(), task({ task_id: { value: 't1' }, command: { value: 'true', uris } }));
    const status = await bed.final('t1');
    expect(status).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
    expect(status.message).toMatch(fault);
  });
});
