/**
 * An alert as it is received and kept: a label set with the time span in which it fires. Times keep their nanoseconds and zone, because
 * receivers see them as they came; decisions use whole milliseconds.
 */
import { compareBytes, fixedZone, formatTime, Labels, type Moment, rfc3339Nano, utcZone, zeroTimeMs } from '@pronoia/model';
import { AlertIdentity, pairsJson } from './identity.ts';

export interface AlertFields {
  readonly labels: Labels;
  /** Sorted by name; a value may be empty. */
  readonly annotations: Labels;
  readonly startsAt: Moment;
  readonly endsAt: Moment;
  readonly generatorUrl: string;
  readonly updatedAt: Moment;
  /** endsAt was not given: it is our guess, and a later one replaces it. */
  readonly isTimeout: boolean;
}

/** Immutable. */
export class Alert implements AlertFields {
  readonly identity: AlertIdentity;
  /** The annotations as the API writes them; parsed when somebody asks, for most alerts are only passed on. */
  readonly annotationsJson: string;
  readonly startsAt: Moment;
  readonly endsAt: Moment;
  readonly generatorUrl: string;
  readonly updatedAt: Moment;
  readonly isTimeout: boolean;

  constructor(
    fields: Omit<AlertFields, 'labels' | 'annotations'> &
      ({ readonly annotations: Labels } | { readonly annotationsJson: string }) &
      ({ readonly labels: Labels } | { readonly identity: AlertIdentity }),
  ) {
    this.identity = 'identity' in fields ? fields.identity : new AlertIdentity(fields.labels);
    this.annotationsJson = 'annotationsJson' in fields ? fields.annotationsJson : pairsJson(fields.annotations);
    this.startsAt = fields.startsAt;
    this.endsAt = fields.endsAt;
    this.generatorUrl = fields.generatorUrl;
    this.updatedAt = fields.updatedAt;
    this.isTimeout = fields.isTimeout;
  }

  get labels(): Labels {
    return this.identity.labels;
  }

  get annotations(): Labels {
    if (this.annotationsJson === '{}') return Labels.empty;
    return readPairs(this.annotationsJson);
  }

  get fingerprint(): string {
    return this.identity.fingerprint;
  }

  get name(): string {
    return this.identity.name;
  }

  get hash(): bigint {
    return this.identity.hash;
  }

  /** An alert without an end (as in a flush) fires. */
  isResolvedAt(nowMs: number): boolean {
    return this.endsAt.unixMs <= nowMs && this.endsAt !== zeroMoment;
  }

  with(fields: Partial<Pick<AlertFields, 'startsAt' | 'endsAt'>> & { readonly identity?: AlertIdentity }): Alert {
    const { annotationsJson, generatorUrl, updatedAt, isTimeout } = this;
    const { identity = this.identity, startsAt = this.startsAt, endsAt = this.endsAt } = fields;
    return new Alert({ identity, annotationsJson, startsAt, endsAt, generatorUrl, updatedAt, isTimeout });
  }

  /**
   * This alert and a newer report of it as one: overlapping spans become one span (alertmanager types.Alert.Merge). The side
   * with the newer updatedAt gives the annotations. The identity stays this one's.
   */
  merge(other: Alert, nowMs: number): Alert {
    if (other.updatedAt.unixMs < this.updatedAt.unixMs) return other.merge(this, nowMs).with({ identity: this.identity });
    const startsAt = this.startsAt.unixMs < other.startsAt.unixMs ? this.startsAt : other.startsAt;
    let endsAt = other.endsAt;
    if (other.isResolvedAt(nowMs)) {
      // Both over: it ended at the later end.
      if (this.isResolvedAt(nowMs) && this.endsAt.unixMs > other.endsAt.unixMs) endsAt = this.endsAt;
    } else if (this.endsAt.unixMs > other.endsAt.unixMs && !this.isTimeout) endsAt = this.endsAt;
    return other.with({ identity: this.identity, startsAt, endsAt });
  }

  overlaps(other: Alert): boolean {
    const start = this.startsAt.unixMs;
    const end = this.endsAt.unixMs;
    const otherStart = other.startsAt.unixMs;
    const otherEnd = other.endsAt.unixMs;
    return (end > otherStart && end < otherEnd) || (start > otherStart && start < otherEnd) || (otherStart >= start && otherStart <= end);
  }

  /** What a receiver sees while the alert fires: no end yet. */
  withoutEnd(): Alert {
    return this.with({ endsAt: zeroMoment });
  }
}

