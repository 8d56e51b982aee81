/** Whole jobs on a real master and a real agent in this process; attempts are real processes of the built package. */
import { execFile, execSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type RunningAgent, start as startAgent } from '@pronoia/agent';
import { start as startMaster } from '@pronoia/master';
import type { Running } from '@pronoia/server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobProgress, JobResult, MapReduceJob, RunDeps } from './job.ts';
import { runMapReduce } from './run.ts';

let root: string;
let master: Running;
let agent: RunningAgent;
let output: string;
let ports: string;

/** Ports that nobody listens on, to be offered: tests of several packages run on one machine at the same time. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const found = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}

const openAgent = (workDir: string, cpus = 2, port = 0): Promise<RunningAgent> =>
  startAgent({
    master: `127.0.0.1:${master.port}`,
    work_dir: join(root, workDir),
    port,
    registration_backoff_factor: 20,
    resources: `cpus:${cpus};mem:4096;disk:1000;ports:${ports}`,
  });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'mapreduce-run-'));
  ports = `[${(await freePorts(8)).map((port) => `${port}-${port}`).join(',')}]`;
  master = await startMaster({ port: 0, work_dir: join(root, 'master'), allocation_interval: 100 });
  agent = await openAgent('agent');
});
afterAll(async () => {
  await agent.stopWithTasks();
  await master.stop();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  output = join(root, 'out');
});
afterEach(() => rmSync(output, { recursive: true, force: true }));

const run = (job: Partial<MapReduceJob> & { input: readonly string[] }, deps: Partial<RunDeps> = {}): Promise<JobResult> =>
  runMapReduce({ kind: 'wordcount', output, ...job } as MapReduceJob, { master: `127.0.0.1:${master.port}`, metricsLingerMs: 0, ...deps });

const write = (name: string, content: string | Buffer): string => {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};

/** What tr, sort and uniq make of the same files. */
const expectedCounts = (...files: string[]): string =>
  execSync(
    `for f in ${files.join(' ')}; do cat "$f"; echo; done | LC_ALL=C tr -s ' \\t\\r\\f\\v' '\\n' | grep -av '^$' | LC_ALL=C sort | uniq -c | awk '{n=$1; sub(/^ *[0-9]+ /, ""); print $0 "\\t" n}' | LC_ALL=C sort`,
    {
      maxBuffer: 1 << 28,
      encoding: 'latin1',
      env: { ...process.env, LC_ALL: 'C' },
    },
  );
const sortedParts = (): string =>
  readdirSync(output)
    .filter((name) => name.startsWith('part-'))
    .map((name) => readFileSync(join(output, name), 'latin1'))
    .join('')
    .split('\n')
    .sort()
    .join('\n')
    .slice(1)
    .concat('\n');

/** Text with a few very frequent and many rare words, lines ended by LF and now and then by CR LF. */
function generate(path: string, megabytes: number): void {
  let seed = 7;
  const parts: string[] = [];
  for (let bytes = 0, i = 1; bytes < megabytes * 1e6; i++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    const rank = Math.floor(Math.exp((seed / 0x7fffffff) * 12));
    const word = `w${(Math.imul(rank, 40_503) & 0xffff).toString(36)}${i % 7 === 0 ? rank : ''}`;
    const end = i % 11 !== 0 ? ' ' : i % 33 === 0 ? '\r\n' : '\n';
    parts.push(word, end);
    bytes += word.length + end.length;
  }
  writeFileSync(path, parts.join(''));
}

function bigFile(): string {
  const path = join(root, 'big.txt');
  if (!existsSync(path)) generate(path, 50);
  return path;
}

