/** Go's time.Time and time.Duration as template values, with the methods that templates in the wild call. */
import { formatTime, type Moment, rfc3339Nano } from './time-format.ts';
import { loadZone, utcZone } from './time-zone.ts';
import { type GoType, goMethod, Typed } from './value.ts';

/** Base: nanoseconds as bigint. */
export const durationType: GoType = {
  name: 'time.Duration',
  text: (self) => formatGoDuration(nanosecondsOf(self)),
  methods: {
    String: goMethod([], (self) => formatGoDuration(nanosecondsOf(self))),
    Hours: goMethod([], (self) => Number(nanosecondsOf(self)) / 3.6e12),
    Minutes: goMethod([], (self) => Number(nanosecondsOf(self)) / 6e10),
    Seconds: goMethod([], (self) => Number(nanosecondsOf(self)) / 1e9),
    Milliseconds: goMethod([], (self) => nanosecondsOf(self) / 1_000_000n),
    Microseconds: goMethod([], (self) => nanosecondsOf(self) / 1000n),
    Nanoseconds: goMethod([], nanosecondsOf),
    Abs: goMethod([], (self) => goDuration(nanosecondsOf(self) < 0n ? -nanosecondsOf(self) : nanosecondsOf(self))),
    Truncate: goMethod(['any'], (self, unit) => goDuration(truncate(nanosecondsOf(self), durationArgument(unit)))),
    Round: goMethod(['any'], (self, unit) => goDuration(roundTo(nanosecondsOf(self), durationArgument(unit)))),
  },
};

export function goDuration(nanoseconds: bigint): Typed {
  return new Typed(durationType, nanoseconds);
}

function nanosecondsOf(value: Typed): bigint {
  return value.base as bigint;
}

/** A constant is an int of nanoseconds, as in Go. */
function durationArgument(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof Typed && value.type === durationType) return nanosecondsOf(value);
  throw new Error('expected a time.Duration');
}

function truncate(value: bigint, unit: bigint): bigint {
  return unit <= 0n ? value : value - (value % unit);
}

function roundTo(value: bigint, unit: bigint): bigint {
  if (unit <= 0n) return value;
  const rest = value % unit;
  const absolute = rest < 0n ? -rest : rest;
  if (absolute * 2n < unit) return value - rest;
  return value < 0n ? value - rest - unit : value - rest + unit;
}

