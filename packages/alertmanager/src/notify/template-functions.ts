/** The functions that notification templates have beside Go's own. */
import {
  durationType,
  expandTemplate,
  formatTime,
  type GoFunction,
  goFunction,
  goTime,
  loadZone,
  marshalGoJson,
  momentOf,
  parseTime,
  safeHtmlType,
  safeUrlType,
  stringList,
  subtractTimes,
  Typed,
  timeType,
  utcZone,
} from '@pronoia/model';
import { RE2JS } from 're2js';

export interface FunctionContext {
  readonly nowMs: () => number;
  /** The rendered route label of the notification at hand. */
  readonly routeLabel: (name: string) => string;
}

export function templateFunctions(context: FunctionContext): Readonly<Record<string, GoFunction>> {
  const now = (): Typed => goTime({ unixMs: context.nowMs(), nanoseconds: 0, zone: loadZone('Local') });
  const toDate = (layout: string, text: string): Typed => goTime(parseTime(layout, text));
  return {
    toUpper: goFunction(['string'], (text) => text.toUpperCase()),
    toLower: goFunction(['string'], (text) => text.toLowerCase()),
    title: goFunction(['string'], titleCase),
    trimSpace: goFunction(['string'], (text) => text.trim()),
    join: goFunction(['string', 'strings'], (separator, items) => items.join(separator)),
    match: goFunction(['string', 'string'], (pattern, text) => compile(pattern).matcher(text).find()),
    safeHtml: goFunction(['string'], (text) => new Typed(safeHtmlType, text)),
    safeUrl: goFunction(['string'], (text) => new Typed(safeUrlType, text)),
    urlUnescape: goFunction(['string'], unescapeQuery),
    reReplaceAll: goFunction(['string', 'string', 'string'], replaceAll),
    stringSlice: goFunction(['...string'], (...items) => stringList(items)),
    date: goFunction(['string', timeType], (layout, time) => formatTime(momentOf(time), layout)),
    tz: goFunction(['string', timeType], (zone, time) => goTime({ ...momentOf(time), zone: zone === '' ? utcZone : loadZone(zone) })),
    since: goFunction([timeType], (time) => subtractTimes(now(), time)),
    now: goFunction([], now),
    // The lenient one gives the zero time for what it cannot read.
    toDate: goFunction(['string', 'string'], (layout, text) => {
      try {
        return toDate(layout, text);
      } catch {
        return goTime({ unixMs: -62_135_596_800_000, nanoseconds: 0, zone: utcZone });
      }
    }),
    mustToDate: goFunction(['string', 'string'], toDate),
    humanizeDuration: goFunction(['any'], humanizeDuration),
    toJson: goFunction(['any'], marshalGoJson),
    list: goFunction(['...any'], (...items) => items),
    append: goFunction(['any', '...any'], (list, ...items) => {
      const base = list instanceof Typed ? list.base : list;
      if (base !== undefined && base !== null && !Array.isArray(base)) throw new Error('append: the first argument must be a list');
      return [...((base as unknown[] | undefined) ?? []), ...items];
    }),
    dict: goFunction(['...any'], (...pairs) => {
      if (pairs.length % 2 !== 0) throw new Error('dict: odd number of arguments');
      const map = new Map<string, unknown>();
      for (let i = 0; i < pairs.length; i += 2) {
        const key = pairs[i];
        if (typeof key !== 'string') throw new Error('dict: keys must be strings');
        map.set(key, pairs[i + 1]);
      }
      return map;
    }),
    base64encode: goFunction(['string'], (text) =>
      Buffer.from(text)
        .toString('base64url')
        .padEnd(Math.ceil(Buffer.byteLength(text) / 3) * 4, '='),
    ),
    base64decode: goFunction(['string'], (text) => {
      if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new Error('illegal base64 data');
      return Buffer.from(text, 'base64url').toString();
    }),
    routeLabels: goFunction(['string'], context.routeLabel),
  };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new Error((error as Error).message);
  }
}

/** Go's ReplaceAllString: `$1`, `${name}` in the replacement. */
function replaceAll(pattern: string, replacement: string, text: string): string {
  const expression = compile(pattern);
  const matcher = expression.matcher(text);
  const names = expression.namedGroups();
  let result = '';
  let at = 0;
  let lastEnd = -1;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    // An empty match right behind a match is none.
    if (start === end && start === lastEnd) continue;
    result += text.slice(at, start);
    result += expandTemplate(replacement, (group) => {
      const index = /^(?:0|[1-9]\d{0,7})$/.test(group) ? Number(group) : names[group];
      return index === undefined || index > matcher.groupCount() ? '' : (matcher.group(index) ?? '');
    });
    at = end;
    lastEnd = end;
  }
  return result + text.slice(at);
}

function titleCase(text: string): string {
  return text
    .toLowerCase()
    .replace(/(^|[^\p{L}\p{N}\p{M}'’])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase());
}

function unescapeQuery(text: string): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text);
  if (bad !== null) throw new Error(`invalid URL escape ${JSON.stringify(bad[0])}`);
  return Buffer.from(
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9a-fA-F]{2})|[^\0-\xff%]+/g, (piece, hex: string | undefined) =>
        hex === undefined ? Buffer.from(piece).toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
      ),
    'latin1',
  ).toString();
}

/** `1d 2h 3m 4s`, `12.3ms`; as the original's and Prometheus' function of that name. */
function humanizeDuration(value: unknown): string {
  const base = value instanceof Typed ? value.base : value;
  let seconds: number;
  if (value instanceof Typed && value.type === durationType) seconds = Number(base) / 1e9;
  else if (typeof base === 'bigint' || typeof base === 'number') seconds = Number(base);
  else if (typeof base === 'string' && base.trim() !== '' && !Number.isNaN(Number(base))) seconds = Number(base);
  else throw new Error(`can't convert ${String(base)} to a float`);
  if (Number.isNaN(seconds)) return 'NaN';
  if (!Number.isFinite(seconds)) return seconds > 0 ? '+Inf' : '-Inf';
  if (seconds === 0) return '0s';
  if (Math.abs(seconds) >= 1) {
    const sign = seconds < 0 ? '-' : '';
    const whole = Math.trunc(Math.abs(seconds));
    const days = Math.floor(whole / 86_400);
    const hours = Math.floor(whole / 3600) % 24;
    const minutes = Math.floor(whole / 60) % 60;
    if (days !== 0) return `${sign}${days}d ${hours}h ${minutes}m ${whole % 60}s`;
    if (hours !== 0) return `${sign}${hours}h ${minutes}m ${whole % 60}s`;
    if (minutes !== 0) return `${sign}${minutes}m ${whole % 60}s`;
    return `${sign}${fourDigits(Math.abs(seconds))}s`;
  }
  let scaled = seconds;
  let prefix = '';
  for (const unit of ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']) {
    if (Math.abs(scaled) >= 1) break;
    prefix = unit;
    scaled *= 1000;
  }
  return `${fourDigits(scaled)}${prefix}s`;
}

/** `%.4g` */
function fourDigits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
