import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import { open } from '@pronoia/tsdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../dist/main.js');
const promtool = '/usr/bin/promtool';
const isMissing = !existsSync(promtool);
if (isMissing) process.stderr.write(`SKIPPED: ${promtool} is not installed (apt-get install prometheus); nothing was compared with it\n`);

const start = 1_700_006_400_000;

const page = `# TYPE strange gauge
strange{kind="small",text="ü\\n\\\\\\"\\t"} 1e-7 1699999200.001
strange{kind="large"} 123456789012345678901234 1699999200
strange{kind="minus zero"} -0 1699999200
strange{kind="whole"} 100000 1699999200
strange{kind="whole"} 1000000 1699999260
strange{kind="none"} NaN 1699999200
strange{kind="none"} -Inf 1699999260
# EOF
`;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-tsdb-'));
  writeFileSync(join(folder, 'page.om'), page);
  writeFileSync(join(folder, 'untimed.om'), 'a 1\n# EOF\n');
  writeFileSync(join(folder, 'cut.om'), 'a 1 2');
  mkdirSync(join(folder, 'empty/wal'), { recursive: true });
  // Two blocks, of a page and of the head, and a log beside them.
  const tsdb = await open(join(folder, 'data'), { registry: new Registry() });
  for (const minute of [0, 1, 60, 119, 120, 181, 200]) {
    const appender = tsdb.appender();
    for (const room of ['attic', 'cellar'])
      appender.append(0, Labels.from({ __name__: 'temperature', room }), start + 60_000 * minute, minute / 8);
    await appender.commit();
  }
  await tsdb.maintain();
  await tsdb.close();
  pronoia('create-blocks-from', 'openmetrics', 'page.om', 'data');
}, 30_000);
afterAll(() => rmSync(folder, { recursive: true }));

function pronoia(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [program, 'tsdb', ...args], { encoding: 'utf8', cwd: folder, timeout: 60_000 });
}

function original(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(promtool, ['tsdb', ...args], { encoding: 'utf8', cwd: folder, timeout: 60_000 });
}

const named = (args: string[]): { args: string[]; line: string } => ({ args, line: args.join(' ') });

describe.skipIf(isMissing)('beside promtool', () => {
  it.each(
    [
      ['list'],
      ['list', '-r'],
      ['list', 'data'],
      ['list', '--human-readable', 'data'],
      ['list', 'empty'],
      ['dump'],
      ['dump', 'data'],
      ['dump', 'empty'],
      ['dump', '--match=strange{kind!="whole"}', 'data'],
      ['dump', '--match={room=~"a.*"}', `--min-time=${start + 60_000}`, `--max-time=${start + 60_000 * 120}`, 'data'],
      ['dump', `--min-time=${start + 60_000 * 200}`],
      ['dump', '--max-time=1699999200000', '--match', 'nope'],
    ].map(named),
  )('$line prints the same, with the same exit code', ({ args }) => {
    const their = original(...args);
    const { stdout, stderr, status } = pronoia(...args);
    expect([stderr, status]).toEqual(['', their.status]);
    expect(stdout).toBe(their.stdout);
  });

  it.each(
    [
      ['list', 'nowhere'],
      ['analyze', 'nowhere'],
      ['analyze', 'empty'],
      ['analyze', 'data', '01HZZZZZZZZZZZZZZZZZZZZZZZ'],
      ['dump', 'nowhere'],
      ['dump', '--match=a{', 'data'],
      ['dump', '--min-time=x', 'data'],
      ['create-blocks-from', 'openmetrics', 'nowhere.om', 'new'],
      ['create-blocks-from', 'openmetrics', 'untimed.om', 'new'],
      ['create-blocks-from', 'openmetrics', 'cut.om', 'new'],
    ].map(named),
  )('$line fails with the same exit code, in one line', ({ args }) => {
    const { stdout, stderr, status } = pronoia(...args);
    expect(status).toBe(original(...args).status);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr).toMatch(/^.+\n$/);
  });

  /** Where several have the same figure, the original lists them by chance. */
  const sorted = (text: string): string[] => text.split('\n\n').flatMap((section) => section.split('\n').sort());

  it.each(
    [['analyze'], ['analyze', 'data'], ['analyze', '--extended', 'data'], ['analyze', '--limit=100', '--extended', 'data', 'OLDEST']].map(
      named,
    ),
  )('$line prints the same', ({ args }) => {
    const oldest = original('list', 'data').stdout.split('\n')[1]?.slice(0, 26) ?? '';
    const real = args.map((argument) => (argument === 'OLDEST' ? oldest : argument));
    const their = original(...real);
    const { stdout, stderr, status } = pronoia(...real);
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout.length).toBeGreaterThan(300);
    expect(sorted(stdout)).toEqual(sorted(their.stdout));
  });

  it('makes blocks that dump as those that promtool makes', () => {
    for (const [make, name] of [
      [pronoia, 'made-by-ours'],
      [original, 'made-by-theirs'],
    ] as const) {
      expect(make('create-blocks-from', 'openmetrics', 'page.om', name).status).toBe(0);
      mkdirSync(join(folder, name, 'wal'), { recursive: true });
    }
    const { stdout } = original('dump', 'made-by-theirs');
    expect(stdout.split('\n')).toHaveLength(8);
    expect(original('dump', 'made-by-ours').stdout).toBe(stdout);
    expect(pronoia('dump', 'made-by-theirs').stdout).toBe(stdout);
  });
});