/** `1h2m3.5s`, `1.5ms`, `0s`. */
export function formatGoDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (absolute < 1000n) return `${sign}${absolute}ns`;
  if (absolute < 1_000_000n) return `${sign}${decimal(absolute, 1000n)}µs`;
  if (absolute < 1_000_000_000n) return `${sign}${decimal(absolute, 1_000_000n)}ms`;
  const minutes = absolute / 60_000_000_000n;
  const seconds = decimal(absolute % 60_000_000_000n, 1_000_000_000n);
  if (minutes === 0n) return `${sign}${seconds}s`;
  return minutes < 60n ? `${sign}${minutes}m${seconds}s` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}s`;
}

function decimal(value: bigint, unit: bigint): string {
  const digits = String(unit).length - 1;
  const fraction = String(value % unit)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  return fraction === '' ? String(value / unit) : `${value / unit}.${fraction}`;
}

/** Base: a Moment. */
export const timeType: GoType = {
  name: 'time.Time',
  text: (self) => formatTime(momentOf(self), '2006-01-02 15:04:05.999999999 -0700 MST'),
  json: (self) => formatTime(momentOf(self), rfc3339Nano),
  methods: {
    String: goMethod([], (self) => formatTime(momentOf(self), '2006-01-02 15:04:05.999999999 -0700 MST')),
    Format: goMethod(['string'], (self, layout) => formatTime(momentOf(self), layout)),
    UTC: goMethod([], (self) => goTime({ ...momentOf(self), zone: utcZone })),
    Local: goMethod([], (self) => goTime({ ...momentOf(self), zone: loadZone('Local') })),
    Unix: goMethod([], (self) => BigInt(Math.floor(momentOf(self).unixMs / 1000))),
    UnixMilli: goMethod([], (self) => BigInt(momentOf(self).unixMs)),
    UnixMicro: goMethod([], (self) => nanosecondsSinceEpoch(self) / 1000n),
    UnixNano: goMethod([], nanosecondsSinceEpoch),
    IsZero: goMethod([], (self) => momentOf(self).unixMs === zeroTimeMs && momentOf(self).nanoseconds === 0),
    Add: goMethod(['any'], (self, duration) => shift(self, durationArgument(duration))),
    AddDate: goMethod(['int', 'int', 'int'], addDate),
    Sub: goMethod(['any'], (self, other) => subtractTimes(self, timeArgument(other))),
    After: goMethod(['any'], (self, other) => nanosecondsSinceEpoch(self) > nanosecondsSinceEpoch(timeArgument(other))),
    Before: goMethod(['any'], (self, other) => nanosecondsSinceEpoch(self) < nanosecondsSinceEpoch(timeArgument(other))),
    Equal: goMethod(['any'], (self, other) => nanosecondsSinceEpoch(self) === nanosecondsSinceEpoch(timeArgument(other))),
    Truncate: goMethod(['any'], (self, unit) => shift(self, -modulo(sinceZero(self), durationArgument(unit)))),
    Year: goMethod([], (self) => BigInt(localDate(self).getUTCFullYear())),
    Month: goMethod([], (self) => new Typed(monthType, BigInt(localDate(self).getUTCMonth() + 1))),
    Day: goMethod([], (self) => BigInt(localDate(self).getUTCDate())),
    Hour: goMethod([], (self) => BigInt(localDate(self).getUTCHours())),
    Minute: goMethod([], (self) => BigInt(localDate(self).getUTCMinutes())),
    Second: goMethod([], (self) => BigInt(localDate(self).getUTCSeconds())),
    Nanosecond: goMethod([], (self) => BigInt(localDate(self).getUTCMilliseconds() * 1_000_000 + momentOf(self).nanoseconds)),
    Weekday: goMethod([], (self) => new Typed(weekdayType, BigInt(localDate(self).getUTCDay()))),
    YearDay: goMethod([], (self) => BigInt(formatTime(momentOf(self), '002'))),
  },
};

const monthType: GoType = {
  name: 'time.Month',
  text: (self) => formatTime(monthMoment(self), 'January'),
  methods: { String: goMethod([], (self) => formatTime(monthMoment(self), 'January')) },
};
const weekdayType: GoType = { name: 'time.Weekday', text: weekdayName, methods: { String: goMethod([], weekdayName) } };

function monthMoment(self: Typed): Moment {
  return { unixMs: Date.UTC(2000, Number(self.base) - 1, 1), nanoseconds: 0, zone: utcZone };
}

function weekdayName(self: Typed): string {
  // The first of October 2000 was a Sunday.
  return formatTime({ unixMs: Date.UTC(2000, 9, 1 + Number(self.base)), nanoseconds: 0, zone: utcZone }, 'Monday');
}

/** 0001-01-01T00:00:00Z, Go's time without a value. */
export const zeroTimeMs = -62_135_596_800_000;

export function goTime(moment: Moment): Typed {
  return new Typed(timeType, moment);
}

export function momentOf(value: Typed): Moment {
  return value.base as Moment;
}

function timeArgument(value: unknown): Typed {
  if (value instanceof Typed && value.type === timeType) return value;
  throw new Error('expected a time.Time');
}

function nanosecondsSinceEpoch(value: Typed): bigint {
  const { unixMs, nanoseconds } = momentOf(value);
  return BigInt(unixMs) * 1_000_000n + BigInt(nanoseconds);
}

function sinceZero(value: Typed): bigint {
  return nanosecondsSinceEpoch(value) - BigInt(zeroTimeMs) * 1_000_000n;
}

function modulo(value: bigint, unit: bigint): bigint {
  return unit <= 0n ? 0n : value % unit;
}

function shift(value: Typed, nanoseconds: bigint): Typed {
  const total = nanosecondsSinceEpoch(value) + nanoseconds;
  const rest = ((total % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return goTime({ unixMs: Number((total - rest) / 1_000_000n), nanoseconds: Number(rest), zone: momentOf(value).zone });
}

function addDate(self: Typed, years: number, monthCount: number, days: number): Typed {
  const { unixMs, nanoseconds, zone } = momentOf(self);
  const date = localDate(self);
  date.setUTCFullYear(date.getUTCFullYear() + years, date.getUTCMonth() + monthCount, date.getUTCDate() + days);
  const local = date.getTime();
  const guess = local - zone.at(unixMs).offsetSeconds * 1000;
  return goTime({ unixMs: local - zone.at(guess).offsetSeconds * 1000, nanoseconds, zone });
}

/** A Date whose UTC fields are the zone's local ones. */
function localDate(value: Typed): Date {
  const { unixMs, zone } = momentOf(value);
  return new Date(unixMs + zone.at(unixMs).offsetSeconds * 1000);
}

/** Difference of two times. */
export function subtractTimes(a: Typed, b: Typed): Typed {
  return goDuration(nanosecondsSinceEpoch(a) - nanosecondsSinceEpoch(b));
}
