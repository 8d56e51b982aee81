/**
 * Durations as users write them: `1h30m`, `15s`, `2w` (prometheus-server.md §1.1). Whole numbers with units from big to
 * small, each at most once. In memory they are integer milliseconds.
 */
import { quoteGo } from './quote.ts';

const units: readonly { readonly name: string; readonly ms: number; readonly exactOnly: boolean }[] = [
  { name: 'y', ms: 365 * 24 * 3_600_000, exactOnly: true },
  { name: 'w', ms: 7 * 24 * 3_600_000, exactOnly: true },
  { name: 'd', ms: 24 * 3_600_000, exactOnly: false },
  { name: 'h', ms: 3_600_000, exactOnly: false },
  { name: 'm', ms: 60_000, exactOnly: false },
  { name: 's', ms: 1000, exactOnly: false },
  { name: 'ms', ms: 1, exactOnly: false },
];

/** The original counts nanoseconds in 63 bits: about 292 years. */
const longestMs = 9_223_372_036_854;

export class DurationError extends Error {
  override readonly name = 'DurationError';
}

/** Integer milliseconds. Throws DurationError, whose message quotes the text. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  if (text === '') throw new DurationError('empty duration string');
  const invalid = (): DurationError => new DurationError(`not a valid duration string: ${quoteGo(text)}`);

  const token = /([0-9]+)([^0-9]*)/y;
  let totalMs = 0;
  let lastUnit = -1;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (match === null) throw invalid();
    const count = Number(match[1]);
    const unitName = match[2] as string;
    if (unitName === '' || count > 2 ** 64) throw invalid();
    const unit = units.findIndex(({ name }) => name === unitName);
    if (unit < 0) throw new DurationError(`unknown unit ${quoteGo(unitName)} in duration ${quoteGo(text)}`);
    if (unit <= lastUnit) throw invalid();
    lastUnit = unit;
    totalMs += count * (units[unit] as { ms: number }).ms;
    if (totalMs > longestMs) throw new DurationError('duration out of range');
  }
  return totalMs;
}

/** The shortest text that `parseDuration` reads back: 90 days are `90d`, 14 days `2w`. A negative duration gets a sign. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  if (durationMs < 0) return `-${formatDuration(-durationMs)}`;
  let leftMs = durationMs;
  let text = '';
  for (const { name, ms, exactOnly } of units) {
    if (exactOnly && leftMs % ms !== 0) continue;
    const count = Math.floor(leftMs / ms);
    if (count > 0) text += `${count}${name}`;
    leftMs -= count * ms;
  }
  return text;
}