it('prints the blocks it makes, unless told to be quiet', () => {
  const { stdout } = pronoia('create-blocks-from', 'openmetrics', 'page.om', 'shown');
  const [header, block, rest] = stdout.split('\n');
  expect(header).toMatch(/^BLOCK ULID {18}MIN TIME {7}/);
  expect(block).toMatch(/^[0-9A-Z]{26} {2}1699999200000 {2}1700006400000 {2}2h0m0s {7}7 {12}5 {12}5 {12}\d+$/);
  expect(rest).toBe('');
  expect(pronoia('create-blocks-from', 'openmetrics', '-q', 'page.om', 'quiet').stdout).toBe('');
  expect(readdirSync(join(folder, 'quiet'))).toHaveLength(1);
});

it('several selectors give what any of them selects, each series once', () => {
  const { stdout } = pronoia('dump', '--match={room="cellar"}', '--match', 'temperature', `--max-time=${start}`, 'data');
  expect(stdout.split('\n')).toEqual([
    `{__name__="temperature", room="attic"} 0 ${start}`,
    `{__name__="temperature", room="cellar"} 0 ${start}`,
    '',
  ]);
});

it('check finds nothing in a sound folder', () => {
  const { stdout, stderr, status } = pronoia('check', 'data');
  expect([stdout, stderr, status]).toEqual([
    '2 blocks with 7 series and 15 samples, write-ahead log, head chunks: 0 errors, 0 notes\n',
    '',
    0,
  ]);
});

it('check names the file and the byte of damage, and a dump of what is left has exit code 1', () => {
  cpSync(join(folder, 'data'), join(folder, 'damaged'), { recursive: true });
  const block = readdirSync(join(folder, 'damaged')).find((name) => /^[0-9A-Z]{26}$/.test(name)) as string;
  const path = join(folder, 'damaged', block, 'index');
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  writeFileSync(path, bytes);
  const { stdout, status } = pronoia('check', 'damaged');
  expect(status).toBe(1);
  expect(stdout).toContain(`error: damaged/${block}/index`);
  expect(stdout).toMatch(/: 1 errors, 0 notes\n$/);
  const dump = pronoia('dump', 'damaged');
  expect(dump.status).toBe(1);
  expect(dump.stderr).toContain(block);
  expect(dump.stdout).toContain('{__name__=');
});

it('an output that is closed early ends a dump quietly', () => {
  const { stdout, stderr } = spawnSync('sh', ['-c', `'${process.execPath}' '${program}' tsdb dump data | head -n 1`], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect(stdout.split('\n')).toHaveLength(2);
  expect(stderr).not.toContain('    at ');
});

// promtool 2.42 passes over histograms; later ones print them in this form.
it('dump prints histograms with their buckets', async () => {
  const tsdb = await open(join(folder, 'histograms'), { registry: new Registry() });
  const appender = tsdb.appender();
  appender.append(0, Labels.from({ __name__: 'latency', 'dotted.name': 'x' }), start, {
    counterResetHint: 'unknown',
    schema: 0,
    zeroThreshold: 0.001,
    zeroCount: 2,
    count: 9.5,
    sum: 18.4,
    positiveSpans: [
      { offset: 0, length: 2 },
      { offset: 1, length: 1 },
    ],
    negativeSpans: [{ offset: 0, length: 1 }],
    positiveBuckets: Float64Array.of(1, 2.5, 3),
    negativeBuckets: Float64Array.of(1),
    customValues: [],
  });
  await appender.commit();
  await tsdb.close();
  expect(pronoia('dump', 'histograms').stdout).toBe(
    `{__name__="latency", "dotted.name"="x"} {count:9.5, sum:18.4, [-1,-0.5):1, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2.5, (4,8]:3} ${start}\n`,
  );
});

describe('repair', () => {
  it('does nothing to a sound folder', () => {
    const { stdout, status } = pronoia('repair', 'data');
    expect([stdout, status]).toEqual(['there is nothing to repair\n', 0]);
  });

  it('says first what it will do, changes nothing in a dry run, and moves aside what it takes out', () => {
    cpSync(join(folder, 'data'), join(folder, 'broken'), { recursive: true });
    const block = readdirSync(join(folder, 'broken')).find((name) => /^[0-9A-Z]{26}$/.test(name)) as string;
    const path = join(folder, 'broken', block, 'chunks/000001');
    const bytes = readFileSync(path);
    bytes[12] = (bytes[12] as number) ^ 1;
    writeFileSync(path, bytes);
    const dry = pronoia('repair', '--dry-run', 'broken');
    expect(dry.status).toBe(1);
    expect(dry.stdout).toMatch(
      /^a repair would do one thing:\n1\. block broken\/\w+ is written anew without what cannot be read, and moved aside: /,
    );
    expect(dry.stdout).toMatch(/nothing was changed \(--dry-run\)\n$/);
    expect(pronoia('check', 'broken').status).toBe(1);

    const real = pronoia('repair', 'broken');
    expect([real.stderr, real.status]).toEqual(['', 0]);
    expect(real.stdout).toMatch(/^this repair does one thing:\n1\. .*\ndoing 1\.\ndone; now the folder is checked\n/);
    expect(real.stdout).toContain('what a repair took out; nothing reads it');
    const aside = readdirSync(join(folder, 'broken')).find((name) => name.startsWith('damaged-')) as string;
    expect(readFileSync(join(folder, 'broken', aside, block, 'chunks/000001'))).toEqual(bytes);
    expect(original('dump', 'broken').status).toBe(0);
  });
});
