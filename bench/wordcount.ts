/**
 * The built-in wordcount as a user runs it (job, master, agent, attempts: everything but `npm start`) beside `tr | sort | uniq -c` and beside
 * awk's hash on the same file: Zipf text, vocabulary 500,000, word of rank i = i in bijective base 26, P ∝ 1/i, ten words a line
 * (1 GB by default; WORDCOUNT_MB changes it, WORDCOUNT_ROUNDS the rounds). Results are compared byte by byte.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { start as startAgent } from '@pronoia/agent';
import { start as startMaster } from '@pronoia/master';
import { runMapReduce } from '@pronoia/workloads';

const VOCABULARY = 500_000;
const BLOCK_BYTES = 4 * 1024 * 1024;
const ROUNDS = Number(process.env['WORDCOUNT_ROUNDS'] ?? 3);

/** Random numbers in [0, 1), the same everywhere for a seed. */
function mulberry32(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function wordOf(rank: number): Buffer {
  let text = '';
  for (let n = rank; n > 0; n = Math.floor(n / 26)) {
    n--;
    text = String.fromCharCode(97 + (n % 26)) + text;
  }
  return Buffer.from(text);
}

/** The first 4 MiB block past `bytes` is the last. One draw a word, by the alias method (Vose 1991). */
function generate(path: string, bytes: number, seed: number): void {
  let sum = 0;
  for (let i = 1; i <= VOCABULARY; i++) sum += 1 / i;
  const scaled = new Float64Array(VOCABULARY);
  const alias = new Uint32Array(VOCABULARY);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < VOCABULARY; i++) {
    scaled[i] = VOCABULARY / ((i + 1) * sum);
    ((scaled[i] as number) < 1 ? small : large).push(i);
  }
  while (small.length > 0 && large.length > 0) {
    const s = small.pop() as number;
    const l = large.pop() as number;
    alias[s] = l;
    scaled[l] = (scaled[l] as number) + (scaled[s] as number) - 1;
    ((scaled[l] as number) < 1 ? small : large).push(l);
  }
  for (const i of [...small, ...large]) scaled[i] = 1;
  const words = Array.from({ length: VOCABULARY }, (_, i) => wordOf(i + 1));
  const random = mulberry32(seed);
  const block = Buffer.alloc(BLOCK_BYTES);
  const fd = openSync(`${path}.new`, 'w');
  let used = 0;
  let written = 0;
  let count = 0;
  while (written < bytes) {
    const draw = random() * VOCABULARY;
    const column = Math.floor(draw);
    const word = words[draw - column < (scaled[column] as number) ? column : (alias[column] as number)] as Buffer;
    if (used + word.length + 1 > BLOCK_BYTES) {
      written += writeSync(fd, block, 0, used);
      used = 0;
    }
    used += word.copy(block, used);
    block[used++] = ++count % 10 === 0 ? 10 : 32;
  }
  writeSync(fd, block, 0, used);
  closeSync(fd);
  renameSync(`${path}.new`, path);
}

interface Arm {
  readonly name: string;
  readonly run: (input: string, output: string) => Promise<void>;
}

const shell = (script: string) => (input: string, output: string) => {
  const done = spawnSync('/bin/sh', ['-c', script], {
    env: { ...process.env, LC_ALL: 'C', IN: input, OUT: output },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return done.status === 0 ? Promise.resolve() : Promise.reject(new Error(`${script}: exit ${done.status}`));
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

export default async function run(): Promise<string> {
  const megabytes = Number(process.env['WORDCOUNT_MB'] ?? 1_000);
  const folder = join(tmpdir(), 'pronoia-bench-wordcount');
  mkdirSync(folder, { recursive: true });
  const input = join(folder, `zipf-1-${megabytes}.txt`);
  if (!existsSync(input)) {
    process.stderr.write(`generating ${megabytes} MB of text …\n`);
    generate(input, megabytes * 1e6, 1);
  }
  execFileSync('cat', [input], { stdio: ['ignore', 'ignore', 'inherit'] }); // into the page cache, for all alike

  const work = mkdtempSync(join(folder, 'work-'));
  const master = await startMaster({ port: 0, work_dir: join(work, 'master') });
  const cores = cpus().length;
  const agent = await startAgent({
    master: `127.0.0.1:${master.port}`,
    work_dir: join(work, 'agent'),
    port: 0,
    resources: `cpus:${cores};mem:8192;disk:10000;ports:[41000-41999]`,
  });
  const arms: Arm[] = [
    {
      name: 'pronoia mapreduce wordcount',
      run: async (from, to) => {
        await runMapReduce(
          { kind: 'wordcount', input: [from], output: `${to}.job` },
          { master: `127.0.0.1:${master.port}`, metricsLingerMs: 0 },
        );
        renameSync(join(`${to}.job`, 'part-r-00000'), to);
        rmSync(`${to}.job`, { recursive: true });
      },
    },
    {
      name: `tr \\| sort -S 4G --parallel=${cores} \\| uniq -c`,
      run: shell(`tr -s ' \\t\\r\\f\\v' '\\n' < "$IN" | sort -S 4G --parallel=${cores} | uniq -c | awk '{ print $2 "\\t" $1 }' > "$OUT"`),
    },
    {
      name: 'awk hash count \\| sort',
      run: shell(`awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print w "\\t" n[w] }' "$IN" | sort > "$OUT"`),
    },
  ];
  const seconds = new Map<string, number[]>();
  const usages = new Map<string, number[]>();
  const differing: string[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, run: runArm } of arms) {
        const output = join(work, 'result');
        const before = childCpuSeconds();
        const startMs = performance.now();
        await runArm(input, output);
        seconds.set(name, [...(seconds.get(name) ?? []), (performance.now() - startMs) / 1_000]);
        usages.set(name, [...(usages.get(name) ?? []), childCpuSeconds() - before]);
        const reference = join(work, 'reference');
        if (!existsSync(reference)) renameSync(output, reference);
        else if (spawnSync('cmp', ['-s', reference, output]).status !== 0) differing.push(name);
        process.stderr.write(`round ${round + 1}: ${name} ${seconds.get(name)?.at(-1)?.toFixed(1)} s\n`);
      }
    }
  } finally {
    await agent.stopWithTasks();
    await master.stop();
    rmSync(work, { recursive: true, force: true });
  }
  const ours = median(seconds.get(arms[0]?.name ?? '') ?? []);
  const rows = arms.map(({ name }) => {
    const times = seconds.get(name) ?? [];
    const range = `${Math.min(...times).toFixed(1)}–${Math.max(...times).toFixed(1)}`;
    return `| ${name} | ${median(times).toFixed(1)} | ${range} | ${median(usages.get(name) ?? []).toFixed(1)} | ${(median(times) / ours).toFixed(2)} |`;
  });
  return `Zipf text, seed 1, ${statSync(input).size} bytes, ${cores} cores, ${ROUNDS} rounds alternating, input in the page cache. ${
    differing.length === 0 ? 'All results are equal byte for byte.' : `DIFFERENT RESULTS: ${[...new Set(differing)].join(', ')}.`
  }

| program | median, s | range, s | CPU, s | of ours |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

/** CPU time of this process and of all that it has waited for: attempts are its grandchildren, waited for by their supervisors. */
function childCpuSeconds(): number {
  const own = process.cpuUsage();
  const stat = execFileSync('cat', [`/proc/${process.pid}/stat`], { encoding: 'latin1' });
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (own.user + own.system) / 1e6 + (Number(fields[13]) + Number(fields[14])) / 100;
}
