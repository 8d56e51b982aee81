/** `pronoia tsdb …`: a data folder that nobody has open, looked at and filled from the shell. Output and exit codes are promtool's. */
import { readFile, stat } from 'node:fs/promises';
import {
  createMatcher,
  formatGoDuration,
  formatGoFloat,
  isLegacyName,
  Labels,
  type Matcher,
  quoteGo,
  SampleBatch,
  type Series,
} from '@pronoia/model';
import { histogramText, parseSelector } from '@pronoia/promql';
import {
  analyzeBlock,
  type BlockSummary,
  check,
  importOpenMetrics,
  type NamedCount,
  openReadOnly,
  planRepair,
  type ReadOnlyTsdb,
  runRepair,
} from '@pronoia/tsdb';
import { print, say } from './terminal.ts';
import { UserError } from './user-error.ts';

export interface TableFlags {
  readonly humanReadable?: boolean;
}

export interface DumpFlags {
  readonly match?: readonly string[];
  readonly minTime?: string;
  readonly maxTime?: string;
}

export interface AnalyzeFlags {
  readonly limit: string;
  readonly extended?: boolean;
}

export interface ImportFlags extends TableFlags {
  readonly quiet?: boolean;
}

export async function list(folder: string, flags: TableFlags): Promise<void> {
  await withFolder(folder, async (tsdb) => print(blockTable(tsdb.blocks(), flags, true)));
}

/** Bounds are Unix milliseconds, inclusive. Several selectors give the series that any of them selects. */
export async function dump(folder: string, flags: DumpFlags): Promise<void> {
  const minMs = timeFlag('--min-time', flags.minTime, Number.MIN_SAFE_INTEGER);
  const maxMs = timeFlag('--max-time', flags.maxTime, Number.MAX_SAFE_INTEGER);
  const selectors = (flags.match ?? []).map(selectorFlag);
  if (selectors.length === 0) selectors.push([createMatcher('=~', '__name__', '(?s:.*)')]);
  // The callback of each write hears of it too.
  process.stdout.on('error', () => undefined);
  await withFolder(folder, async (tsdb) => {
    const querier = tsdb.querier(minMs, maxMs);
    try {
      const found = new Map<string, Series>();
      for (const matchers of selectors) for (const one of (await querier.select(matchers)).series) found.set(one.labels.key(), one);
      for (const one of [...found.values()].sort((a, b) => Labels.compare(a.labels, b.labels))) await dumpSeries(one);
    } finally {
      querier.close();
    }
  });
}

/** Of one block; the newest without an id. */
export async function analyze(folder: string, ulid: string | undefined, flags: AnalyzeFlags): Promise<void> {
  if (!/^\d+$/.test(flags.limit)) throw new UserError(`--limit: "${flags.limit}" is not a number`);
  await mustExist(folder);
  const analysis = await orUserError(() => analyzeBlock(folder, { ulid, limit: Number(flags.limit), isExtended: flags.extended === true }));
  if (analysis === undefined) throw new UserError(`block ${ulid ?? ''} not found`);
  print(`Block ID: ${analysis.ulid}
Duration: ${formatGoDuration(BigInt(analysis.durationMs) * 1_000_000n)}
Series: ${analysis.series}
Label names: ${analysis.labelNames}
Postings (unique label pairs): ${analysis.labelPairs}
Postings entries (total label pairs): ${analysis.entries}`);
  const section = (title: string, lines: readonly NamedCount[]): void =>
    print(`\n${title}:${lines.map(({ name, value }) => `\n${value} ${name}`).join('')}`);
  section('Label pairs most involved in churning', analysis.churningPairs);
  section('Label names most involved in churning', analysis.churningNames);
  section('Most common label pairs', analysis.commonPairs);
  section('Label names with highest cumulative label value length', analysis.longestNames);
  section('Highest cardinality labels', analysis.cardinalityOfNames);
  section('Highest cardinality metric names', analysis.cardinalityOfMetrics);
  if (analysis.fullness === undefined) return;
  const bars = analysis.fullness.map((share, i) => `\n${String((i + 1) * 10).padStart(7)}%: ${'#'.repeat(share)}`);
  print(`\nCompaction analysis:\nFullness: Amount of samples in chunks (100% is 120 samples)${bars.join('')}`);
}

/** Exit code 1 when something is damaged; what the next start puts in order by itself is only told. */
export async function checkFolder(folder: string): Promise<void> {
  await mustExist(folder);
  const { findings, blocks, series, samples } = await check(folder);
  for (const { severity, path, offset, message } of findings)
    print(`${severity}: ${path}${offset === undefined ? '' : `, byte ${offset}`}: ${message}`);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  print(
    `${blocks} blocks with ${series} series and ${samples} samples, write-ahead log, head chunks: ${errors} errors, ${findings.length - errors} notes`,
  );
  if (errors > 0) process.exitCode = 1;
}

export interface RepairFlags {
  readonly dryRun?: boolean;
}

/** What will be done is said first. Exit code 1 when something is (still) damaged. */
export async function repairFolder(folder: string, flags: RepairFlags): Promise<void> {
  await mustExist(folder);
  const steps = await orUserError(() => planRepair(folder, Date.now()));
  if (steps.length === 0) {
    print('there is nothing to repair');
    return;
  }
  print(`${flags.dryRun ? 'a repair would do' : 'this repair does'} ${steps.length === 1 ? 'one thing' : `${steps.length} things`}:`);
  for (const [i, { sentence }] of steps.entries()) print(`${i + 1}. ${sentence}`);
  if (flags.dryRun) {
    print('nothing was changed (--dry-run)');
    process.exitCode = 1;
    return;
  }
  let done = 0;
  await orUserError(() => runRepair(folder, steps, () => print(`doing ${++done}.`)));
  print('done; now the folder is checked');
  await checkFolder(folder);
}