let counted: Promise<string> | undefined;
/** Not the synchronous call: master and agent live in this process. No word of the big file is empty or holds a space, so awk may split. */
const bigCounts = (): Promise<string> => {
  counted ??= promisify(execFile)(
    'sh',
    ['-c', `tr -s ' \\t\\r\\f\\v' '\\n' < "$0" | sort -S 512M | uniq -c | awk '{ print $2 "\\t" $1 }' | sort`, bigFile()],
    { encoding: 'latin1', maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C' } },
  ).then(({ stdout }) => stdout);
  return counted;
};

describe('wordcount', () => {
  it.each([
    ['an empty file', { 'e/empty': '' }],
    ['no newline at the end', { 'n/a': 'one two', 'n/b': 'two three' }],
    ['CR LF and CR', { 'c/a': 'a b\r\na\rc\r\n\r\n' }],
    [
      'UTF-8 and bytes that are none',
      { 'u/a': Buffer.concat([Buffer.from('é 你好 é naïve\u00a0x '), Buffer.from([0xff, 0xfe, 32, 0xff, 0xfe])]) },
    ],
    ['NUL bytes, tabs and form feeds', { 'z/a': 'a\0b a\tb\fc\vd a\0b' }],
    ['a byte order mark', { 'b/a': '\ufeffword word' }],
    ['only spaces', { 's/a': ' \n\t \r\n ' }],
    ['a line of 10 MB', { 'l/a': Buffer.from(`${'long line of words '.repeat(550_000)}end`), 'l/b': `${'x'.repeat(3_000_000)} x` }],
  ])('of %s is what tr, sort and uniq say', async (_name, files) => {
    const paths = Object.entries(files).map(([name, content]) => write(name, content));
    const result = await run({ input: paths, splitBytes: 1 << 20, reduces: 2 });
    expect(sortedParts()).toBe(expectedCounts(...paths) === '' ? '\n' : expectedCounts(...paths));
    expect(readdirSync(output).sort()).toEqual(['_SUCCESS', 'part-r-00000', 'part-r-00001']);
    expect(result.parts).toHaveLength(2);
  });

  it('of 50 MB in many splits is exact, and each part is sorted', async () => {
    const path = bigFile();
    const seen: JobProgress[] = [];
    const result = await run({ input: [path], reduces: 3, splitBytes: 6_000_000 }, { onProgress: (progress) => seen.push(progress) });
    expect(result.maps).toBe(9);
    expect(sortedParts() === (await bigCounts())).toBe(true);
    for (const part of result.parts) {
      const keys = readFileSync(part, 'latin1')
        .split('\n')
        .slice(0, -1)
        .map((line) => line.slice(0, line.indexOf('\t')));
      expect(keys).toEqual([...keys].sort());
    }
    expect(seen.at(-1)?.map).toEqual({ total: 9, done: 9, running: 0, fraction: 1 });
    expect(seen.every((progress, i) => i === 0 || progress.map.done >= (seen[i - 1]?.map.done ?? 0))).toBe(true);
  }, 240_000);

  it('of an empty folder is empty parts', async () => {
    mkdirSync(join(root, 'nothing'), { recursive: true });
    const result = await run({ input: [join(root, 'nothing')] });
    expect([result.maps, readFileSync(join(output, 'part-r-00000'), 'utf8')]).toEqual([0, '']);
  });
});

describe('a job', () => {
  it('survives kill -9 of an attempt and of a supervisor, and counts nothing twice', async () => {
    const path = bigFile();
    const killed: string[] = [];
    const result = await run(
      { input: [path], splitBytes: 8_000_000 },
      {
        onProgress: ({ map }) => {
          if (map.running === 0 || killed.length > 1 || (killed.length === 1 && map.done < 2)) return;
          const attempts = execSync("ps -eo pid=,args= | grep '[a]ttempt.js' || true", { encoding: 'utf8' })
            .split('\n')
            .filter((line) => line.includes(root))
            .map((line) => ({ pid: Number(line.trim().split(' ')[0]), isSupervisor: line.includes('pronoia-supervisor') }));
          const victim = attempts.find((attempt) => attempt.isSupervisor === (killed.length === 1));
          if (victim === undefined) return;
          process.kill(victim.pid, 'SIGKILL');
          killed.push(victim.isSupervisor ? 'supervisor' : 'attempt');
        },
      },
    );
    expect(killed).toEqual(['attempt', 'supervisor']);
    expect(result.attempts.failed).toBeGreaterThanOrEqual(1);
    expect(sortedParts() === (await bigCounts())).toBe(true);
    expect(readdirSync(output).sort()).toEqual(['_SUCCESS', 'part-r-00000']);
  }, 240_000);

  it('whose input vanishes ends with a clear error and no output', async () => {
    const path = write('v/gone', 'a b c');
    const keep = write('v/stays', 'a b c');
    const job = run({ input: [path, keep] });
    unlinkSync(path);
    await expect(job).rejects.toMatchObject({
      code: 'task_fatal',
      message: expect.stringContaining(`Input path does not exist: ${path}`) as string,
    });
    expect(existsSync(output)).toBe(false);
  });

  it('whose input became shorter ends with a clear error', async () => {
    const path = write('v/short', 'a b c d e f');
    const job = run({ input: [path] });
    writeFileSync(path, 'a');
    await expect(job).rejects.toThrow(/was 11 bytes when the job began and has 1 now/);
  });

  it.each([
    ['a missing input', { input: ['/no/such/file'] }, 'input_missing'],
    ['a pattern without matches', { input: ['/no/such/*'] }, 'input_no_match'],
  ])('with %s is refused before it begins', async (_name, job, code) => {
    await expect(run(job)).rejects.toMatchObject({ code });
    expect(existsSync(output)).toBe(false);
  });

  it('never overwrites an output', async () => {
    mkdirSync(output);
    writeFileSync(join(output, 'mine'), 'x');
    await expect(run({ input: [write('o/a', 'a')] })).rejects.toMatchObject({ code: 'output_exists' });
    expect(readdirSync(output)).toEqual(['mine']);
  });

  it('that nobody can run ends with a reason', async () => {
    await expect(run({ input: [write('o/a', 'a')], mapCpus: 500 }, { starvationLimitMs: 600 })).rejects.toMatchObject({
      code: 'no_resources',
      message: expect.stringMatching(/cpus 500, mem 384\).*the last offer had cpus 2/) as string,
    });
  });

  it('without a master ends with a reason', async () => {
    await expect(run({ input: [write('o/a', 'a')] }, { master: '127.0.0.1:1', masterLostLimitMs: 300 })).rejects.toMatchObject({
      code: 'master_lost',
    });
    expect(existsSync(output)).toBe(false);
  });

  it('that is interrupted leaves nothing, neither output nor tasks', async () => {
    const stop = new AbortController();
    const job = run({ kind: 'streaming', mapper: 'sleep 1000', input: [write('i/a', 'a\n')] } as never, {
      signal: stop.signal,
      onProgress: ({ map }) => {
        if (map.running === 1) stop.abort(new Error('enough'));
      },
    });
    await expect(job).rejects.toMatchObject({ code: 'interrupted', message: expect.stringContaining('enough') as string });
    expect(existsSync(output)).toBe(false);
    let left: unknown[] = [1];
    for (let i = 0; i < 200 && left.length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      left = (await (await fetch(`${agent.url}/containers`)).json()) as unknown[];
    }
    expect(left).toEqual([]);
  });

  it('shows its counts and what it uses while it runs, and its last counts until they were seen', async () => {
    const pages: string[] = [];
    let url = '';
    const job = run({ kind: 'streaming', mapper: "sh -c 'sleep 2.5; cat'", reducer: 'cat', input: [write('m/a', 'a\n')] } as never, {
      metricsLingerMs: 10_000,
      onProgress: () => {
        void (async () => {
          if (url === '') {
            const state = (await (await fetch(`http://127.0.0.1:${master.port}/frameworks`)).json()) as {
              frameworks: { labels?: { key: string; value: string }[] }[];
            };
            url = state.frameworks.flatMap((framework) => framework.labels ?? []).find((label) => label.key === 'metrics')?.value ?? '';
          }
        })();
      },
    });
    let isOver = false;
    void job.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (url !== '')
        pages.push(
          await fetch(url).then(
            (answer) => answer.text(),
            () => '',
          ),
        );
    }
    await job;
    expect(pages[0]).toMatch(/^task_count\{task_type="map"\} 0$/m);
    expect(
      pages.some((page) =>
        /^resource_usage\{resource="memory",task="attempt_.*_m_000000_0",agent="127\.0\.0\.1"\} [1-9]\d{6,}$/m.test(page),
      ),
    ).toBe(true);
    expect(pages.some((page) => /^resource_usage\{resource="cpu",.*\} [\d.e-]+$/m.test(page))).toBe(true);
    const last = pages.filter((page) => page !== '').at(-1);
    expect(last).toMatch(/^task_count\{task_type="map"\} 1$/m);
    expect(last).toMatch(/^task_count\{task_type="reduce"\} 1$/m);
  });
});

