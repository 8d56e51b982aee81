/** The strings of the language: escapes as in Go between quotes, nothing but itself between backticks (promql.md §1.3). */
import { quoteGo } from '@pronoia/model';

const simpleEscapes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92, "'": 39, '"': 34 };

/**
 * The value of a literal that the lexer has accepted. Bytes written as `\xHH` join their neighbours into UTF-8. A byte that is
 * no UTF-8 becomes the lone surrogate U+DC00 + byte, because our strings cannot hold it otherwise; see `isValidUtf8`.
 */
export function unquote(literal: string): string {
  const body = literal.slice(1, -1);
  if (literal[0] === '`' || !body.includes('\\')) return body;
  const bytes: Uint8Array[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  while (at < body.length) {
    const next = body.indexOf('\\', at);
    const end = next < 0 ? body.length : next;
    if (end > at) bytes.push(encoder.encode(body.slice(at, end)));
    if (next < 0) break;
    const letter = body[next + 1] as string;
    const simple = simpleEscapes[letter];
    if (simple !== undefined) {
      bytes.push(Uint8Array.of(simple));
      at = next + 2;
    } else if (letter === 'x') {
      bytes.push(Uint8Array.of(Number.parseInt(body.slice(next + 2, next + 4), 16)));
      at = next + 4;
    } else if (letter === 'u' || letter === 'U') {
      const digits = letter === 'u' ? 4 : 8;
      bytes.push(encoder.encode(String.fromCodePoint(Number.parseInt(body.slice(next + 2, next + 2 + digits), 16))));
      at = next + 2 + digits;
    } else {
      bytes.push(Uint8Array.of(Number.parseInt(body.slice(next + 1, next + 4), 8)));
      at = next + 4;
    }
  }
  return decodeBytes(concat(bytes));
}

/** False for text with bytes that were no UTF-8. */
export function isValidUtf8(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Go's `%q`, where bytes that are no UTF-8 (lone surrogates here) print as `\\xHH`. */
export function quoteString(text: string): string {
  return quoteGo(text.replace(/\p{Surrogate}/gu, (c) => `\u0000x${(c.charCodeAt(0) - 0xdc00).toString(16)}\u0000`)).replace(
    /\\x00(x[0-9a-f]{2})\\x00/g,
    '\\$1',
  );
}

function decodeBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Cold: rune by rune, each taking the longest valid form.
    let text = '';
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    for (let at = 0; at < bytes.length; ) {
      let length = 1;
      let rune: string | undefined;
      for (; length <= 4 && rune === undefined; length++) {
        try {
          rune = strict.decode(bytes.subarray(at, at + length));
        } catch {
          rune = undefined;
        }
      }
      text += rune ?? String.fromCharCode(0xdc00 + (bytes[at] as number));
      at += rune === undefined ? 1 : length - 1;
    }
    return text;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
