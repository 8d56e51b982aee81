/** Numbers, sizes and times as people read them. */

/** `mem` and `disk` come in MB, as Mesos counts them (2^20 bytes). */
export function megabytes(value: number): string {
  if (value >= 1024 * 1024) return `${trim(value / 1024 / 1024)} TiB`;
  if (value >= 1024) return `${trim(value / 1024)} GiB`;
  return `${trim(value)} MiB`;
}

export function trim(value: number, digits = 2): string {
  return String(Number(value.toFixed(digits)));
}

const prefixes: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** A short number for axes and legends: 1.25k, 3.1M, 0.00042. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  for (const [unit, suffix] of prefixes) if (size >= unit) return `${trim(value / unit)}${suffix}`;
  return size !== 0 && size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** `3 s`, `4 min`, `2 h`, `5 d`: how long, roughly. */
export function roughly(seconds: number): string {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function clockTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toLocaleTimeString([], { hour12: false });
}

/** PromQL form of a label set. */
export function seriesName(labels: Readonly<Record<string, string>>): string {
  const { __name__: name = '', ...rest } = labels;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name || '{}' : `${name}{${pairs.join(', ')}}`;
}
