/**
 * Generated queries to `pronoia monitor` and to Debian's prometheus over the same samples, both over HTTP: equal labels, order, times, and
 * values within 1e-9. PRONOIA_DIFFERENTIAL_QUERIES asks for more of them, PRONOIA_SEED for others.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  inOurWords,
  queryEndMs,
  queryStartMs,
  seededRandom,
  type TestQuery,
  type TestSeries,
  testQuery,
  testSeries,
} from './differential-queries.ts';
import { sameRequests } from './differential-requests.ts';
import { encodeRequest, encodeSample, encodeSeries, encodeSeriesHead, staleBits } from './remote-write.ts';
import { originalPrometheus, pronoiaMonitor, ServerProcess } from './server-process.ts';

const count = Number(process.env['PRONOIA_DIFFERENTIAL_QUERIES'] ?? 2500);
const seed = Number(process.env['PRONOIA_SEED'] ?? 20_260_821);

type Pair = readonly [number, string];
interface Answer {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly data?: {
    readonly resultType: string;
    readonly result:
      | Pair
      | readonly { readonly metric: Record<string, string>; readonly value?: Pair; readonly values?: readonly Pair[] }[];
  };
}

interface Line {
  readonly key: string;
  readonly points: readonly Pair[];
}

function linesOf({ data }: Answer): Line[] {
  if (data === undefined) return [];
  if (data.resultType === 'scalar' || data.resultType === 'string') return [{ key: data.resultType, points: [data.result as Pair] }];
  return (data.result as Exclude<typeof data.result, Pair>).map(({ metric, value, values }) => ({
    key: JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1))),
    points: values ?? [value as Pair],
  }));
}

/** A millionth of a thousandth of the larger, or of one: a difference of numbers has the error of the numbers. */
function areClose(a: string, b: string): boolean {
  if (a === b) return true;
  const [x, y] = [Number(a), Number(b)];
  return Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(x), Math.abs(y));
}

function difference(ours: readonly Line[], theirs: readonly Line[]): string | undefined {
  if (ours.length !== theirs.length) return `${ours.length} series, theirs ${theirs.length}`;
  for (const [i, a] of ours.entries()) {
    const b = theirs[i] as Line;
    if (a.key !== b.key) return `series ${a.key}, theirs ${b.key}`;
    if (a.points.length !== b.points.length) return `${a.key}: ${a.points.length} points, theirs ${b.points.length}`;
    for (const [k, [time, value]] of a.points.entries()) {
      const [otherTime, other] = b.points[k] as Pair;
      if (time !== otherTime || !areClose(value, other)) return `${a.key}: ${value} at ${time}, theirs ${other} at ${otherTime}`;
    }
  }
  return undefined;
}

/** undefined: the same. */
function compare({ text, stepMs }: TestQuery, ours: Answer, theirs: Answer): string | undefined {
  if (ours.status !== 'success' || theirs.status !== 'success') {
    if (ours.status === theirs.status)
      return ours.errorType === theirs.errorType ? undefined : `${ours.errorType}, theirs ${theirs.errorType}`;
    if (ours.status !== 'success') return ours.error?.startsWith('multiple matches') ? undefined : `we fail: ${ours.error}`;
    return `they fail: ${theirs.error}`;
  }
  const [mine, other] = [linesOf(ours), linesOf(theirs)];
  const byKey = (a: Line, b: Line): number => (a.key < b.key ? -1 : 1);
  // The order of an instant vector means something after sort and topk; of equals among them nothing is said.
  const isTied = new Set(mine.map(({ points }) => points[0]?.[1])).size < mine.length;
  const hasOrder = stepMs > 0 || (!isTied && /^(sort|topk|bottomk)/.test(text));
  return hasOrder ? difference(mine, other) : difference(mine.sort(byKey), other.sort(byKey));
}

function parametersOf({ text, stepMs }: TestQuery): [path: string, URLSearchParams] {
  if (stepMs === 0) return ['/api/v1/query', new URLSearchParams({ query: text, time: String(queryEndMs / 1000) })];
  const range = { start: String(queryStartMs / 1000), end: String(queryEndMs / 1000), step: String(stepMs / 1000) };
  return ['/api/v1/query_range', new URLSearchParams({ query: text, ...range })];
}