describe('streaming', () => {
  const streaming = (job: object): Promise<JobResult> => run({ kind: 'streaming', ...job } as never);

  it('with shell programs gives the same counts as the built-in', async () => {
    const path = write('s1/a', 'the cat the dog\nthe end\n');
    const result = await streaming({
      input: [path],
      mapper: `sh -c 'tr -s " " "\\n" | sed "s/$/\\t1/"'`,
      reducer: `awk -F "\\t" '{ n[$1] += $2 } END { for (w in n) print w "\\t" n[w] }'`,
      reduces: 2,
    });
    expect(result.parts.map((part) => part.slice(-10))).toEqual(['part-00000', 'part-00001']);
    expect(sortedParts()).toBe('cat\t1\ndog\t1\nend\t1\nthe\t3\n');
  });

  it('sorts by key, keeps values in order, and keeps the separator of an empty value', async () => {
    await streaming({ input: [write('s2/a', 'b\tx\na\ty\nb\tw\na\n')], mapper: 'cat', reducer: 'cat' });
    expect(readFileSync(join(output, 'part-00000'), 'utf8')).toBe('a\ty\na\t\nb\tx\nb\tw\n');
  });

  it('without reducers writes a part for each map', async () => {
    const result = await streaming({ input: [write('s3/a', 'b\na\n'), write('s3/b', 'ccc\n')], mapper: 'cat', reduces: 0 });
    expect(result.maps).toBe(2);
    expect(sortedParts()).toBe('a\t\nb\t\nccc\t\n');
    expect(readdirSync(output).sort()).toEqual(['_SUCCESS', 'part-00000', 'part-00001']);
  });

  it('ships files and environment', async () => {
    const script = write('s4/up.sh', '#!/bin/sh\nsed "s/^/$GREETING /" - "$EXTRA"\n');
    const extra = write('s4/extra.txt', 'shipped\n');
    await streaming({
      input: [write('s4/a', 'x\n')],
      mapper: 'up.sh',
      files: [script, extra],
      environment: { GREETING: 'hi', EXTRA: 'extra.txt' },
    });
    expect(sortedParts()).toBe('hi shipped\t\nhi x\t\n');
  });

  it('feeds lines of any size with LF, whatever ended them', async () => {
    await streaming({
      input: [write('s5/a', `\ufeffa\r\nb\rc\n${'x'.repeat(500_000)}`)],
      mapper: `awk '{ print length($0) }'`,
      reduces: 0,
    });
    expect(sortedParts()).toBe('1\t\n1\t\n1\t\n500000\t\n');
  });

  it('fails after its last attempt with the last words of the program', async () => {
    const job = streaming({ input: [write('s6/a', 'x\n')], mapper: `sh -c 'echo it broke >&2; exit 3'`, maxAttempts: 2 });
    await expect(job).rejects.toMatchObject({
      code: 'task_failed',
      message: expect.stringMatching(/failed 2 times.*exited with status 3; its last words:\nit broke/s) as string,
    });
    expect(existsSync(output)).toBe(false);
  });

  it('counts what programs report', async () => {
    const result = await streaming({
      input: [write('s7/a', 'x\n')],
      mapper: `sh -c 'echo reporter:counter:Mine,Seen,5 >&2; cat'`,
      reduces: 0,
    });
    expect(result.counters).toMatchObject({ 'Mine/Seen': 5, 'Map-Reduce Framework/Map input records': 1 });
  });
});

