import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRange, READ_LIMIT_BYTES, SandboxFiles } from './files.ts';

describe('parseRange', () => {
  it.each([
    ['bytes=0-9', 100, { start: 0, end: 9 }],
    ['bytes=0-0', 100, { start: 0, end: 0 }],
    ['bytes=90-', 100, { start: 90, end: 99 }],
    ['bytes=90-1000', 100, { start: 90, end: 99 }],
    ['bytes=-10', 100, { start: 90, end: 99 }],
    ['bytes=-1000', 100, { start: 0, end: 99 }],
    ['bytes=99-', 100, { start: 99, end: 99 }],
    ['bytes=100-', 100, 'unsatisfiable'],
    ['bytes=-0', 100, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=9-0', 100, undefined],
    ['bytes=-', 100, undefined],
    ['bytes=0-1,5-6', 100, undefined],
    ['items=0-1', 100, undefined],
    ['', 100, undefined],
  ] as const)('%s of %d bytes', (header, size, expected) => expect(parseRange(header, size)).toEqual(expected));
});

describe('SandboxFiles', () => {
  let root: string;
  let sandbox: string;
  let files: SandboxFiles;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'agent-files-'));
    const slaves = join(root, 'slaves');
    sandbox = join(slaves, 'S0', 'frameworks', 'F0', 'executors', 'E0', 'runs', 'C0');
    mkdirSync(join(sandbox, 'folder'), { recursive: true });
    symlinkSync('C0', join(sandbox, '..', 'latest'));
    writeFileSync(join(sandbox, 'stdout'), 'hello world\n');
    writeFileSync(join(sandbox, 'big'), Buffer.alloc(READ_LIMIT_BYTES + 5, 97));
    writeFileSync(join(root, 'secret'), 'not for you');
    symlinkSync('/etc/passwd', join(sandbox, 'out'));
    symlinkSync(root, join(sandbox, 'up'));
    symlinkSync('loop', join(sandbox, 'loop'));
    files = new SandboxFiles(slaves, () => 'S0');
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('lists a folder, sorted, as ls -l would', async () => {
    const entries = await files.browse(sandbox);
    expect(entries.map((entry) => entry.path.slice(sandbox.length + 1))).toEqual(['big', 'folder', 'loop', 'out', 'stdout', 'up']);
    expect(entries[4]).toMatchObject({ size: 12, nlink: 1, mode: expect.stringMatching(/^-rw/) as string });
    expect(entries[1]?.mode).toMatch(/^drwx/);
    expect(entries[3]?.mode).toMatch(/^l/);
  });

  it.each(['/frameworks/F0/executors/E0/runs/latest/stdout', 'frameworks/F0/executors/E0/runs/C0/stdout'])(
    'knows the virtual path %s',
    async (path) => {
      expect((await files.read(path, 0, undefined)).data.toString()).toBe('hello world\n');
    },
  );

  it.each([
    [undefined, undefined, 12, ''],
    [-1, undefined, 12, ''],
    [3, 0, 12, ''],
    [0, 5, 0, 'hello'],
    [6, -1, 6, 'world\n'],
    [6, undefined, 6, 'world\n'],
    [12, 10, 12, ''],
    [9_999, 10, 9_999, ''],
  ])('reads from offset %s length %s', async (offset, length, expectedOffset, data) => {
    const read = await files.read(join(sandbox, 'stdout'), offset, length);
    expect([read.offset, read.data.toString()]).toEqual([expectedOffset, data]);
  });

  it('reads at most 64 KiB at once', async () => {
    expect((await files.read(join(sandbox, 'big'), 0, 1e9)).data.length).toBe(READ_LIMIT_BYTES);
  });

  it('never leaves the sandboxes', async () => {
    const outside = [
      join(root, 'secret'),
      '/etc/passwd',
      join(sandbox, 'out'),
      join(sandbox, 'up', 'secret'),
      join(sandbox, 'loop'),
      join(sandbox, '..', '..', '..', '..'),
      join(root, 'slaves'),
      join(root, 'slaves', 'S0'),
      '/frameworks/../../../../etc/passwd',
      '/frameworks/F0/executors/E0/runs/C0/../../../../../../../secret',
      join(sandbox, 'nothing'),
      join(sandbox, 'stdout', 'x'),
      `${sandbox}\0`,
      'stdout',
      '',
    ];
    for (const path of outside) {
      await expect(files.read(path, 0, 1)).rejects.toMatchObject({ code: 'not_found', status: 404 });
      await expect(files.browse(path)).rejects.toMatchObject({ code: 'not_found' });
      await expect(files.download(path, undefined)).rejects.toMatchObject({ code: 'not_found' });
    }
  });

  it('does not read a folder', async () => {
    await expect(files.read(join(sandbox, 'folder'), 0, 1)).rejects.toMatchObject({ status: 400 });
    await expect(files.download(join(sandbox, 'folder'), undefined)).rejects.toMatchObject({ status: 400 });
  });
});
