/**
 * The tokens of a template: text outside actions, and the words inside `{{ … }}` (Go text/template/parse, lexing rules).
 *
 * Positions are UTF-16 offsets into the template; the error messages turn them into Go's byte columns.
 */
import { quoteGo } from '../quote.ts';

export type TokenKind =
  | 'error'
  | 'eof'
  | 'text'
  | 'comment'
  | 'leftDelimiter'
  | 'rightDelimiter'
  | 'space'
  | 'assign'
  | 'declare'
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'char'
  | 'charConstant'
  | 'string'
  | 'rawString'
  | 'number'
  | 'bool'
  | 'identifier'
  | 'field'
  | 'variable'
  | 'dot'
  | 'nil'
  | 'keyword';

export interface Token {
  readonly kind: TokenKind;
  readonly position: number;
  readonly line: number;
  readonly text: string;
}

const keywords = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']);

/** How a token is shown in a message. */
export function describeToken(token: Token): string {
  if (token.kind === 'eof') return 'EOF';
  if (token.kind === 'error') return token.text;
  if (token.kind === 'keyword' || token.kind === 'dot' || token.kind === 'nil') return `<${token.text}>`;
  const runes = Array.from(token.text);
  return runes.length > 10 ? `${quoteGo(runes.slice(0, 10).join(''))}...` : quoteGo(token.text);
}

const trimmable = /[ \t\r\n]/;
const wordRune = /[\p{L}\p{Nd}_]/u;

/** All tokens of `text`; the last one is `eof` or `error`. */
export function tokenize(text: string): Token[] {
  return new Lexer(text).run();
}

