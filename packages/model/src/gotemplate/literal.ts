/** Go's constants inside an action: quoted strings, runes, numbers (Go spec, "Literals"). */
import type { NumberNode } from './node.ts';

/** Reads `"…"` with Go escapes or `` `…` `` raw. Throws when an escape is none. */
export function unquoteGo(quoted: string): string {
  const mark = quoted[0];
  const body = quoted.slice(1, -1);
  if (mark === '`') return body.replaceAll('\r', '');
  return unescape(body, mark === "'" ? "'" : '"');
}

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

function unescape(body: string, mark: string): string {
  if (!body.includes('\\')) return body;
  // \xNN and octal escapes are bytes, which may together form UTF-8: collect bytes, decode at the end.
  const parts: Buffer[] = [];
  let i = 0;
  while (i < body.length) {
    const slash = body.indexOf('\\', i);
    if (slash < 0) {
      parts.push(Buffer.from(body.slice(i)));
      break;
    }
    parts.push(Buffer.from(body.slice(i, slash)));
    const rest = body.slice(slash + 1);
    const known = simple[rest[0] ?? ''] ?? (rest[0] === mark ? mark : undefined);
    const coded = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(rest);
    if (known !== undefined) {
      parts.push(Buffer.from(known));
      i = slash + 2;
    } else if (coded !== null) {
      const code = Number.parseInt(coded[1] ?? coded[2] ?? coded[3] ?? (coded[4] as string), coded[4] === undefined ? 16 : 8);
      const isByte = coded[1] !== undefined || coded[4] !== undefined;
      if (code > (isByte ? 255 : 0x10ffff) || (!isByte && code >= 0xd800 && code < 0xe000)) throw new Error('invalid syntax');
      parts.push(isByte ? Buffer.of(code) : Buffer.from(String.fromCodePoint(code)));
      i = slash + 1 + coded[0].length;
    } else {
      throw new Error('invalid syntax');
    }
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Undefined when the text is no number. */
export function parseNumber(text: string, position: number): NumberNode | undefined {
  if (text.startsWith("'")) {
    const rune = unquoteGo(text);
    if (Array.from(rune).length !== 1) return undefined;
    const code = rune.codePointAt(0) as number;
    return { kind: 'number', position, text, whole: BigInt(code), float: code, looksFloat: false };
  }
  const whole = parseWhole(text);
  if (whole !== undefined) return { kind: 'number', position, text, whole, float: Number(whole), looksFloat: false };
  const float = parseFloatText(text);
  if (float === undefined) return undefined;
  const integral = Number.isSafeInteger(float) ? BigInt(float) : undefined;
  return { kind: 'number', position, text, whole: integral, float, looksFloat: true };
}

function parseWhole(text: string): bigint | undefined {
  const match =
    /^([+-]?)(0[xX]_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|0[oO]_?[0-7]+(?:_[0-7]+)*|0[bB]_?[01]+(?:_[01]+)*|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)$/.exec(
      text,
    );
  if (match === null) return undefined;
  let digits = (match[2] as string).replaceAll('_', '');
  if (/^0[0-7]+$/.test(digits)) digits = `0o${digits.slice(1)}`;
  const value = BigInt(digits);
  const signed = match[1] === '-' ? -value : value;
  return signed >= -(1n << 63n) && signed < 1n << 64n ? signed : undefined;
}

function parseFloatText(text: string): number | undefined {
  const plain = text.replace(/(?<=[0-9a-fA-FxX])_(?=[0-9a-fA-F])/g, '');
  const hex = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/.exec(plain);
  if (hex !== null) {
    const [, sign, before, after, exponent] = hex as unknown as [string, string, string, string, string];
    if (before + after === '') return undefined;
    const value = Number(BigInt(`0x${before}${after}`)) * 2 ** (Number(exponent) - 4 * after.length);
    return sign === '-' ? -value : value;
  }
  if (!/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : undefined;
}
