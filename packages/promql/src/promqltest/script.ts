/** A script of the `.test` language, taken apart into commands (promql.md appendix A). */
import { DurationError, type Labels, parseDuration } from '@pronoia/model';
import { parseNumber, parseSequence, ScriptError, type SequenceItem, splitMetric } from './series-text.ts';

export interface LoadSeries {
  readonly labels: Labels;
  readonly items: readonly SequenceItem[];
  /** Start time of each sample relative to it, ms; undefined where there is none. */
  readonly starts: readonly (number | undefined)[] | undefined;
}

export interface LoadCommand {
  readonly kind: 'load';
  readonly line: number;
  readonly stepMs: number;
  readonly withCustomBuckets: boolean;
  readonly series: readonly LoadSeries[];
}

export type NoteKind = 'warn' | 'info';

export interface NoteExpectation {
  readonly kind: NoteKind;
  /** Undefined: any. */
  readonly matches: ((text: string) => boolean) | undefined;
  readonly text: string;
}

export interface EvalCommand {
  readonly kind: 'eval';
  readonly line: number;
  readonly expr: string;
  readonly startMs: number;
  readonly endMs: number;
  /** 0 for instant. */
  readonly stepMs: number;
  readonly ordered: boolean;
  readonly fails: boolean;
  readonly failMessage: ((text: string) => boolean) | undefined;
  readonly notes: readonly NoteExpectation[];
  readonly none: ReadonlySet<NoteKind>;
  readonly scalar: number | undefined;
  readonly string: string | undefined;
  readonly rangeVector: { readonly startMs: number; readonly endMs: number; readonly stepMs: number } | undefined;
  readonly series: readonly { readonly labels: Labels; readonly items: readonly SequenceItem[] }[];
}

export type Command = { readonly kind: 'clear'; readonly line: number } | LoadCommand | EvalCommand;

export function parseScript(text: string): Command[] {
  const lines = text.split('\n').map((line) => {
    const trimmed = line.trim();
    return trimmed.startsWith('#') ? '' : trimmed;
  });
  const commands: Command[] = [];
  for (let i = 0; i < lines.length; i++) {
    const head = lines[i] as string;
    if (head === '') continue;
    const block: string[] = [];
    let end = i + 1;
    while (end < lines.length && lines[end] !== '') block.push(lines[end++] as string);
    const line = i + 1;
    try {
      if (/^clear$/i.test(head)) {
        commands.push({ kind: 'clear', line });
        continue;
      }
      if (/^load/i.test(head)) commands.push(parseLoad(head, block, line));
      else if (/^eval/i.test(head)) commands.push(parseEval(head, block, line));
      else throw new ScriptError(`unknown command ${head}`);
    } catch (cause) {
      throw new ScriptError(`line ${line}: ${(cause as Error).message}`);
    }
    i = end - 1;
  }
  return commands;
}

function parseTime(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const plain = text.replace(/^[+-]/, '');
  try {
    return sign * parseDuration(plain);
  } catch (cause) {
    if (cause instanceof DurationError && /^[\d.]+$/.test(plain)) return sign * Number(plain) * 1000;
    throw cause;
  }
}

function parseLoad(head: string, block: readonly string[], line: number): LoadCommand {
  const match = /^load(_with_nhcb)?\s+(\S+)$/i.exec(head);
  if (match === null) throw new ScriptError(`invalid load command: ${head}`);
  const series: LoadSeries[] = [];
  const startsByKey = new Map<string, (number | undefined)[]>();
  for (const text of block) {
    const { labels, rest } = splitMetric(text);
    if (rest.startsWith('@st')) {
      startsByKey.set(labels.key(), parseStarts(rest.slice(3)));
      continue;
    }
    series.push({ labels, items: parseSequence(rest), starts: startsByKey.get(labels.key()) });
  }
  return { kind: 'load', line, stepMs: parseTime(match[2] as string), withCustomBuckets: match[1] !== undefined, series };
}