class Lexer {
  readonly #text: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #start = 0;
  #line = 1;
  #startLine = 1;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): Token[] {
    let more = true;
    while (more) more = this.#outside();
    return this.#tokens;
  }

  #emit(kind: TokenKind): void {
    this.#emitText(kind, this.#text.slice(this.#start, this.#at));
  }

  #emitText(kind: TokenKind, text: string): void {
    this.#tokens.push({ kind, position: this.#start, line: this.#startLine, text });
    this.#skip();
  }

  /** Drops what was read since the last token. */
  #skip(): void {
    for (let i = this.#start; i < this.#at; i++) if (this.#text.charCodeAt(i) === 10) this.#line++;
    this.#start = this.#at;
    this.#startLine = this.#line;
  }

  #fail(message: string): false {
    this.#tokens.push({ kind: 'error', position: this.#start, line: this.#startLine, text: message });
    return false;
  }

  /** Text up to the next action, then the action. False: the end. */
  #outside(): boolean {
    const text = this.#text;
    const open = text.indexOf('{{', this.#at);
    if (open < 0) {
      this.#at = text.length;
      if (this.#at > this.#start) this.#emit('text');
      this.#emitText('eof', '');
      return false;
    }
    const trimLeft = text[open + 2] === '-' && trimmable.test(text[open + 3] ?? '');
    let end = open;
    if (trimLeft) while (end > this.#start && trimmable.test(text[end - 1] as string)) end--;
    this.#at = end;
    if (this.#at > this.#start) this.#emit('text');
    this.#at = open;
    this.#skip();

    const afterMarker = open + 2 + (trimLeft ? 2 : 0);
    if (text.startsWith('/*', afterMarker)) return this.#comment(afterMarker);
    this.#at = open + 2;
    this.#emit('leftDelimiter');
    this.#at = afterMarker;
    this.#skip();
    this.#depth = 0;
    return this.#inside();
  }

  #comment(at: number): boolean {
    const close = this.#text.indexOf('*/', at + 2);
    if (close < 0) return this.#fail('unclosed comment');
    this.#at = close + 2;
    const end = this.#rightDelimiterAt(this.#at);
    if (end === undefined) return this.#fail('comment ends before closing delimiter');
    this.#at = end;
    this.#trimAfter(end);
    this.#skip();
    return true;
  }

  /** Where the action ends when a right delimiter, with or without trim marker, stands at `at`. */
  #rightDelimiterAt(at: number): number | undefined {
    if (this.#text.startsWith('}}', at)) return at + 2;
    if (this.#trimsAt(at)) return at + 4;
    return undefined;
  }

  #trimsAt(at: number): boolean {
    return trimmable.test(this.#text[at] ?? '') && this.#text.startsWith('-}}', at + 1);
  }

  #trimAfter(end: number): void {
    if (this.#text[end - 3] !== '-' || !trimmable.test(this.#text[end - 4] ?? '')) return;
    while (trimmable.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #inside(): boolean {
    const text = this.#text;
    for (;;) {
      const end = this.#rightDelimiterAt(this.#at);
      if (end !== undefined) {
        if (this.#depth > 0) return this.#fail('unclosed left paren');
        const trims = this.#trimsAt(this.#at);
        if (trims) {
          this.#at += 2;
          this.#skip();
        }
        this.#at += 2;
        this.#emit('rightDelimiter');
        if (trims) {
          while (trimmable.test(text[this.#at] ?? '')) this.#at++;
          this.#skip();
        }
        return true;
      }
      if (this.#at >= text.length) return this.#fail('unclosed action');
      const rune = String.fromCodePoint(text.codePointAt(this.#at) as number);
      if (trimmable.test(rune)) {
        this.#spaces();
        continue;
      }
      this.#at += rune.length;
      if (!this.#word(rune)) return false;
    }
  }

  #spaces(): void {
    while (trimmable.test(this.#text[this.#at] ?? '') && !(this.#trimsAt(this.#at) && this.#at > this.#start)) this.#at++;
    this.#emit('space');
  }

  #word(rune: string): boolean {
    switch (rune) {
      case '=':
        this.#emit('assign');
        return true;
      case ':':
        if (this.#text[this.#at] !== '=') return this.#fail('expected :=');
        this.#at++;
        this.#emit('declare');
        return true;
      case '|':
        this.#emit('pipe');
        return true;
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string');
      case "'":
        return this.#quoted("'", 'charConstant', 'unterminated character constant');
      case '`':
        return this.#rawQuoted();
      case '(':
        this.#depth++;
        this.#emit('leftParen');
        return true;
      case ')':
        this.#depth--;
        if (this.#depth < 0) return this.#fail('unexpected right paren');
        this.#emit('rightParen');
        return true;
      case '.':
        if (!/[0-9]/.test(this.#text[this.#at] ?? '')) return this.#name('field');
        return this.#number();
      case '$':
        return this.#name('variable');
      default:
        if (/[+\-0-9]/.test(rune)) return this.#number();
        if (wordRune.test(rune)) return this.#name('identifier');
        if (rune > ' ' && rune <= '~') {
          this.#emit('char');
          return true;
        }
        return this.#fail(`unrecognized character in action: ${describeRune(rune)}`);
    }
  }

  #quoted(mark: string, kind: TokenKind, unterminated: string): boolean {
    for (;;) {
      const rune = this.#text[this.#at++];
      if (rune === '\\' && this.#text[this.#at] !== '\n' && this.#at < this.#text.length) this.#at++;
      else if (rune === undefined || rune === '\n' || rune === '\\') return this.#fail(unterminated);
      else if (rune === mark) break;
    }
    this.#emit(kind);
    return true;
  }

  #rawQuoted(): boolean {
    const close = this.#text.indexOf('`', this.#at);
    if (close < 0) return this.#fail('unterminated raw quoted string');
    this.#at = close + 1;
    this.#emit('rawString');
    return true;
  }

  #name(kind: 'field' | 'variable' | 'identifier'): boolean {
    if (kind !== 'identifier' && this.#endsWord()) {
      this.#emit(kind === 'field' ? 'dot' : 'variable');
      return true;
    }
    let rune = this.#rune();
    while (rune !== '' && wordRune.test(rune)) {
      this.#at += rune.length;
      rune = this.#rune();
    }
    if (!this.#endsWord()) return this.#fail(`bad character ${describeRune(rune)}`);
    const word = this.#text.slice(this.#start, this.#at);
    if (kind !== 'identifier') this.#emit(kind);
    else if (keywords.has(word)) this.#emit('keyword');
    else if (word === 'nil') this.#emit('nil');
    else this.#emit(word === 'true' || word === 'false' ? 'bool' : 'identifier');
    return true;
  }

  #rune(): string {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  /** A word ends only before something that can follow it: `$x+2` is not silently two words. */
  #endsWord(): boolean {
    const rune = this.#text[this.#at];
    return rune === undefined || /[ \t\r\n.,|:)(]/.test(rune) || this.#text.startsWith('}}', this.#at);
  }

  #number(): boolean {
    this.#at = this.#start;
    const matched = numberPattern.exec(this.#text.slice(this.#start, this.#start + 400));
    this.#at += (matched?.[0] ?? '').length;
    const next = this.#rune();
    if (next !== '' && wordRune.test(next)) {
      this.#at += next.length;
      return this.#fail(`bad number syntax: ${quoteGo(this.#text.slice(this.#start, this.#at))}`);
    }
    this.#emit('number');
    return true;
  }
}

/** Loose on purpose: what is no number after all is refused when it is read. */
const numberPattern =
  /^[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/;

/** Go's %#U: `U+0040 '@'`. */
function describeRune(rune: string): string {
  if (rune === '') return 'U+FFFFFFFFFFFFFFFF';
  const code = (rune.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
  return /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(rune) ? `U+${code} '${rune}'` : `U+${code}`;
}
