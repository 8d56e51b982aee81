/**
 * `pronoia demo`: the whole house at work on real text. Starts the cluster, counts words on it, watches its tasks being measured, lets
 * an alert go through to a webhook and a mailbox, and says at the end what it has seen. Nothing is assumed: what is not seen is ✗.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { type Check, checksTable } from './checks.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { demoAlertmanagerYml } from './default-config.ts';
import { inputFiles, ownDocuments } from './input-files.ts';
import { type Notification, type Sink, startSink } from './sink.ts';
import { print, say, stopSignal, table, untilAborted } from './terminal.ts';
import { clusterOptions, printUrls } from './up.ts';
import type { UpFlags } from './up-flags.ts';
import { UserError } from './user-error.ts';
import { Watch } from './watch.ts';
import { countWords, difference, mostFrequent, readOutput } from './word-count.ts';

export interface DemoFlags extends UpFlags {
  readonly input?: readonly string[];
  readonly output: string;
  readonly once?: boolean;
}

/** So many maps, that there is something to watch: with Hadoop's size of splits, small texts would be one task of half a second. */
const wantedMaps = 8;
/** Such tasks stay until they were measured once. */
const lingerSeconds = 2;
const largestSplitBytes = 128 * 1024 * 1024;

/** How long after the job the alert may still travel. */
const alertLimitMs = 20_000;

export async function demo(flags: DemoFlags): Promise<void> {
  const signal = stopSignal();
  const inputs = (flags.input ?? ownDocuments()).map((input) => resolve(input));
  const files = inputFiles(inputs);
  if (files.length === 0) throw new UserError(`there is no file to count in ${inputs.join(', ')}; name files or folders with --input`);
  const output = new OutputFolder(flags.output, join(resolve(flags.data), 'demo'));
  output.clear();

  const notifications: Notification[] = [];
  const sink = await startSink((notification) => {
    notifications.push(notification);
    printNotification(notification);
  });
  try {
    const cluster = await startCluster({ ...clusterOptions(flags), alertmanager: ownAlertmanager(resolve(flags.data), sink), signal });
    try {
      const isAllSeen = await show(cluster, { inputs, files }, output, notifications, signal);
      if (signal.aborted) return;
      if (!isAllSeen) process.exitCode = 1;
      if (flags.once !== true) {
        print('\nEverything stays up until Ctrl-C.');
        await untilAborted(signal);
        say('stopping …');
      }
    } finally {
      await cluster.stop();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await sink.stop();
  }
}

/**
 * The receivers are new in every run, and so is the notification log: with an old one the alert would count as told already, for as
 * long as `repeat_interval` says.
 */
function ownAlertmanager(dataFolder: string, sink: Sink): { config: string; storage: string } {
  const config = join(dataFolder, 'demo', 'alertmanager.yml');
  const storage = join(dataFolder, 'demo', 'alertmanager');
  rmSync(storage, { recursive: true, force: true });
  mkdirSync(storage);
  writeFileSync(config, demoAlertmanagerYml(sink.webhookUrl, sink.smtpAddress));
  return { config, storage };
}

interface Input {
  /** As the user named them. */
  readonly inputs: readonly string[];
  /** What they mean. */
  readonly files: readonly string[];
}

/** True when every step was seen to work. */
async function show(
  cluster: Cluster,
  { inputs, files }: Input,
  output: OutputFolder,
  notifications: readonly Notification[],
  signal: AbortSignal,
): Promise<boolean> {
  printUrls(cluster);
  print(`\nCounting the words of ${files.length} files.`);
  const checks: Check[] = [
    { what: 'master, agent, monitor and alertmanager are ready', isSeen: true, detail: Object.values(cluster.urls).join(' ') },
  ];
  const watch = new Watch(cluster.urls.monitor);
  const startedAtMs = Date.now();
  const exitCode = await runJob(cluster, { inputs, files }, output.path, signal);
  const took = `${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`;
  output.mark();
  if (signal.aborted) {
    await watch.stop();
    return false;
  }
  checks.push({
    what: 'the job ended well',
    isSeen: exitCode === 0,
    detail: exitCode === 0 ? took : `exit code ${exitCode} after ${took}`,
  });
  const result = await checkResult(files, output.path, startedAtMs);
  checks.push(...result.checks);

  const received = (kind: Notification['kind']): Notification | undefined =>
    notifications.find((one) => one.kind === kind && one.status === 'firing' && one.alerts.includes('TaskBusy'));
  const untilMs = performance.now() + (exitCode === 0 ? alertLimitMs : 0);
  while (!signal.aborted && performance.now() < untilMs && !(watch.isComplete && received('webhook') && received('e-mail')))
    await wait(100);
  await watch.stop();
  checks.push(...watch.checks());
  for (const kind of ['webhook', 'e-mail'] as const) {
    const notification = received(kind);
    checks.push({
      what: `its ${kind === 'webhook' ? 'webhook' : 'e-mail'} arrived`,
      isSeen: notification !== undefined,
      detail: notification?.text.split('\n').at(-1) ?? `not within ${alertLimitMs / 1000} s after the job`,
    });
  }

  if (result.top.length > 0) {
    print('\nThe most frequent words:');
    print(table(result.top.map(([word, count]) => [String(count).padStart(9), word])));
  }
  print('\nWhere to look:');
  print(
    table([
      ['results', near(output.path)],
      ['page', cluster.urls.monitor],
      ['query API', `${cluster.urls.monitor}/api/v1/query?query=rate(task_count[1m])`],
      ['sandbox logs', near(join(cluster.dataFolder, 'agent', 'slaves'))],
    ]),
  );
  print('\nWhat was seen:');
  print(checksTable(checks));
  return checks.every(({ isSeen }) => isSeen);
}

/** The job is the command that a user would type, with this terminal for its progress. */
async function runJob(cluster: Cluster, { inputs, files }: Input, output: string, signal: AbortSignal): Promise<number> {
  const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const master = new URL(cluster.urls.master).host;
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const splitBytes = Math.min(largestSplitBytes, Math.max(1, Math.ceil(total / wantedMaps)));
  const args = [
    'mapreduce',
    'wordcount',
    `--master=${master}`,
    ...inputs.map((input) => `--input=${input}`),
    `--output=${output}`,
    `--split-size=${splitBytes}B`,
    '--recursive',
    '--reduces=2',
    `--linger=${lingerSeconds}`,
  ];
  // In a session of its own, as the servers: Ctrl-C reaches only us. The channel ends it, should we be killed.
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const onAbort = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', onAbort, { once: true });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('exit', (code) => {
      signal.removeEventListener('abort', onAbort);
      done(code ?? 1);
    });
  });
}

