/** Runs scripts of the `.test` language against an engine and tells what each `eval` came to (promql.md appendix A). */
import { Engine, type EvaluatorKind } from '../engine.ts';
import { parseExpr } from '../syntax/parse.ts';
import { printExpr } from '../syntax/print.ts';
import type { QueryResult, QueryValue } from '../value/query-result.ts';
import { compareValue } from './compare.ts';
import { customBucketSeries } from './custom-buckets.ts';
import { MemoryStorage, type StoredSample } from './memory-storage.ts';
import { pin } from './pinned.ts';
import { type EvalCommand, type LoadCommand, type NoteKind, parseScript } from './script.ts';

export interface CaseResult {
  readonly line: number;
  readonly expr: string;
  /** Undefined when it passed; else what was expected and what came. */
  readonly fault: string | undefined;
}

export function newTestEngine(evaluator: EvaluatorKind = 'columnar'): Engine {
  return new Engine({
    evaluator,
    lookbackMs: 300_000,
    maxSamples: 10_000,
    timeoutMs: 100_000,
    defaultSubqueryStepMs: 60_000,
    enabledFeatures: [
      'promql-experimental-functions',
      'promql-extended-range-selectors',
      'promql-binop-fill-modifiers',
      'promql-delayed-name-removal',
      'use-start-timestamps',
    ],
  });
}

/** Throws ScriptError when the script itself is at fault. */
export async function runScript(text: string, engine: Engine = newTestEngine()): Promise<CaseResult[]> {
  let storage = new MemoryStorage();
  const results: CaseResult[] = [];
  for (const command of parseScript(text)) {
    if (command.kind === 'clear') storage = new MemoryStorage();
    else if (command.kind === 'load') load(storage, command);
    else {
      const fault = await runEval(engine, storage, command).catch(
        (cause: unknown) => `crashed: ${(cause as Error).stack ?? String(cause)}`,
      );
      results.push({ line: command.line, expr: command.expr, fault });
    }
  }
  return results;
}

function load(storage: MemoryStorage, { stepMs, series, withCustomBuckets }: LoadCommand): void {
  const loaded = series.map(({ labels, items, starts }) => {
    const samples: StoredSample[] = [];
    for (const [i, item] of items.entries()) {
      if (item.kind === 'gap') continue;
      const tMs = i * stepMs;
      const start = starts?.[i];
      const startMs = start === undefined ? 0 : tMs + start;
      if (item.kind === 'stale') samples.push({ tMs, value: 0, stale: true, startMs });
      else if (item.kind === 'float') samples.push({ tMs, value: item.value, startMs });
      else samples.push({ tMs, value: 0, histogram: item.histogram, startMs });
    }
    return { labels, samples };
  });
  const made = withCustomBuckets ? customBucketSeries(loaded) : [];
  for (const { labels, samples } of [...loaded, ...made]) storage.append(labels, samples);
}

type Outcome = { readonly kind: 'result'; readonly result: QueryResult } | { readonly kind: 'error'; readonly message: string };

async function settle(query: Promise<QueryResult>): Promise<Outcome> {
  try {
    return { kind: 'result', result: await query };
  } catch (cause) {
    if ((cause as Error).name !== 'QueryError') throw cause;
    return { kind: 'error', message: (cause as Error).message };
  }
}

async function runEval(engine: Engine, storage: MemoryStorage, command: EvalCommand): Promise<string | undefined> {
  const { startMs, endMs, stepMs, expr } = command;
  if (stepMs > 0) return check(command, await settle(engine.range(storage, expr, startMs, endMs, stepMs)), true);
  const parsed = parseExpr(expr, engine.parseOptions);
  if (parsed.kind === 'error') return command.fails ? undefined : `${parsed.errors[0]?.text}`;
  const variants = [{ text: expr, atMs: startMs, isPinned: false }];
  const pinned = pin(parsed.expr, startMs);
  if (pinned !== undefined) {
    const times = startMs === 0 ? [-1000, 0, 1000] : [-10 * startMs, 0, Math.trunc(startMs / 5), startMs, 10 * startMs];
    for (const atMs of times) variants.push({ text: printExpr(pinned), atMs, isPinned: true });
  }
  for (const { text, atMs, isPinned } of variants) {
    const outcome = await settle(engine.instant(storage, text, atMs));
    const where = isPinned ? `${text} at ${atMs / 1000}s: ` : '';
    const fault = check(command, outcome, !isPinned);
    if (fault !== undefined) return where + fault;
    if (outcome.kind === 'error' || command.ordered || command.rangeVector !== undefined || command.string !== undefined) continue;
    if (/\b(start|end|range|step)\(/.test(expr) || outcome.result.value.kind === 'matrix') continue;
    const ranged = await settle(engine.range(storage, text, atMs - 60_000, atMs + 60_000, 60_000));
    if (ranged.kind === 'error') return `${where}as a range query: ${ranged.message}`;
    const middle = middleOf(ranged.result.value, atMs, outcome.result.value.kind === 'scalar');
    const rangeFault = compareValue(command, middle);
    if (rangeFault !== undefined) return `${where}as a range query: ${rangeFault}`;
  }
  return undefined;
}

function middleOf(value: QueryValue, atMs: number, isScalar: boolean): QueryValue {
  if (value.kind !== 'matrix') throw new Error(`BUG: a range query gave a ${value.kind}`);
  const samples = value.series.flatMap(({ labels, times, values, histogramTimes, histograms }) => {
    const i = times.indexOf(atMs);
    if (i >= 0) return [{ labels, value: values[i] as number, histogram: undefined }];
    const h = histogramTimes.indexOf(atMs);
    return h >= 0 ? [{ labels, value: 0, histogram: histograms[h] }] : [];
  });
  if (isScalar) return { kind: 'scalar', tMs: atMs, value: samples[0]?.value ?? Number.NaN };
  return { kind: 'vector', tMs: atMs, samples };
}

function check(command: EvalCommand, outcome: Outcome, withNotes: boolean): string | undefined {
  if (outcome.kind === 'error') {
    if (!command.fails) return `failed: ${outcome.message}`;
    return command.failMessage?.(outcome.message) === false ? `failed otherwise: ${outcome.message}` : undefined;
  }
  if (command.fails) return 'expected to fail';
  const { value, warnings, infos } = outcome.result;
  if (withNotes) {
    const fault = checkNotes(command, 'warn', warnings) ?? checkNotes(command, 'info', infos);
    if (fault !== undefined) return fault;
  }
  return compareValue(command, value);
}

function checkNotes({ notes, none }: EvalCommand, kind: NoteKind, actual: readonly string[]): string | undefined {
  if (none.has(kind) && actual.length > 0) return `unexpected ${kind}: ${actual.join('; ')}`;
  const expected = notes.filter((note) => note.kind === kind);
  if (expected.length === 0) return undefined;
  for (const { matches, text } of expected) {
    if (!actual.some((note) => matches === undefined || matches(note)))
      return `missing ${kind} ${text}; got ${actual.join('; ') || 'none'}`;
  }
  const stray = actual.find((note) => !expected.some(({ matches }) => matches === undefined || matches(note)));
  return stray === undefined ? undefined : `unexpected ${kind}: ${stray}`;
}
