/** Parameters of the API, each with the original's words when it is wrong (prometheus-server.md §1.1, §6.1). */
import { DurationError, type Matcher, parseDuration, quoteGo } from '@pronoia/model';
import { type Expr, type ParseOptions, parseExpr, parseSelector } from '@pronoia/promql';
import { badParameter, badRequest } from './answer.ts';

/** All of time, as the API means it when `start` or `end` is absent. */
export const earliestMs = Number.MIN_SAFE_INTEGER;
export const latestMs = Number.MAX_SAFE_INTEGER;

/** How the original prints its own bounds; clients send them back. */
const literalTimes: Readonly<Record<string, number>> = {
  '-292273086-05-16T16:47:06Z': earliestMs,
  '292277025-08-18T07:12:54.999999999Z': latestMs,
};

/** Integer Unix ms. @param fallback when the parameter is absent; undefined: it must be there. */
export function timeParameter(params: URLSearchParams, name: string, fallback?: number): number {
  const text = params.get(name) ?? '';
  if (text === '' && fallback !== undefined) return fallback;
  const time = parseTime(text);
  if (time !== undefined) return time;
  const reason = `cannot parse "${text}" to a valid timestamp`;
  throw badParameter(name, fallback === undefined ? reason : `invalid time value for '${name}': ${reason}`);
}

function parseTime(text: string): number | undefined {
  if (isDecimal(text)) {
    const seconds = Number(text);
    const whole = Math.trunc(seconds);
    // Rounded apart from the whole seconds, half away from zero, as the original does.
    const rest = Math.abs(seconds - whole);
    const ms = whole * 1000 + Math.sign(seconds) * Math.round(rest * 1000);
    return Number.isSafeInteger(ms) ? ms + 0 : undefined;
  }
  if (text in literalTimes) return literalTimes[text];
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const ms = Date.parse(text);
  // A 30th of February is no day, but JavaScript takes it for one in March.
  const day = Number(text.slice(8, 10));
  const isDay = day <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  return Number.isNaN(ms) || !isDay ? undefined : ms;
}

function isDecimal(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
}

/** What a duration of the original can hold: 64 bits of nanoseconds. */
const maxDurationSeconds = 2 ** 63 / 1e9;

/** ms, with a fraction where that was asked for, from seconds as a number or from `1m30s`; undefined when absent. */
export function durationParameter(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null || text === '') return undefined;
  if (isDecimal(text)) {
    const seconds = Number(text);
    if (Math.abs(seconds) > maxDurationSeconds) throw badParameter(name, `cannot parse "${text}" to a valid duration. It overflows int64`);
    return seconds * 1000;
  }
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    throw badParameter(name, `cannot parse "${text}" to a valid duration`);
  }
}

/** 0 = no limit. */
export function limitParameter(params: URLSearchParams, name = 'limit'): number {
  const text = params.get(name);
  if (text === null || text === '') return 0;
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw badParameter(name, `strconv.Atoi: parsing ${quoteGo(text)}: invalid syntax`);
  if (Number(text) < 0) throw badParameter(name, 'limit must be non-negative');
  return Number(text);
}

/** Of metadata: unlimited when negative or absent. */
export function metadataLimit(params: URLSearchParams, name: string): number {
  const text = params.get(name) ?? '';
  if (text === '') return 0;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`${name} must be a number`);
  return Math.max(0, Number(text));
}

/** `query`, parsed. */
export function exprParameter(
  params: URLSearchParams,
  options: ParseOptions,
  refuse = (text: string) => badParameter('query', text),
): Expr {
  const parsed = parseExpr(params.get('query') ?? '', options);
  if (parsed.kind === 'error') throw refuse(parsed.errors[0]?.text ?? 'not an expression');
  return parsed.expr;
}

/** `start` and `end` of metadata endpoints; they may be the wrong way round: nothing lies between them then. */
export function rangeParameters(params: URLSearchParams): { startMs: number; endMs: number } {
  return { startMs: timeParameter(params, 'start', earliestMs), endMs: timeParameter(params, 'end', latestMs) };
}

/** Every `match[]`; each selector must say something about what it wants. @param refuse with the original's words for the endpoint. */
export function matchParameters(
  params: URLSearchParams,
  refuse = (text: string) => badParameter('match[]', text),
): readonly (readonly Matcher[])[] {
  return params.getAll('match[]').map((text) => {
    const parsed = parseSelector(text);
    if (parsed.kind === 'ok') return parsed.matchers;
    const fault = parsed.errors[0];
    if (fault?.message.includes('at least one non-empty matcher')) {
      throw refuse('match[] must contain at least one non-empty matcher');
    }
    throw refuse(fault?.text ?? 'not a selector');
  });
}

const truncated = 'results truncated due to limit';

/** Cuts to `limit`, and says so. */
export function truncate<T>(items: readonly T[], limit: number): { items: readonly T[]; warnings: readonly string[] } {
  if (limit === 0 || items.length <= limit) return { items, warnings: [] };
  return { items: items.slice(0, limit), warnings: [truncated] };
}
