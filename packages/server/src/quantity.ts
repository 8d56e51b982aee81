/**
 * Durations and sizes as they stand in flags and configuration files. The ground floor imports no wing, so the few lines of
 * grammar stand here a second time; `model` has them for queries and rules.
 */

const unitsMs = { y: 365 * 86_400_000, w: 7 * 86_400_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const durationPattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
/** Go's durations are int64 nanoseconds: about 292 years. */
const maxDurationMs = 9_223_372_036_854;

/** Milliseconds of `1h30m` (Prometheus common/model, ParseDuration); throws an Error with its texts. */
export function durationMs(text: string): number {
  if (text === '') throw new Error('empty duration string');
  if (text === '0') return 0;
  const parts = durationPattern.exec(text);
  if (parts === null) {
    const unknown = [...text.matchAll(/\d+([a-zA-Zµ]+)/g)].map((match) => match[1] as string).find((unit) => !Object.hasOwn(unitsMs, unit));
    if (unknown !== undefined && /^(?:\d+[a-zA-Zµ]+)+$/.test(text)) throw new Error(`unknown unit "${unknown}" in duration "${text}"`);
    throw new Error(`not a valid duration string: "${text}"`);
  }
  const total = Object.values(unitsMs).reduce((sum, unit, i) => sum + Number(parts[i + 1] ?? 0) * unit, 0);
  if (total > maxDurationMs) throw new Error('duration out of range');
  return total;
}

/** The inverse of `durationMs`, as Prometheus prints: `1h30m`, `2w`, `90d`, `0s`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const [unit, size] of Object.entries(unitsMs)) {
    // Years and weeks only when they leave nothing over.
    if ((unit === 'y' || unit === 'w') && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

const mesosUnitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 7 * 86_400_000,
};

/** Milliseconds of `15secs`, `1.5hrs` (stout duration.hpp); Prometheus' spelling is taken too. */
export function mesosDurationMs(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)$/.exec(text);
  if (parts !== null) return Number(parts[1]) * (mesosUnitsMs[parts[2] as string] as number);
  if (/^\d/.test(text) && durationPattern.test(text)) return durationMs(text);
  throw new Error(`not a valid duration: "${text}"; write a number and one of ns, us, ms, secs, mins, hrs, days, weeks, as in 15secs`);
}

const sizeUnits = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];

/** Bytes of `512MB` or `4KiB`; always powers of 1024, the unit is mandatory (alecthomas/units, Base2Bytes). */
export function sizeBytes(text: string): number {
  const parts = /^(\d+)(?:(B)|([KMGTPE])i?B)$/.exec(text);
  if (parts === null) throw new Error(`not a valid size: "${text}"; write a whole number and one of B, KB, MB, GB, TB, PB, EB`);
  const bytes = Number(parts[1]) * 1024 ** sizeUnits.indexOf(parts[2] ?? (parts[3] as string));
  if (!Number.isSafeInteger(bytes)) throw new Error(`size out of range: "${text}"`);
  return bytes;
}

export function sizeText(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1024 && rest % 1024 === 0 && unit < sizeUnits.length - 1) {
    rest /= 1024;
    unit++;
  }
  return unit === 0 ? `${rest}B` : `${rest}${sizeUnits[unit]}iB`;
}
