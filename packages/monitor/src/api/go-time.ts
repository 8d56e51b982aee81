/** Unix ms as Go prints a time in JSON: RFC 3339 without needless decimals; a time that never was is the year 1. */
export function goTime(tMs: number | undefined): string {
  if (tMs === undefined) return '0001-01-01T00:00:00Z';
  return new Date(tMs).toISOString().replace(/\.?0*Z$/, 'Z');
}