it('the example of the README runs', async () => {
  const home = fileURLToPath(new URL('../..', import.meta.url));
  const example = /```js\n(.*?)```/s.exec(readFileSync(join(home, 'README.md'), 'utf8'))?.[1] ?? '';
  const code = example.replace('127.0.0.1:5050', `127.0.0.1:${master.port}`).replace('./counts', output);
  // Not the synchronous call: master and agent live in this process.
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd: home, timeout: 15_000 });
  expect(stdout).toMatch(/\n\d{3} different words\n$/);
});

it('a master that is lost during the job ends it with a reason', async () => {
  const ownMaster = await startMaster({ port: 0, work_dir: join(root, 'master-2'), allocation_interval: 100 });
  const ownAgent = await startAgent({
    master: `127.0.0.1:${ownMaster.port}`,
    work_dir: join(root, 'agent-4'),
    port: 0,
    registration_backoff_factor: 20,
    resources: 'cpus:1;mem:1024;disk:100',
  });
  let stopping: Promise<void> | undefined;
  const job = run({ kind: 'streaming', mapper: 'sleep 1000', input: [write('ml/a', 'a\n')] } as never, {
    master: `127.0.0.1:${ownMaster.port}`,
    masterLostLimitMs: 1_000,
    onProgress: ({ map }) => {
      if (map.running === 1) stopping ??= ownMaster.stop();
    },
  });
  await expect(job).rejects.toMatchObject({ code: 'master_lost' });
  expect(existsSync(output)).toBe(false);
  await stopping;
  await ownAgent.stopWithTasks();
});

describe('a lost agent', () => {
  it('ends the job with a reason, not with a wrong result', async () => {
    const path = write('lost/a', 'a\n');
    const second = await openAgent('agent-2', 6);
    const job = run({ kind: 'streaming', mapper: "sh -c 'sleep 1; cat'", mapCpus: 4, input: [path] } as never, {
      starvationLimitMs: 1_500,
      silenceLimitMs: 3_000,
      onProgress: ({ map }) => {
        if (map.running === 1) void second.stopWithTasks();
      },
    });
    await expect(job).rejects.toMatchObject({ code: 'no_resources' });
    expect(existsSync(output)).toBe(false);
  });

  it('that comes back in time costs nothing', async () => {
    const path = write('back/a', 'a b\n');
    let second = await openAgent('agent-3', 6);
    let restarted: Promise<void> | undefined;
    const job = run(
      { kind: 'streaming', mapper: "sh -c 'sleep 1.5; cat'", reducer: 'cat', mapCpus: 4, reduceCpus: 4, input: [path] } as never,
      {
        onProgress: ({ map }) => {
          if (map.running === 1)
            restarted ??= second.stop().then(async () => {
              second = await openAgent('agent-3', 6, second.port);
            });
        },
      },
    );
    const result = await job;
    expect(result.attempts).toEqual({ launched: 2, failed: 0, lost: 0 });
    expect(sortedParts()).toBe('a b\t\n');
    await restarted;
    await second.stopWithTasks();
  });
});