async function checkResult(
  files: readonly string[],
  output: string,
  startedAtMs: number,
): Promise<{ checks: Check[]; top: [string, number][] }> {
  const isCommitted = existsSync(join(output, '_SUCCESS'));
  const checks: Check[] = [
    { what: 'the output is complete', isSeen: isCommitted, detail: isCommitted ? join(near(output), '_SUCCESS') : 'there is no _SUCCESS' },
  ];
  if (!isCommitted) return { checks, top: [] };
  const { counts, faults } = await readOutput(output);
  say('Comparing with a plain count of the same files …');
  const expected = await countWords(files);
  const changed = (await Promise.all(files.map(async (file) => ((await stat(file)).mtimeMs > startedAtMs ? [file] : [])))).flat()[0];
  const unequal = difference(counts, expected);
  const fault =
    faults[0] ?? (unequal !== undefined && changed !== undefined ? `${near(changed)} was changed during the job: ${unequal}` : unequal);
  const words = [...counts.values()].reduce((sum, count) => sum + count, 0);
  checks.push({
    what: 'the counts are exact, compared with a plain count of the same files',
    isSeen: fault === undefined,
    detail: fault ?? `${words.toLocaleString('en')} words, ${counts.size.toLocaleString('en')} different`,
  });
  return { checks, top: mostFrequent(counts, 10) };
}

function printNotification({ kind, text }: Notification): void {
  const terminal = process.stdout.isTTY ? '\r\x1b[K' : '';
  print(`${terminal}${pc.cyan(`┌ ${kind} received`)}`);
  for (const line of text.split('\n')) print(`${pc.cyan('│')} ${line}`);
}

function near(path: string): string {
  const short = relative('', path);
  return short.startsWith('..') ? path : `./${short}`;
}

const markName = '.made-by-pronoia-demo';

/** The demonstration replaces what an earlier one made, and nothing else. */
class OutputFolder {
  readonly path: string;
  /** Names the folder while a job writes it, because the job makes the folder and the mark comes after. */
  readonly #record: string;

  constructor(path: string, demoFolder: string) {
    this.path = resolve(path);
    mkdirSync(demoFolder, { recursive: true });
    this.#record = join(demoFolder, 'output');
  }

  clear(): void {
    if (existsSync(this.path)) {
      const isOurs =
        existsSync(join(this.path, markName)) || (existsSync(this.#record) && readFileSync(this.#record, 'utf8') === this.path);
      if (!isOurs)
        throw new UserError(`${this.path} exists and was not made by pronoia demo; remove it, or choose another folder with --output`);
      rmSync(this.path, { recursive: true });
    }
    writeFileSync(this.#record, this.path);
  }

  mark(): void {
    if (existsSync(this.path)) writeFileSync(join(this.path, markName), '');
    rmSync(this.#record, { force: true });
  }
}
