/**
 * Go's time layouts: a layout is the moment "Mon Jan 2 15:04:05 MST 2006" written as one wants to see times
 * (Go time/format.go).
 */
import { fixedZone, utcZone, type Zone } from './time-zone.ts';

/** A moment with nanoseconds: `unixMs` whole milliseconds, `nanoseconds` 0–999,999 beyond them. */
export interface Moment {
  readonly unixMs: number;
  readonly nanoseconds: number;
  readonly zone: Zone;
}

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** The elements of a layout, the longer before what they begin with. */
const element =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|_2006|__2|_2|002|01|02|03|04|05|06|15|1|2|3|4|5|PM|pm|-070000|-07:00:00|-0700|-07:00|-07|Z070000|Z07:00:00|Z0700|Z07:00|Z07|[.,]0+(?![0-9])|[.,]9+(?![0-9])/g;

function calendar(moment: Moment): { date: Date; offset: number; abbreviation: string } {
  const { offsetSeconds, abbreviation } = moment.zone.at(moment.unixMs);
  return { date: new Date(moment.unixMs + offsetSeconds * 1000), offset: offsetSeconds, abbreviation };
}

export function formatTime(moment: Moment, layout: string): string {
  const { date, offset, abbreviation } = calendar(moment);
  const two = (value: number): string => String(value).padStart(2, '0');
  const year = date.getUTCFullYear();
  const hour = date.getUTCHours();
  const nanoseconds = String(date.getUTCMilliseconds() * 1_000_000 + moment.nanoseconds).padStart(9, '0');
  return layout.replace(element, (word, at: number) => {
    if (word[0] === '.' || word[0] === ',') {
      const isFraction = word[1] === '0' || word[1] === '9';
      if (!isFraction) return word;
      const digits = nanoseconds.slice(0, word.length - 1).padEnd(word.length - 1, '0');
      const kept = word[1] === '9' ? digits.replace(/0+$/, '') : digits;
      return kept === '' ? '' : word[0] + kept;
    }
    if (word.startsWith('Z07') || word.startsWith('-07')) return formatOffset(word, offset);
    switch (word) {
      case '2006':
        return String(year).padStart(4, '0');
      case '_2006':
        return `_${String(year).padStart(4, '0')}`;
      case '06':
        return two(((year % 100) + 100) % 100);
      case 'January':
        return months[date.getUTCMonth()] as string;
      case 'Jan':
        return (months[date.getUTCMonth()] as string).slice(0, 3);
      case '01':
        return two(date.getUTCMonth() + 1);
      case '1':
        return String(date.getUTCMonth() + 1);
      case 'Monday':
        return weekdays[date.getUTCDay()] as string;
      case 'Mon':
        return (weekdays[date.getUTCDay()] as string).slice(0, 3);
      case '02':
        return two(date.getUTCDate());
      case '_2':
        return String(date.getUTCDate()).padStart(2, ' ');
      case '2':
        return String(date.getUTCDate());
      case '002':
        return String(yearDay(date)).padStart(3, '0');
      case '__2':
        return String(yearDay(date)).padStart(3, ' ');
      case '15':
        return two(hour);
      case '03':
        return two(hour % 12 === 0 ? 12 : hour % 12);
      case '3':
        return String(hour % 12 === 0 ? 12 : hour % 12);
      case '04':
        return two(date.getUTCMinutes());
      case '4':
        return String(date.getUTCMinutes());
      case '05':
        return two(date.getUTCSeconds());
      case '5':
        return String(date.getUTCSeconds());
      case 'PM':
        return hour >= 12 ? 'PM' : 'AM';
      case 'pm':
        return hour >= 12 ? 'pm' : 'am';
      case 'MST':
        return abbreviation === '' ? formatOffset('-0700', offset) : abbreviation;
      default:
        throw new Error(`BUG: layout element ${word} at ${at}`);
    }
  });
}

function yearDay(date: Date): number {
  const newYear = new Date(date);
  newYear.setUTCMonth(0, 1);
  return Math.round((date.getTime() - newYear.getTime()) / 86_400_000) + 1;
}

