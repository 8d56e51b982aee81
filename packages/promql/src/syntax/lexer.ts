/**
 * Text to tokens (promql.md §1). The language is read in three moods: outside, inside braces (every word is a label name) and
 * inside brackets (words are parts of a duration). The lexer is asked one token at a time, so that a fault further right is
 * not reported before one of the grammar.
 */
import { quoteGo } from '@pronoia/model';
import { SyntaxFault } from './syntax-error.ts';
import { kindByWord, type Token, type TokenKind } from './token.ts';

const endOfText = '';

export class Lexer {
  readonly text: string;
  #at = 0;
  /** Where the token at hand began. */
  #start = 0;
  #parenDepth = 0;
  #inBraces = false;
  #inBrackets = false;
  #sawColon = false;
  #sawDuration = false;

  constructor(text: string) {
    this.text = text;
  }

  /** Throws SyntaxFault. After the end it answers `eof` for ever. */
  next(): Token {
    for (;;) {
      this.#start = this.#at;
      const c = this.#peek();
      if (c === '#' && !this.#inBrackets) {
        while (this.#at < this.text.length && !/[\r\n]/.test(this.#peek())) this.#at++;
        continue;
      }
      if (isSpace(c)) {
        this.#at++;
        continue;
      }
      if (this.#inBraces) return this.#insideBraces(c);
      return this.#inBrackets ? this.#durationPart(c) : this.#statement(c);
    }
  }

  #statement(c: string): Token {
    switch (c) {
      case endOfText:
        if (this.#parenDepth > 0) throw this.#fault('unclosed left parenthesis');
        return this.#token('eof', 0);
      case '*':
      case '/':
      case '%':
      case '+':
      case '-':
      case '^':
      case '@':
        return this.#token('operator', 1);
      case '=': {
        const after = this.#peek(1);
        if (after === '=') return this.#token('operator', 2);
        if (after === '~') throw this.#fault("unexpected character after '=': '~'");
        return this.#token('punctuation', 1);
      }
      case '!': {
        if (this.#peek(1) === '=') return this.#token('operator', 2);
        throw this.#fault(`unexpected character after '!': ${quoteRune(this.#peek(1))}`);
      }
      case '<':
        return this.#token('operator', this.#peek(1) === '=' || this.#peek(1) === '/' ? 2 : 1);
      case '>':
        return this.#token('operator', this.#peek(1) === '=' || this.#peek(1) === '/' ? 2 : 1);
      case '"':
      case "'":
      case '`':
        return this.#string(c);
      case ',':
        return this.#token('punctuation', 1);
      case '(':
      case ')':
        return this.#parenthesis(c);
      case '{':
        this.#inBraces = true;
        return this.#token('punctuation', 1);
      case '[':
        this.#inBrackets = true;
        this.#sawColon = false;
        this.#sawDuration = false;
        return this.#token('punctuation', 1);
      case ']':
        throw this.#fault("unexpected right bracket ']'");
      default:
        break;
    }
    if (isDigit(c) || (c === '.' && isDigit(this.#peek(1)))) return this.#numberOrDuration();
    if (isAlpha(c) || c === ':') return this.#word();
    throw this.#fault(`unexpected character: ${quoteRune(c)}`);
  }

  #insideBraces(c: string): Token {
    switch (c) {
      case endOfText:
        throw this.#fault('unexpected end of input inside braces');
      case ',':
        return this.#token('punctuation', 1);
      case '"':
      case "'":
      case '`':
        return this.#string(c);
      case '=':
        return this.#peek(1) === '~' ? this.#token('operator', 2) : this.#token('punctuation', 1);
      case '!': {
        const after = this.#peek(1);
        if (after === '~' || after === '=') return this.#token('operator', 2);
        throw this.#fault(`unexpected character after '!' inside braces: ${quoteRune(after)}`);
      }
      case '{':
        throw this.#fault("unexpected left brace '{'");
      case '}':
        this.#inBraces = false;
        return this.#token('punctuation', 1);
      default:
        break;
    }
    if (!isAlpha(c)) throw this.#fault(`unexpected character inside braces: ${quoteRune(c)}`);
    let length = 1;
    while (isAlphaNumeric(this.#peek(length))) length++;
    return this.#token('identifier', length);
  }

  #durationPart(c: string): Token {
    switch (c) {
      case endOfText:
        throw this.#fault('unexpected end of input in duration expression');
      case ']':
        this.#inBrackets = false;
        this.#sawColon = false;
        return this.#token('punctuation', 1);
      case ':':
        if (!this.#sawDuration) throw this.#faultAfter(1, 'unexpected colon before duration in duration expression');
        if (this.#sawColon) throw this.#faultAfter(1, 'unexpected repeated colon in duration expression');
        this.#sawColon = true;
        return this.#token('punctuation', 1);
      case '(':
      case ')':
        return this.#parenthesis(c);
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
      case '^':
        return this.#token('operator', 1);
      case ',':
        return this.#token('punctuation', 1);
      default:
        break;
    }
    if (isDigit(c) || (c === '.' && isDigit(this.#peek(1)))) {
      this.#sawDuration = true;
      return this.#numberOrDuration();
    }
    const word = this.#durationWord();
    if (word !== undefined) return word;
    throw this.#fault(`unexpected character in duration expression: ${quoteRune(c)}`);
  }

  #durationWord(): Token | undefined {
    let length = 0;
    while (isAlphaNumeric(this.#peek(length))) length++;
    const word = this.text.slice(this.#at, this.#at + length).toLowerCase();
    if (word !== 'step' && word !== 'range' && word !== 'min_of' && word !== 'max_of') return undefined;
    this.#sawDuration = true;
    return this.#token('preprocessor', length);
  }

  #parenthesis(c: string): Token {
    this.#parenDepth += c === '(' ? 1 : -1;
    if (this.#parenDepth < 0) throw this.#faultAfter(1, "unexpected right parenthesis ')'");
    return this.#token('punctuation', 1);
  }

  #word(): Token {
    let length = 1;
    while (isAlphaNumeric(this.#peek(length)) || this.#peek(length) === ':') length++;
    const word = this.text.slice(this.#at, this.#at + length);
    const kind = kindByWord.get(word.toLowerCase());
    if (kind === undefined) return this.#token(word.includes(':') ? 'metricIdentifier' : 'identifier', length);
    // `fill` is a metric's name unless a parenthesis follows.
    if (/^fill/i.test(word) && !/^[ \t\r\n]*\(/.test(this.text.slice(this.#at + length))) return this.#token('identifier', length);
    return this.#token(kind, length);
  }

  #string(quote: string): Token {
    const { text } = this;
    let at = this.#at + 1;
    for (;;) {
      const c = text[at];
      if (c === undefined) throw this.#fault(quote === '`' ? 'unterminated raw string' : 'unterminated quoted string');
      if (c === quote) break;
      if (isBrokenRune(text, at)) throw this.#fault('invalid UTF-8 rune');
      if (quote !== '`') {
        if (c === '\n') throw this.#fault('unterminated quoted string');
        if (c === '\\') {
          at = this.#escape(at + 1, quote);
          continue;
        }
      }
      at++;
    }
    return this.#token('string', at + 1 - this.#at);
  }

  /** `at` is behind the backslash; returns where the escape ends. */
  #escape(at: number, quote: string): number {
    const { text } = this;
    const c = text[at];
    if (c === undefined) throw this.#fault('escape sequence not terminated');
    if ('abfnrtv\\'.includes(c) || c === quote) return at + 1;
    const form =
      c >= '0' && c <= '7'
        ? { digits: 3, base: 8, limit: 255, from: at }
        : c === 'x'
          ? { digits: 2, base: 16, limit: 255, from: at + 1 }
          : c === 'u'
            ? { digits: 4, base: 16, limit: 0x10ffff, from: at + 1 }
            : c === 'U'
              ? { digits: 8, base: 16, limit: 0x10ffff, from: at + 1 }
              : undefined;
    if (form === undefined) throw this.#fault(`unknown escape sequence ${describeRune(text, at)}`);
    let value = 0;
    for (let i = 0; i < form.digits; i++) {
      const digit = text[form.from + i];
      if (digit === undefined) throw this.#fault('escape sequence not terminated');
      const d = /[0-9a-fA-F]/.test(digit) ? Number.parseInt(digit, 16) : 16;
      if (d >= form.base) throw this.#fault(`illegal character ${describeRune(text, form.from + i)} in escape sequence`);
      value = value * form.base + d;
    }
    if (value > form.limit || (value >= 0xd800 && value < 0xe000)) throw this.#fault('escape sequence is an invalid Unicode code point');
    return form.from + form.digits;
  }

  #numberOrDuration(): Token {
    const scan = new NumberScan(this.text, this.#at);
    if (scan.number()) return this.#token('number', scan.at - this.#at);
    if (scan.restOfDuration()) return this.#token('duration', scan.at - this.#at);
    while (isAlphaNumeric(this.text[scan.at] ?? '')) scan.at++;
    throw this.#fault(`bad number or duration syntax: ${quoteGo(this.text.slice(this.#at, scan.at))}`);
  }

  #token(kind: TokenKind, length: number): Token {
    const start = this.#at;
    this.#at += length;
    const text = this.text.slice(start, this.#at);
    const isWord = kind !== 'identifier' && kind !== 'metricIdentifier' && kind !== 'string';
    return { kind, text, word: isWord ? text.toLowerCase() : text, start, end: this.#at };
  }

  #peek(ahead = 0): string {
    const index = this.#at + ahead;
    if (index >= this.text.length) return endOfText;
    return String.fromCodePoint(this.text.codePointAt(index) as number);
  }

  #fault(message: string): SyntaxFault {
    return new SyntaxFault(message, { start: this.#start, end: this.text.length });
  }

  /** The original has moved past the character when it notices. */
  #faultAfter(length: number, message: string): SyntaxFault {
    return new SyntaxFault(message, { start: this.#start + length, end: this.text.length });
  }
}

/** Scans as far as the text looks like a number, then perhaps goes on with it as a duration; both move `at`. */
class NumberScan {
  readonly #text: string;
  at: number;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  number(): boolean {
    const from = this.at;
    let digits = '0123456789';
    if (this.#accept('0') && this.#accept('xX')) {
      this.#accept('_');
      digits = '0123456789abcdefABCDEF';
    }
    this.#accept('.');
    this.#accept(digits);
    let sawDot = false;
    let sawExponent = false;
    while (this.#is(`${digits}._eE`)) {
      if (this.#is('.') && sawDot) {
        this.at++;
        return false;
      }
      if (this.#is('eE') && sawExponent) {
        this.at++;
        return false;
      }
      if (this.#accept('.')) {
        sawDot = true;
        if (this.#accept('_.') || digits.length > 10) return false;
      } else if (this.#accept('eE')) {
        sawExponent = true;
        this.#accept('+-');
        if (this.#accept('._eE') || this.at >= this.#text.length) return false;
      } else if (this.#accept('_')) {
        if (this.#accept('._eE') || this.at >= this.#text.length) return false;
      } else {
        while (this.#accept(digits));
      }
    }
    return this.at > from && !isAlphaNumeric(this.#text[this.at] ?? '');
  }

  /** Bad units such as `hs` pass here and are found when the duration is read. */
  restOfDuration(): boolean {
    if (!this.#accept('smhdwy')) return false;
    this.#accept('s');
    while (this.#accept('0123456789')) {
      while (this.#accept('0123456789'));
      if (!this.#accept('smhdw')) return false;
      this.#accept('s');
    }
    return !isAlphaNumeric(this.#text[this.at] ?? '');
  }

  #is(set: string): boolean {
    const c = this.#text[this.at];
    return c !== undefined && set.includes(c);
  }

  #accept(set: string): boolean {
    if (!this.#is(set)) return false;
    this.at++;
    return true;
  }
}

const isSpace = (c: string): boolean => c === ' ' || c === '\t' || c === '\n' || c === '\r';
const isDigit = (c: string): boolean => c.length === 1 && c >= '0' && c <= '9';
const isAlpha = (c: string): boolean => c.length === 1 && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c === '_');
const isAlphaNumeric = (c: string): boolean => isAlpha(c) || isDigit(c);

/** U+FFFD itself counts as broken, as the original cannot tell it from a decoding error. */
function isBrokenRune(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit === 0xfffd) return true;
  if (unit < 0xd800 || unit > 0xdfff) return false;
  return (
    !/^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(at, at + 2)) && !/^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1))
  );
}

/** Go's `%q` of a rune. */
function quoteRune(rune: string): string {
  if (rune === '') return "'\ufffd'";
  if (rune === "'") return "'\\''";
  if (rune === '"') return `'"'`;
  return `'${quoteGo(rune).slice(1, -1)}'`;
}

/** Go's `%#U`: `U+0063 'c'`. */
function describeRune(text: string, at: number): string {
  const code = text.codePointAt(at) as number;
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  const rune = String.fromCodePoint(code);
  return /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(rune) ? `U+${hex} '${rune}'` : `U+${hex}`;
}