/** Blocks of the samples on a page; each is printed. */
export async function createBlocks(file: string, folder: string, flags: ImportFlags): Promise<void> {
  let page: Uint8Array;
  try {
    page = await readFile(file);
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const created = new Set((await orUserError(() => importOpenMetrics(page, folder), `${file}: `)).map(({ ulid }) => ulid));
  if (flags.quiet) return;
  await withFolder(folder, async (tsdb) => {
    const blocks = tsdb.blocks().filter(({ meta }) => created.has(meta.ulid));
    for (const [i, block] of blocks.entries()) print(blockTable([block], flags, i === 0));
  });
}

/** What could not be read is told at the end, and makes the exit code 1: nobody should take a part for the whole. */
async function withFolder(folder: string, run: (tsdb: ReadOnlyTsdb) => Promise<void>): Promise<void> {
  await mustExist(folder);
  await orUserError(async () => {
    const tsdb = await openReadOnly(folder);
    try {
      await run(tsdb);
      for (const warning of tsdb.warnings) say(warning);
      if (tsdb.warnings.length > 0) process.exitCode = 1;
    } finally {
      tsdb.close();
    }
  });
}

async function mustExist(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`opening the db dir: ${folder}: ${error.code === 'ENOENT' ? 'no such file or directory' : error.message}`);
  });
  if (!found.isDirectory()) throw new UserError(`opening the db dir: ${folder}: not a directory`);
}

/** Failures that have a name of ours are for the user as they stand. */
async function orUserError<T>(run: () => Promise<T>, before = ''): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Error && ['StorageError', 'ImportError', 'ExpositionError'].includes(error.name))
      throw new UserError(`${before}${error.message}`);
    throw error;
  }
}

function timeFlag(name: string, text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  if (!/^[-+]?\d+$/.test(text)) throw new UserError(`${name}: "${text}" is not a whole number of milliseconds since 1970`);
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, Number(text)));
}

function selectorFlag(text: string): readonly Matcher[] {
  const parsed = parseSelector(text);
  if (parsed.kind === 'error') throw new UserError(`--match: ${parsed.errors[0]?.text ?? `"${text}" is not a selector`}`);
  return parsed.matchers;
}

const batch = new SampleBatch(4096);

async function dumpSeries(series: Series): Promise<void> {
  const name = labelText(series.labels);
  const reader = series.samples();
  for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
    let text = '';
    for (let i = 0; i < count; i++) {
      const histogram = batch.hasHistograms ? batch.histograms[i] : undefined;
      const value = batch.stale[i] === 1 ? 'NaN' : formatGoFloat(batch.values[i] as number);
      text += `${name} ${histogram === undefined ? value : histogramText(histogram)} ${batch.times[i]}\n`;
    }
    await write(text);
  }
}

/** Waits for a slow reader, so that a large folder is never whole in memory. One that has seen enough (`| head`) ends the command. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === undefined || error === null) resolve();
      else reject((error as NodeJS.ErrnoException).code === 'EPIPE' ? new UserError('the output was closed') : error);
    });
  });
}

/** All labels in braces, also the name (Go's labels.Labels.String). */
function labelText(labels: Labels): string {
  return `{${[...labels].map(([name, value]) => `${isLegacyName(name) ? name : quoteGo(name)}=${quoteGo(value)}`).join(', ')}}`;
}

const header = ['BLOCK ULID', 'MIN TIME', 'MAX TIME', 'DURATION', 'NUM SAMPLES', 'NUM CHUNKS', 'NUM SERIES', 'SIZE'];

/** Columns of at least 13, two spaces between them (Go's text/tabwriter as promtool sets it). */
function blockTable(blocks: readonly BlockSummary[], { humanReadable = false }: TableFlags, withHeader: boolean): string {
  const time = (ms: number): string => (humanReadable ? wallTime(ms) : String(ms));
  const rows = blocks.map(({ meta, sizeBytes }) => [
    meta.ulid,
    time(meta.minTime),
    time(meta.maxTime),
    formatGoDuration(BigInt(meta.maxTime - meta.minTime) * 1_000_000n),
    ...[meta.stats.numSamples, meta.stats.numChunks, meta.stats.numSeries].map((count) => String(count ?? 0)),
    humanReadable ? sizeText(sizeBytes) : String(sizeBytes),
  ]);
  if (withHeader) rows.unshift(header);
  const widths = header.map((_, column) => Math.max(13, ...rows.map((row) => (row[column] as string).length + 2)));
  return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join('')).join('\n');
}

/** `2023-11-14 22:13:20 +0000 UTC` */
function wallTime(ms: number): string {
  return `${new Date(Math.trunc(ms / 1000) * 1000).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

/** `1KiB36B`: every unit that has a share. */
function sizeText(bytes: number): string {
  let rest = bytes;
  let text = '';
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (rest % 1024 > 0) text = `${rest % 1024}${unit}${text}`;
    rest = Math.floor(rest / 1024);
  }
  if (rest > 0) text = `${rest}TiB${text}`;
  return text === '' ? '0B' : text;
}
