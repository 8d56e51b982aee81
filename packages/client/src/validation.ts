/** What a name may look like, and the messages for what may not be. Texts are prom-client's, which users search for and tests quote. */

const legacyMetricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const legacyLabelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const loneSurrogate = /\p{Surrogate}/u;

/** True for names that every Prometheus ever released accepts. */
export function validateMetricName(name: string): boolean {
  return legacyMetricName.test(name);
}

export function validateLabelName(names: readonly string[] = []): boolean {
  return names.every((name) => legacyLabelName.test(name));
}

/** Prometheus 3 takes any well-formed Unicode text as a name. */
export function isUnicodeName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && !loneSurrogate.test(name);
}

/** A value as `util.format('%s')` of Node would show it in an error, without Node: exact for what reaches us by mistake in practice. */
export function show(value: unknown, nested = false): string {
  if (typeof value === 'string') return nested ? quote(value) : value;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'function') return `[Function${value.name === '' ? ' (anonymous)' : `: ${value.name}`}]`;
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[ ${value.map((item) => show(item, true)).join(', ')} ]`;
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    const entries = Object.entries(value).map(([key, item]) => `${legacyLabelName.test(key) ? key : quote(key)}: ${show(item, true)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  return String(value);
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function unknownLabel(label: string, names: readonly string[]): Error {
  return new Error(`Added label "${label}" is not included in initial labelset: ${show(names)}`);
}

export function invalidValue(value: unknown): TypeError {
  return new TypeError(`Value is not a valid number: ${show(value)}`);
}