/** Status and body; instant vectors in one order, for they have none. */
async function ask(server: ServerProcess, path: string): Promise<string> {
  const { status, body } = await server.get(`/api/v1${path}`);
  const text = body.toString();
  if (!text.startsWith('{')) return `${status} ${text}`;
  const answer = JSON.parse(text) as Answer;
  const result = answer.data?.resultType === 'vector' ? (answer.data.result as { metric: object }[]) : [];
  result.sort((a, b) => (JSON.stringify(a.metric) < JSON.stringify(b.metric) ? -1 : 1));
  return `${status} ${JSON.stringify(answer)}`;
}

/** In order of time, as servers take them. */
function* requestsOf(series: readonly TestSeries[]): Generator<Buffer> {
  const heads = series.map(({ labels }) => encodeSeriesHead(Object.entries(labels)));
  const cursors = series.map(() => 0);
  const startMs = Math.min(...series.map(({ samples }) => samples[0]?.tMs ?? 0));
  for (let untilMs = startMs; cursors.some((cursor, s) => cursor < (series[s] as TestSeries).samples.length); ) {
    untilMs += 300_000;
    const parts: Buffer[] = [];
    for (const [s, { samples }] of series.entries()) {
      const message = [heads[s] as Buffer];
      for (
        let sample = samples[cursors[s] as number];
        sample !== undefined && sample.tMs < untilMs;
        sample = samples[cursors[s] as number]
      ) {
        message.push(sample.value === 'stale' ? encodeSample(0, sample.tMs, staleBits) : encodeSample(sample.value, sample.tMs));
        cursors[s] = (cursors[s] as number) + 1;
      }
      if (message.length > 1) parts.push(encodeSeries(message));
    }
    yield encodeRequest(parts);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'differential-'));
const ours = ServerProcess.create(pronoiaMonitor('--enable-feature=promql-experimental-functions'), folder) as ServerProcess;
const original = ServerProcess.create(originalPrometheus(), folder);

describe.skipIf(original === undefined)(`Debian's prometheus${original === undefined ? ' (NOT INSTALLED: skipped)' : ''}`, () => {
  const servers = original === undefined ? [] : [ours, original];

  beforeAll(async () => {
    await Promise.all(servers.map((server) => server.start()));
    for (const body of requestsOf(testSeries(seededRandom(seed)))) await Promise.all(servers.map((server) => server.write(body)));
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers and refuses in the same words', async () => {
    const faults: string[] = [];
    for (const path of sameRequests) {
      const [mine, other] = (await Promise.all(servers.map((server) => ask(server, path)))) as [string, string];
      if (mine !== other) faults.push(`${decodeURIComponent(path)}\n  ${mine.slice(0, 300)}\n  ${other.slice(0, 300)}`);
    }
    expect(faults).toEqual([]);
  });

  it(`gives the same answers to ${count} generated queries (seed ${seed})`, async () => {
    const random = seededRandom(seed + 1);
    const faults: string[] = [];
    const counts = { answered: 0, empty: 0, refused: 0 };
    let asked = 0;
    const askOnAndOn = async (): Promise<void> => {
      while (asked++ < count) {
        const query = testQuery(random);
        const answers = servers.map(async (server) => {
          const isOurs = server === ours;
          const [path, parameters] = parametersOf(isOurs ? { ...query, text: inOurWords(query.text) } : query);
          return JSON.parse((await server.post(path, parameters)).body.toString()) as Answer;
        });
        const [mine, other] = (await Promise.all(answers)) as [Answer, Answer];
        const fault = compare(query, mine, other);
        if (fault !== undefined) faults.push(`${query.stepMs === 0 ? 'instant' : `step ${query.stepMs}`}: ${query.text}\n  ${fault}`);
        if (other.status !== 'success') counts.refused++;
        else if (linesOf(other).length === 0) counts.empty++;
        else counts.answered++;
      }
    };
    await Promise.all(Array.from({ length: 4 }, askOnAndOn));
    process.stderr.write(`${count} queries: ${counts.answered} answered, ${counts.empty} empty, ${counts.refused} refused by both\n`);
    expect(faults).toEqual([]);
    expect(counts.answered).toBeGreaterThan(count / 3);
  }, 1_200_000);
});
