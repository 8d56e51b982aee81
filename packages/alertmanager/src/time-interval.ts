/**
 * Named spans of the calendar in which notifications are muted, or active. Inside one interval all given fields must hold; inside a
 * field one of its ranges; several intervals under a name are alternatives.
 */
import { loadZone, utcZone, type Zone } from '@pronoia/model';

/** Both ends inclusive, but for times of day: minutes, the end exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface TimeInterval {
  readonly times: readonly Range[];
  readonly weekdays: readonly Range[];
  readonly daysOfMonth: readonly Range[];
  readonly months: readonly Range[];
  readonly years: readonly Range[];
  readonly zone: Zone;
}

export function containsTime(interval: TimeInterval, nowMs: number): boolean {
  const local = new Date(nowMs + interval.zone.at(nowMs).offsetSeconds * 1000);
  const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
  if (interval.times.length > 0 && !interval.times.some(({ from, to }) => minute >= from && minute < to)) return false;
  const year = local.getUTCFullYear();
  const month = local.getUTCMonth();
  if (interval.daysOfMonth.length > 0) {
    const daysInMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    const day = local.getUTCDate();
    const inside = interval.daysOfMonth.some(({ from, to }) => {
      const first = from < 0 ? daysInMonth + from + 1 : from;
      const last = to < 0 ? daysInMonth + to + 1 : to;
      // A begin beyond this month's end never comes; an end beyond it is its last day.
      if (first > daysInMonth) return false;
      return day >= Math.max(first, 1) && day <= Math.min(last, daysInMonth);
    });
    if (!inside) return false;
  }
  return within(interval.months, month + 1) && within(interval.weekdays, local.getUTCDay()) && within(interval.years, year);
}

function within(ranges: readonly Range[], value: number): boolean {
  return ranges.length === 0 || ranges.some(({ from, to }) => value >= from && value <= to);
}

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const months = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october', 'november', 'december'];

export function parseTimeOfDay(text: string): number {
  const match = /^((?:[01][0-9])|(?:2[0-3])):([0-5][0-9])$|^24:00$/.exec(text);
  if (match === null) throw new Error(`couldn't parse timestamp ${text}, invalid format; write HH:MM between 00:00 and 24:00`);
  return text === '24:00' ? 1440 : Number(match[1]) * 60 + Number(match[2]);
}

export function parseWeekdays(text: string): Range {
  return parseRange(text, 'weekday', (word) => {
    const day = weekdays.indexOf(word.toLowerCase());
    if (day < 0) throw new Error(`${word} is not a valid weekday`);
    return day;
  });
}

export function parseMonths(text: string): Range {
  return parseRange(text, 'month', (word) => {
    const month = /^\d+$/.test(word) ? Number(word) : months.indexOf(word.toLowerCase()) + 1;
    if (month < 1 || month > 12) throw new Error(`${word} is not a valid month`);
    return month;
  });
}

export function parseYears(text: string): Range {
  return parseRange(text, 'year', (word) => {
    if (!/^-?\d+$/.test(word)) throw new Error(`${word} is not a valid year`);
    return Number(word);
  });
}

export function parseDaysOfMonth(text: string): Range {
  const range = parseRange(
    text,
    'day',
    (word) => {
      const day = /^-?\d+$/.test(word) ? Number(word) : 0;
      if (day === 0 || day < -31 || day > 31) throw new Error(`${word} is not a valid day of the month: out of range`);
      return day;
    },
    false,
  );
  const { from, to } = range;
  if (from < 0 && to > 0) throw new Error(`end day must be negative if start day is negative: ${text}`);
  // Compared as in a month of 31 days, the longest: what is backwards there is backwards everywhere.
  const absolute = (day: number): number => (day < 0 ? 32 + day : day);
  if (absolute(from) > absolute(to)) throw new Error(`start day ${from} cannot be after end day ${to}`);
  return range;
}

function parseRange(text: string, what: string, read: (word: string) => number, isOrdered = true): Range {
  const words = text.split(':').map((word) => word.trim());
  if (words.length > 2 || words[0] === '') throw new Error(`couldn't parse ${what} range ${text}, invalid format`);
  const from = read(words[0] as string);
  const to = words[1] === undefined ? from : read(words[1]);
  if (isOrdered && from > to) throw new Error(`start ${what} cannot be after end ${what}: ${text}`);
  return { from, to };
}

export function parseLocation(text: string): Zone {
  if (text === 'UTC') return utcZone;
  return loadZone(text);
}
