/**
 * Numbers as text, in the three ways that the field knows (prometheus-server.md §1.5). All are the shortest digits that
 * read back to the same bits; they differ in when they take an exponent.
 */

/** JSON sample values of the HTTP API: decimal from 1e-6 up to 1e21, `NaN`, `+Inf`, `-Inf`, `-0` kept. */
export function formatFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (!Number.isFinite(value)) return formatNonFinite(value);
  return padExponent(String(value));
}

/** Go's shortest `g` (templates): decimal from 1e-4 up to 1e6, else an exponent: `100000`, `1e+06`, `1.048576e+06`. */
export function formatGoFloat(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (!Number.isFinite(value)) return formatNonFinite(value);
  const scientific = value.toExponential();
  const exponent = Number(scientific.slice(scientific.indexOf('e') + 1));
  return exponent < -4 || exponent >= 6 ? padExponent(scientific) : String(value);
}

/** Go's `e`, shortest: `1e+00`, `3.5e+01` (values of alerts in the API). */
export function formatExponentFloat(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  const text = padExponent(value.toExponential());
  return Object.is(value, -0) ? `-${text}` : text;
}

/** Values of `le` and `quantile` labels: Go's `g`, with `.0` where it would look like an integer. */
export function formatOpenMetricsFloat(value: number): string {
  if (!Number.isFinite(value)) return formatNonFinite(value);
  const text = formatGoFloat(value);
  return text.includes('.') || text.includes('e') ? text : `${text}.0`;
}

function formatNonFinite(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

/** JavaScript writes `1e-7`, Go at least two digits of exponent. */
function padExponent(text: string): string {
  const at = text.indexOf('e');
  if (at < 0 || text.length - at > 3) return text;
  return `${text.slice(0, at + 2)}0${text.slice(at + 2)}`;
}
