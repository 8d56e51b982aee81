import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { countWords, difference, readOutput } from '../../packages/cli/src/word-count.ts';
import { freePorts, Pronoia, processesOf, query, until } from './pronoia.ts';

let folder: string;
let up: Pronoia;
let job: Pronoia | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-faults-'));
  up = new Pronoia(folder, 'up', '--data', join(folder, 'data'), ...freePorts);
  await up.printed(/Ctrl-C stops everything/);
});

afterEach(async () => {
  job?.child.kill('SIGKILL');
  up.child.kill('SIGINT');
  await up.exit;
  const left = processesOf(folder);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  if (left.length > 0) throw new Error(`processes were left: ${left.join(', ')}`);
});

/** Process ids by what stands in their command line. */
const pidsOf = (word: string): number[] =>
  processesOf(folder).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        .split('\0')
        .some((argument) => argument === word || argument.endsWith(`/${word}`));
    } catch {
      return false;
    }
  });

/** Words of a skewed distribution, the same in every run. */
async function writeText(file: string, megabytes: number): Promise<void> {
  const stream = createWriteStream(file);
  let state = 7;
  for (let block = 0; block < megabytes; block++) {
    let text = '';
    while (text.length < 1_000_000) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      const rank = Math.floor(20_000 ** (state / 0x7fffffff));
      text += `word${rank}${state % 17 === 0 ? '\n' : ' '}`;
    }
    if (!stream.write(text)) await new Promise<void>((resolve) => stream.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve) => stream.end(() => resolve()));
}

/** How many samples of each series a query shows. */
async function sampleCounts(monitor: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const name of ['up', 'task_count', 'resource_usage', 'mapreduce_input_records_total']) {
    for (const { metric, value } of await query(monitor, `count_over_time(${name}[10m])`))
      counts.set(`${name} ${JSON.stringify(metric)}`, Number(value[1]));
  }
  return counts;
}

it('monitor, alertmanager and tasks killed during a job: the counts are exact and no sample is lost', { timeout: 180_000 }, async () => {
  const input = join(folder, 'in');
  const output = join(folder, 'out');
  mkdirSync(input);
  for (const name of ['a', 'b', 'c']) await writeText(join(input, name), 8);
  const monitor = await up.url('page');
  const master = new URL(await up.url('master')).host;
  const options = ['--split-size=2MB', '--reduces=2', '--linger=1'];
  job = new Pronoia(folder, 'mapreduce', 'wordcount', `--master=${master}`, `--input=${input}`, `--output=${output}`, ...options);

  await until('tasks are measured', async () => (await query(monitor, 'up{job="mesos-tasks", task!=""} == 1')).length > 0);
  const before = await sampleCounts(monitor);
  for (const name of ['monitor', 'alertmanager']) for (const pid of pidsOf(name)) process.kill(pid, 'SIGKILL');
  await until('a task is killed', async () => {
    const attempt = pidsOf('attempt.js')[0];
    if (attempt === undefined) return false;
    process.kill(attempt, 'SIGKILL');
    return true;
  });

  expect(`${await job.exit}: ${job.output}`).toMatch(/^0: /);
  expect(existsSync(join(output, '_SUCCESS'))).toBe(true);
  const result = await readOutput(output);
  expect(result.faults).toEqual([]);
  expect(difference(result.counts, await countWords(['a', 'b', 'c'].map((name) => join(input, name))))).toBeUndefined();

  await up.printed(/alertmanager ended \(SIGKILL\)/);
  await until('the monitor answers', async () => (await fetch(`${monitor}/-/ready`)).status === 200);
  const after = await sampleCounts(monitor);
  const lost = [...before].filter(([series, count]) => (after.get(series) ?? 0) < count);
  expect(before.size).toBeGreaterThan(0);
  expect(lost).toEqual([]);
  await until('the alertmanager answers', async () => (await fetch(`${await up.url('alertmanager')}/-/ready`)).status === 200);
});
