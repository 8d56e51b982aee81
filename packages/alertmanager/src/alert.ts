/**
 * An alert as it is received and kept: a label set with the time span in which it fires. Times keep their nanoseconds and zone, because
 * receivers see them as they came; decisions use whole milliseconds.
 */
import { compareBytes, fixedZone, formatTime, type Labels, type Moment, rfc3339Nano, utcZone, zeroTimeMs } from '@pronoia/model';
import { alertHash, fingerprintOf } from './hash.ts';

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
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAt: Moment;
  readonly endsAt: Moment;
  readonly generatorUrl: string;
  readonly updatedAt: Moment;
  readonly isTimeout: boolean;
  readonly fingerprint: string;
  #hash: bigint | undefined;

  constructor(fields: AlertFields, fingerprint = fingerprintOf(fields.labels)) {
    this.labels = fields.labels;
    this.annotations = fields.annotations;
    this.startsAt = fields.startsAt;
    this.endsAt = fields.endsAt;
    this.generatorUrl = fields.generatorUrl;
    this.updatedAt = fields.updatedAt;
    this.isTimeout = fields.isTimeout;
    this.fingerprint = fingerprint;
  }

  get name(): string {
    return this.labels.get('alertname');
  }

  get hash(): bigint {
    this.#hash ??= alertHash(this.labels);
    return this.#hash;
  }

  /** An alert without an end (as in a flush) fires. */
  isResolvedAt(nowMs: number): boolean {
    return this.endsAt.unixMs <= nowMs && this.endsAt !== zeroMoment;
  }

  with(fields: Partial<AlertFields>): Alert {
    const { labels, annotations, startsAt, endsAt, generatorUrl, updatedAt, isTimeout } = this;
    return new Alert({ labels, annotations, startsAt, endsAt, generatorUrl, updatedAt, isTimeout, ...fields }, this.fingerprint);
  }

  /**
   * This alert and a newer report of it as one: overlapping spans become one span (alertmanager types.Alert.Merge). The side
   * with the newer updatedAt gives the annotations.
   */
  merge(other: Alert, nowMs: number): Alert {
    if (other.updatedAt.unixMs < this.updatedAt.unixMs) return other.merge(this, nowMs);
    const startsAt = this.startsAt.unixMs < other.startsAt.unixMs ? this.startsAt : other.startsAt;
    let endsAt = other.endsAt;
    if (other.isResolvedAt(nowMs)) {
      // Both over: it ended at the later end.
      if (this.isResolvedAt(nowMs) && this.endsAt.unixMs > other.endsAt.unixMs) endsAt = this.endsAt;
    } else if (this.endsAt.unixMs > other.endsAt.unixMs && !this.isTimeout) endsAt = this.endsAt;
    return other.with({ startsAt, endsAt });
  }

  overlaps(other: Alert): boolean {
    const [mine, theirs] = [this, other].map(({ startsAt, endsAt }) => [startsAt.unixMs, endsAt.unixMs] as const) as [
      readonly [number, number],
      readonly [number, number],
    ];
    return (
      (mine[1] > theirs[0] && mine[1] < theirs[1]) ||
      (mine[0] > theirs[0] && mine[0] < theirs[1]) ||
      (theirs[0] >= mine[0] && theirs[0] <= mine[1])
    );
  }

  /** What a receiver sees while the alert fires: no end yet. */
  withoutEnd(): Alert {
    return this.with({ endsAt: zeroMoment });
  }
}

/** Go's zero time: no end. */
export const zeroMoment: Moment = { unixMs: zeroTimeMs, nanoseconds: 0, zone: utcZone };

const fixedZones = new Map<number, ReturnType<typeof fixedZone>>();

/** RFC 3339 with up to nine decimals and the zone as written. Undefined when the text is no time. */
export function readTime(text: string): Moment | undefined {
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

/** Order in a notification: by job, then instance (an alert without the label last), then by labels. */
export function compareAlerts(a: Alert, b: Alert): number {
  for (const name of ['job', 'instance']) {
    const [left, right] = [a.labels.get(name), b.labels.get(name)];
    if (left === right) continue;
    if (left === '') return 1;
    if (right === '') return -1;
    return compareBytes(left, right);
  }
  return compareLabelSets(a.labels, b.labels);
}

/** Fewer labels first; else the first difference over both sets' names, absent before present. */
export function compareLabelSets(a: Labels, b: Labels): number {
  if (a.size !== b.size) return a.size - b.size;
  const names = [...new Set([...a, ...b].map(([name]) => name))].sort(compareBytes);
  for (const name of names) {
    const order = compareBytes(a.get(name), b.get(name));
    if (order !== 0) return order;
  }
  return 0;
}