/** Go's zero time: no end. */
export const zeroMoment: Moment = { unixMs: zeroTimeMs, nanoseconds: 0, zone: utcZone };

/** Of text that `pairsJson` wrote. */
function readPairs(json: string): Labels {
  const record = JSON.parse(json) as Record<string, string>;
  // Names that look like numbers come first in a parsed object, whatever the text's order.
  const names = Object.keys(record).sort(compareBytes);
  return Labels.fromSorted(names.flatMap((name) => [name, record[name] as string]));
}

const fixedZones = new Map<number, ReturnType<typeof fixedZone>>();

/** RFC 3339 with up to nine decimals and the zone as written. Undefined when the text is no time. */
export function readTime(text: string): Moment | undefined {
  return readUsualTime(text) ?? readAnyTime(text);
}

/** `2006-01-02T15:04:05.000000000Z`, with no, or up to nine decimals: what Go and JavaScript write in UTC. Hot: two for each alert. */
function readUsualTime(text: string): Moment | undefined {
  const { length } = text;
  if (length < 20 || length > 30 || text.charCodeAt(length - 1) !== 90) return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  // The other form looks closer: at the 29th of February, and at what is no number.
  if (!(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour <= 23 && minute <= 59 && second <= 59)) return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return undefined;
  let nanoseconds = 0;
  if (length > 20) {
    if (length === 21 || text[19] !== '.') return undefined;
    nanoseconds = digits(text, 20, length - 21) * (powers[9 - (length - 21)] as number);
    if (Number.isNaN(nanoseconds)) return undefined;
  }
  return {
    unixMs: Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(nanoseconds / 1_000_000),
    nanoseconds: nanoseconds % 1_000_000,
    zone: utcZone,
  };
}

const powers = [1, 10, 100, 1000, 1e4, 1e5, 1e6, 1e7, 1e8];

/** NaN when one is no digit. */
function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

function readAnyTime(text: string): Moment | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, zoneHour = '0', zoneMinute = '0'] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() !== Number(month) - 1) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined;
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  date.setUTCHours(Number(hour), Number(minute), Number(second), Math.floor(nanoseconds / 1_000_000));
  const offset = (Number(zoneHour) * 3600 + Number(zoneMinute) * 60) * (sign === '-' ? -1 : 1);
  return {
    unixMs: date.getTime() - offset * 1000,
    nanoseconds: nanoseconds % 1_000_000,
    zone: offset === 0 ? utcZone : zoneWithOffset(offset),
  };
}

function zoneWithOffset(offset: number): ReturnType<typeof fixedZone> {
  let zone = fixedZones.get(offset);
  if (zone === undefined) fixedZones.set(offset, (zone = fixedZone(offset)));
  return zone;
}

export function momentAt(unixMs: number): Moment {
  return { unixMs, nanoseconds: 0, zone: utcZone };
}

/** The API's form: exactly three decimals. UTC, by far the most, skips the layout. */
export function apiTime(moment: Moment): string {
  if (moment.zone === utcZone && moment.unixMs >= 0) return new Date(moment.unixMs).toISOString();
  return formatTime(moment, '2006-01-02T15:04:05.000Z07:00');
}

/** The webhook's form: as many decimals as there are. */
export function nanoTime(moment: Moment): string {
  return formatTime(moment, rfc3339Nano);
}

/** Order in a notification: by job, then instance (an alert without the label last), then by labels. It follows from the labels alone. */
export function compareIdentities(a: AlertIdentity, b: AlertIdentity): number {
  return compareValues(a.labels, b.labels, 'job') || compareValues(a.labels, b.labels, 'instance') || compareLabelSets(a.labels, b.labels);
}

function compareValues(a: Labels, b: Labels, name: string): number {
  const left = a.get(name);
  const right = b.get(name);
  if (left === right) return 0;
  if (left === '') return 1;
  return right === '' ? -1 : compareBytes(left, right);
}

/** Fewer labels first; else the first difference over both sets' names, absent before present. */
export function compareLabelSets(a: Labels, b: Labels): number {
  const left = a.pairs;
  const right = b.pairs;
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i += 2) {
    const name = left[i] as string;
    const other = right[i] as string;
    // The smaller name is one that the other set, being in order too, does not have.
    if (name !== other) return compareBytes(name, other) < 0 ? 1 : -1;
    const order = compareBytes(left[i + 1] as string, right[i + 1] as string);
    if (order !== 0) return order;
  }
  return 0;
}