function formatOffset(word: string, offsetSeconds: number): string {
  if (word[0] === 'Z' && offsetSeconds === 0) return 'Z';
  const absolute = Math.abs(offsetSeconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  const colon = word.includes(':') ? ':' : '';
  let text = `${offsetSeconds < 0 ? '-' : '+'}${two(Math.floor(absolute / 3600))}`;
  const digits = word.replace(/[^0-9]/g, '').length;
  if (digits >= 4) text += colon + two(Math.floor(absolute / 60) % 60);
  if (digits >= 6) text += colon + two(absolute % 60);
  return text;
}

/** RFC 3339 with as many decimals as needed: the JSON form of times. */
export const rfc3339Nano = '2006-01-02T15:04:05.999999999Z07:00';
export const rfc3339 = '2006-01-02T15:04:05Z07:00';

/** Go's `parsing time "…" as "…": cannot parse "…" as "…"`. */
export function parseTime(layout: string, text: string, zone: Zone = utcZone): Moment {
  const fields = {
    year: 0,
    month: 1,
    day: 1,
    yearDay: 0,
    hour: 0,
    minute: 0,
    second: 0,
    nanoseconds: 0,
    isPm: undefined as boolean | undefined,
  };
  let found: Zone | undefined;
  let rest = text;
  let at = 0;
  const quoted = JSON.stringify;
  const fail = (wanted: string): Error =>
    new Error(`parsing time ${quoted(text)} as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(wanted)}`);
  const outOfRange = (what: string): Error => new Error(`parsing time ${quoted(text)}: ${what} out of range`);
  const literal = (wanted: string): void => {
    if (!rest.startsWith(wanted)) throw fail(wanted);
    rest = rest.slice(wanted.length);
  };
  const digits = (word: string, pattern: RegExp): number => {
    const match = pattern.exec(rest);
    if (match === null) throw fail(word);
    rest = rest.slice(match[0].length);
    return Number(match[0]);
  };
  const name = (word: string, names: readonly string[]): number => {
    const index = names.findIndex((candidate) => rest.toLowerCase().startsWith(candidate.toLowerCase()));
    if (index < 0) throw fail(word);
    rest = rest.slice((names[index] as string).length);
    return index;
  };
  element.lastIndex = 0;
  for (const match of layout.matchAll(element)) {
    const word = match[0];
    if (/^[.,][09]/.test(word) === false && (word[0] === '.' || word[0] === ',')) continue;
    literal(layout.slice(at, match.index));
    at = match.index + word.length;
    if (word[0] === '.' || word[0] === ',') {
      const fraction = word[1] === '9' ? /^[.,][0-9]+/ : new RegExp(`^[.,][0-9]{${word.length - 1}}`);
      const read = fraction.exec(rest);
      if (read === null && word[1] === '0') throw fail(word);
      if (read !== null) {
        fields.nanoseconds = Number(read[0].slice(1, 10).padEnd(9, '0'));
        rest = rest.slice(read[0].length);
      }
      continue;
    }
    if (word[0] === 'Z' || word[0] === '-') {
      const read = parseOffset(word, rest);
      if (read === undefined) throw fail(word);
      rest = rest.slice(read.length);
      found = read.zone;
      continue;
    }
    switch (word) {
      case '2006':
        fields.year = digits(word, /^[0-9]{4}/);
        break;
      case '_2006':
        literal('_');
        fields.year = digits(word, /^[0-9]{4}/);
        break;
      case '06':
        fields.year = digits(word, /^[0-9]{2}/);
        fields.year += fields.year >= 69 ? 1900 : 2000;
        break;
      case 'January':
        fields.month = name(word, months) + 1;
        break;
      case 'Jan':
        fields.month =
          name(
            word,
            months.map((month) => month.slice(0, 3)),
          ) + 1;
        break;
      case '01':
      case '1':
        fields.month = digits(word, word === '01' ? /^[0-9]{2}/ : /^[0-9]{1,2}/);
        if (fields.month < 1 || fields.month > 12) throw outOfRange('month');
        break;
      case 'Monday':
        name(word, weekdays);
        break;
      case 'Mon':
        name(
          word,
          weekdays.map((day) => day.slice(0, 3)),
        );
        break;
      case '02':
      case '2':
      case '_2':
        if (word === '_2' && rest.startsWith(' ')) rest = rest.slice(1);
        fields.day = digits(word, word === '02' ? /^[0-9]{2}/ : /^[0-9]{1,2}/);
        break;
      case '002':
      case '__2':
        fields.yearDay = digits(word, /^[0-9 ]{3}/);
        break;
      case '15':
      case '03':
      case '3':
        fields.hour = digits(word, word === '3' ? /^[0-9]{1,2}/ : /^[0-9]{2}/);
        if (fields.hour > (word === '15' ? 23 : 12)) throw outOfRange('hour');
        break;
      case '04':
      case '4':
        fields.minute = digits(word, word === '04' ? /^[0-9]{2}/ : /^[0-9]{1,2}/);
        if (fields.minute > 59) throw outOfRange('minute');
        break;
      case '05':
      case '5': {
        fields.second = digits(word, word === '05' ? /^[0-9]{2}/ : /^[0-9]{1,2}/);
        if (fields.second > 59) throw outOfRange('second');
        // A fraction may follow the seconds even where the layout has none.
        const fraction = /^[.,][0-9]+/.exec(rest);
        if (fraction !== null && !/^[.,][09]/.test(layout.slice(at))) {
          fields.nanoseconds = Number(fraction[0].slice(1, 10).padEnd(9, '0'));
          rest = rest.slice(fraction[0].length);
        }
        break;
      }
      case 'PM':
      case 'pm': {
        const half = rest.slice(0, 2);
        if (!/^(?:AM|PM|am|pm)$/.test(half)) throw fail(word);
        fields.isPm = half.toUpperCase() === 'PM';
        rest = rest.slice(2);
        break;
      }
      case 'MST': {
        const read = /^(?:[A-Z]{3,5}|[+-][0-9]{2}(?:[0-9]{2})?)/.exec(rest);
        if (read === null) throw fail(word);
        rest = rest.slice(read[0].length);
        found = read[0] === 'UTC' ? utcZone : fixedZone(0, read[0]);
        break;
      }
      default:
        throw new Error(`BUG: layout element ${word}`);
    }
  }
  literal(layout.slice(at));
  if (rest !== '') throw new Error(`parsing time ${quoted(text)}: extra text: ${quoted(rest)}`);
  if (fields.isPm === true && fields.hour < 12) fields.hour += 12;
  if (fields.isPm === false && fields.hour === 12) fields.hour = 0;
  const date = new Date(0);
  date.setUTCFullYear(fields.year, fields.yearDay > 0 ? 0 : fields.month - 1, fields.yearDay > 0 ? fields.yearDay : fields.day);
  if (fields.yearDay === 0 && (date.getUTCDate() !== fields.day || fields.day < 1)) throw outOfRange('day');
  date.setUTCHours(fields.hour, fields.minute, fields.second, Math.floor(fields.nanoseconds / 1_000_000));
  const local = date.getTime();
  const inZone = found ?? zone;
  let unixMs = local - inZone.at(local).offsetSeconds * 1000;
  unixMs = local - inZone.at(unixMs).offsetSeconds * 1000;
  return { unixMs, nanoseconds: fields.nanoseconds % 1_000_000, zone: inZone };
}

function parseOffset(word: string, text: string): { zone: Zone; length: number } | undefined {
  if (word[0] === 'Z' && text.startsWith('Z')) return { zone: utcZone, length: 1 };
  const count = word.replace(/[^0-9]/g, '').length;
  const colon = word.includes(':') ? ':' : '';
  const pattern = new RegExp(`^([+-])([0-9]{2})${count >= 4 ? `${colon}([0-9]{2})` : ''}${count >= 6 ? `${colon}([0-9]{2})` : ''}`);
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const seconds = Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60 + Number(match[4] ?? 0);
  if (Number(match[2]) > 24 || Number(match[3] ?? 0) > 60) return undefined;
  const zone = seconds === 0 ? utcZone : fixedZone(match[1] === '-' ? -seconds : seconds);
  return { zone, length: match[0].length };
}