function parseStarts(text: string): (number | undefined)[] {
  const starts: (number | undefined)[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const gaps = /^_(?:x(\d+))?$/.exec(word);
    if (gaps !== null) {
      for (let i = 0; i < Number(gaps[1] ?? 1); i++) starts.push(undefined);
      continue;
    }
    const run = /^([+-]?[0-9a-z]*?[0-9a-wy-z])(?:([+-][0-9a-wy-z]+))?(?:x(\d+))?$/.exec(word);
    if (run === null) throw new ScriptError(`unexpected ${word} in start timestamps`);
    let value = parseTime(run[1] as string);
    const step = run[2] === undefined ? 0 : parseTime(run[2]);
    for (let i = 0; i <= Number(run[3] ?? 0); i++) {
      starts.push(value);
      value += step;
    }
  }
  return starts;
}

const instantEval = /^eval(?:_(fail|warn|info|ordered))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)$/i;
const rangeEval = /^eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$/i;

function parseEval(head: string, block: readonly string[], line: number): EvalCommand {
  const instant = instantEval.exec(head);
  const range = rangeEval.exec(head);
  let times: { startMs: number; endMs: number; stepMs: number };
  let expr: string;
  if (range !== null) {
    times = { startMs: parseTime(range[2] as string), endMs: parseTime(range[3] as string), stepMs: parseTime(range[4] as string) };
    expr = range[5] as string;
  } else if (instant !== null) {
    const at = parseTime(instant[2] ?? '0');
    times = { startMs: at, endMs: at, stepMs: 0 };
    expr = instant[3] as string;
  } else throw new ScriptError(`invalid eval command: ${head}`);
  const mode = (instant?.[1] ?? range?.[1])?.toLowerCase();
  let ordered = mode === 'ordered';
  let fails = mode === 'fail';
  let failMessage: EvalCommand['failMessage'];
  const notes: NoteExpectation[] = [];
  if (mode === 'warn' || mode === 'info') notes.push({ kind: mode, matches: undefined, text: 'any' });
  const none = new Set<NoteKind>();
  let scalar: number | undefined;
  let string: string | undefined;
  let rangeVector: EvalCommand['rangeVector'];
  const series: { labels: Labels; items: readonly SequenceItem[] }[] = [];
  for (const text of block) {
    const oldFail = /^expected_fail_(message|regexp)\s+(.+)$/.exec(text);
    const expectation = /^expect\s+(\S+)\s*(.*)$/.exec(text);
    if (oldFail !== null) failMessage = textTest(oldFail[1] === 'message' ? 'msg' : 'regex', oldFail[2] as string);
    else if (expectation === null) {
      if (isNumber(text)) scalar = parseNumber(text);
      else {
        const { labels, rest } = splitMetric(text);
        series.push({ labels, items: parseSequence(rest) });
      }
    } else {
      const [, what, detail] = expectation as unknown as [string, string, string];
      const test = /^(msg|regex):\s*(.*)$/.exec(detail);
      const matches = test === null ? undefined : textTest(test[1] as 'msg' | 'regex', test[2] as string);
      if (what === 'ordered') ordered = true;
      else if (what === 'fail') {
        fails = true;
        failMessage = matches;
      } else if (what === 'warn' || what === 'info') notes.push({ kind: what, matches, text: detail });
      else if (what === 'no_warn' || what === 'no_info') none.add(what.slice(3) as NoteKind);
      else if (what === 'string') string = JSON.parse(detail) as string;
      else if (what === 'range') {
        const match = /^vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/.exec(detail);
        if (match === null) throw new ScriptError(`invalid expectation: ${text}`);
        rangeVector = {
          startMs: parseTime(match[1] as string),
          endMs: parseTime(match[2] as string),
          stepMs: parseTime(match[3] as string),
        };
      } else throw new ScriptError(`invalid expectation: ${text}`);
    }
  }
  return { kind: 'eval', line, expr, ...times, ordered, fails, failMessage, notes, none, scalar, string, rangeVector, series };
}

function isNumber(text: string): boolean {
  return /^[+-]?(inf|nan|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)$/i.test(text);
}

function textTest(kind: 'msg' | 'regex', pattern: string): (text: string) => boolean {
  if (kind === 'msg') return (text) => text === pattern;
  const regex = new RegExp(pattern);
  return (text) => regex.test(text);
}
