/** Durations as the original writes them: the largest unit that makes one or more, `5secs`, `1.5mins` (stout, duration.hpp). */
const UNITS = [
  ['weeks', 604_800_000],
  ['days', 86_400_000],
  ['hrs', 3_600_000],
  ['mins', 60_000],
  ['secs', 1_000],
  ['ms', 1],
] as const;

export function formatDuration(ms: number): string {
  for (const [name, unitMs] of UNITS) if (Math.abs(ms) >= unitMs) return `${Number((ms / unitMs).toPrecision(15))}${name}`;
  return `${ms * 1e6}ns`;
}

const MS_BY_UNIT: Readonly<Record<string, number>> = { ...Object.fromEntries(UNITS), us: 1e-3, ns: 1e-6 };

/** Undefined when the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  const [, value, unit = ''] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(text.trim()) ?? [];
  const unitMs = MS_BY_UNIT[unit];
  return value === undefined || unitMs === undefined ? undefined : Number(value) * unitMs;
}
