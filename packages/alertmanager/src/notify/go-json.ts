/** Request bodies byte for byte as Go's encoder writes them: `<`, `>`, `&`, U+2028, U+2029 escaped, a newline at the end. */
import { compareBytes } from '@pronoia/model';

/** Members keep their order (Go: struct fields); use `sorted` where Go has a map. Undefined members are left out. */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${text}\n`;
}

/** A Go map: keys in byte order. */
export function sorted<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const list = [...entries].sort(([a], [b]) => compareBytes(a, b));
  // defineProperty semantics: a label may be called __proto__.
  return Object.fromEntries(list);
}

/** Go's `omitempty`. */
export function orNothing<T>(value: T): T | undefined {
  if (value === '' || value === false || value === 0 || value === null) return undefined;
  if (Array.isArray(value) && value.length === 0) return undefined;
  return value;
}

/** Longer text keeps n − 1 code points and an ellipsis. */
export function truncate(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const runes = Array.from(text);
  if (runes.length <= limit) return text;
  return limit <= 3 ? runes.slice(0, limit).join('') : `${runes.slice(0, limit - 1).join('')}…`;
}

/** The same by UTF-8 bytes, never cutting a code point. */
export function truncateBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const mark = limit <= 3 ? '' : '…';
  let room = limit - Buffer.byteLength(mark);
  let kept = '';
  for (const rune of text) {
    room -= Buffer.byteLength(rune);
    if (room < 0) break;
    kept += rune;
  }
  return kept + mark;
}
