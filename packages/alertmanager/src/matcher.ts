/**
 * Matchers of routes, inhibition rules, silences and filters. There are two syntaxes: the UTF-8 one (since 0.27) and the classic
 * one before it; by default both are tried, and where they disagree the classic meaning holds, with a warning.
 */
import { compareBytes, createMatcher, isLegacyName, type Labels, type Matcher, type MatchType, quoteGo } from '@pronoia/model';

export type { MatchType };

/** Which syntax is read: both, or one alone (`--enable-feature`). */
export type MatcherMode = 'fallback' | 'classic' | 'utf8-strict';

/** Called when the two syntaxes do not agree on an input. */
export type OnDisagreement = (input: string, problem: 'deprecated' | 'disagreement', suggestion: string) => void;

export class MatcherError extends Error {
  override readonly name = 'MatcherError';
}

export class AlertMatcher {
  readonly type: MatchType;
  readonly name: string;
  readonly value: string;
  readonly #matcher: Matcher;
  readonly #pattern: string;
  #perLine: Matcher | undefined;

  /** `pattern` when what is matched is written in another way than what is shown. */
  constructor(type: MatchType, name: string, value: string, pattern = value) {
    this.type = type;
    this.name = name;
    this.value = value;
    this.#pattern = pattern;
    this.#matcher = createMatcher(type, name, pattern);
  }

  matches(labels: Labels): boolean {
    return this.matchesValue(labels.get(this.name));
  }

  matchesValue(value: string): boolean {
    if (this.type === '=' || this.type === '!=' || !value.includes('\n')) return this.#matcher.matches(value);
    // The model's patterns let `.` match a newline, as Prometheus does; here it must not.
    this.#perLine ??= createMatcher(this.type, this.name, `(?-s:${this.#pattern})`);
    return this.#perLine.matches(value);
  }

  /** For `=` and `=~` of a finite set: the values that match. */
  get literals(): readonly string[] | undefined {
    return this.isPositive ? this.#matcher.literals : undefined;
  }

  /** What every matching value begins with; '' when nothing is known. */
  get prefix(): string {
    return this.type === '=~' ? this.#matcher.prefix : '';
  }

  get isPattern(): boolean {
    return this.type === '=~' || this.type === '!~';
  }

  get isPositive(): boolean {
    return this.type === '=' || this.type === '=~';
  }

  /** `name="value"`: part of group keys, so byte for byte as the original prints it. */
  toString(): string {
    const name = reserved.test(this.name) ? quoteGo(this.name) : this.name;
    return `${name}${this.type}"${this.value.replace(/[\\\n"]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))}"`;
  }

  equals(other: AlertMatcher): boolean {
    return this.type === other.type && this.name === other.name && this.value === other.value;
  }
}

const reserved = /[{}!=~,\\"'`\s]/u;

export function matchesAll(matchers: readonly AlertMatcher[], labels: Labels): boolean {
  for (const matcher of matchers) if (!matcher.matches(labels)) return false;
  return true;
}

const typeOrder: readonly MatchType[] = ['=', '!=', '=~', '!~'];

export function compareMatchers(a: AlertMatcher, b: AlertMatcher): number {
  return compareBytes(a.name, b.name) || compareBytes(a.value, b.value) || typeOrder.indexOf(a.type) - typeOrder.indexOf(b.type);
}

/** `{a="b",c=~"d"}` */
export function printMatchers(matchers: readonly AlertMatcher[]): string {
  return `{${matchers.map(String).join(',')}}`;
}

/** Any number of matchers, with or without braces. Throws MatcherError. */
export function parseMatchers(input: string, mode: MatcherMode = 'fallback', onDisagreement: OnDisagreement = () => {}): AlertMatcher[] {
  if (mode === 'classic') return parseClassic(input);
  if (mode === 'utf8-strict') return parseUtf8(input);
  const classic = attempt(() => parseClassic(input));
  const utf8 = attempt(() => parseUtf8(input));
  if ('error' in classic) {
    // Both refuse: users know the classic words.
    if ('error' in utf8) throw classic.error;
    return utf8.value;
  }
  const suggestion = classic.value.map(String).join(',');
  if ('error' in utf8) onDisagreement(input, 'deprecated', suggestion);
  else if (
    classic.value.length !== utf8.value.length ||
    !classic.value.every((matcher, i) => matcher.equals(utf8.value[i] as AlertMatcher))
  )
    onDisagreement(input, 'disagreement', suggestion);
  return classic.value;
}

/** Exactly one matcher, without braces: what an API filter holds. */
export function parseMatcher(input: string, mode: MatcherMode = 'fallback', onDisagreement?: OnDisagreement): AlertMatcher {
  const single = (parse: (text: string) => AlertMatcher[]): { value: AlertMatcher[] } | { error: MatcherError } =>
    attempt(() => {
      const matchers = parse(input);
      if (matchers.length === 1) return matchers;
      throw new MatcherError(matchers.length === 0 ? 'no matchers' : `expected 1 matcher, found ${matchers.length}`);
    });
  const utf8 = (text: string): AlertMatcher[] => {
    if (/^\{|\}$/.test(text)) throw new MatcherError(`unexpected open or close brace: ${text}`);
    return parseUtf8(text);
  };
  const classic = single((text) => [parseClassicOne(text)]);
  const modern = single(utf8);
  const first = mode === 'utf8-strict' ? modern : classic;
  const result = mode === 'fallback' && 'error' in classic && !('error' in modern) ? modern : first;
  if ('error' in result) throw result.error;
  if (mode === 'fallback' && 'error' in modern) onDisagreement?.(input, 'deprecated', String(result.value[0]));
  return result.value[0] as AlertMatcher;
}

function attempt<T>(run: () => T): { value: T } | { error: MatcherError } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof MatcherError) return { error };
    throw error;
  }
}

function create(type: MatchType, name: string, value: string): AlertMatcher {
  try {
    return new AlertMatcher(type, name, value);
  } catch (error) {
    // The original compiles the anchored pattern, and so names it.
    throw new MatcherError((error as Error).message.replace(`: \`${value}\``, () => `: \`^(?:${value})$\``));
  }
}

// Classic

/** Braces may be missing or unbalanced; commas inside quotes do not separate. */
function parseClassic(input: string): AlertMatcher[] {
  let text = input;
  if (text.startsWith('{')) text = text.slice(1);
  if (text.endsWith('}')) text = text.slice(0, -1);
  const pieces: string[] = [];
  let piece = '';
  let isQuoted = false;
  let isEscaped = false;
  for (const char of text) {
    if (char === ',' && !isQuoted) {
      pieces.push(piece);
      piece = '';
      isEscaped = false;
      continue;
    }
    if (char === '"' && !isEscaped) isQuoted = !isQuoted;
    isEscaped = char === '\\' && !isEscaped;
    piece += char;
  }
  if (piece !== '') pieces.push(piece);
  return pieces.map(parseClassicOne);
}

function parseClassicOne(text: string): AlertMatcher {
  const match = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*((?:.|\n)*?)\s*$/.exec(text);
  if (match === null) throw new MatcherError(`bad matcher format: ${text}`);
  const [, name, type, raw] = match as unknown as [string, string, MatchType, string];
  if (!raw.isWellFormed()) throw new MatcherError(`matcher value not valid UTF-8: ${raw}`);
  const expectsEnd = raw.startsWith('"');
  const body = expectsEnd ? raw.slice(1) : raw;
  let value = '';
  let isEscaped = false;
  for (let i = 0; i < body.length; i++) {
    const char = body[i] as string;
    if (isEscaped) {
      isEscaped = false;
      if (char === 'n') value += '\n';
      else if (char === '"' || char === '\\') value += char;
      else value += `\\${char}`;
    } else if (char === '\\') {
      if (i < body.length - 1) isEscaped = true;
      else value += '\\';
    } else if (char === '"') {
      if (!expectsEnd || i < body.length - 1) throw new MatcherError(`matcher value contains unescaped double quote: ${raw}`);
      return create(type, name, value);
    } else value += char;
  }
  if (expectsEnd) throw new MatcherError(`matcher value contains unescaped double quote: ${raw}`);
  return create(type, name, value);
}

// UTF-8

interface Word {
  readonly kind: '{' | '}' | ',' | 'operator' | 'quoted' | 'bare' | 'end';
  readonly text: string;
  readonly value: string;
  readonly from: number;
  readonly to: number;
}

function parseUtf8(input: string): AlertMatcher[] {
  const words = splitUtf8(input);
  let at = 0;
  const peek = (): Word => words[at] as Word;
  const fail = (word: Word, expected: string): MatcherError =>
    new MatcherError(
      word.kind === 'end'
        ? `${word.from}:${word.to}: end of input: expected ${expected}`
        : `${word.from}:${word.to}: ${word.text}: expected ${expected}`,
    );
  const matchers: AlertMatcher[] = [];
  const hasOpen = peek().kind === '{';
  if (hasOpen) at++;
  for (;;) {
    const word = peek();
    if (word.kind === '}' || (word.kind === 'end' && !hasOpen)) break;
    if (word.kind === 'end' && matchers.length === 0) throw fail(word, 'close brace');
    if (word.kind !== 'bare' && word.kind !== 'quoted') {
      throw fail(word, matchers.length > 0 && hasOpen ? 'a matcher or close brace after comma' : 'label name');
    }
    at++;
    const operator = peek();
    if (operator.kind !== 'operator') throw fail(operator, "an operator such as '=', '!=', '=~' or '!~'");
    at++;
    const value = peek();
    if (value.kind !== 'bare' && value.kind !== 'quoted') throw fail(value, 'label value');
    at++;
    matchers.push(create(operator.text as MatchType, word.value, value.value));
    const next = peek();
    if (next.kind === ',') at++;
    else if (next.kind !== '}' && next.kind !== 'end') throw fail(next, hasOpen ? 'a comma or close brace' : 'a comma');
    else if (next.kind === 'end' && hasOpen) throw fail(next, 'a comma or close brace');
  }
  const close = peek();
  if (close.kind === '}') {
    if (!hasOpen) throw new MatcherError(`0:${close.to}: ${input.slice(0, close.to)}: expected opening brace`);
    at++;
    const rest = peek();
    if (rest.kind !== 'end') throw fail(rest, 'end of input');
  }
  return matchers;
}

function splitUtf8(input: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  // Columns count code points.
  const column = (offset: number): number => Array.from(input.slice(0, offset)).length;
  const push = (kind: Word['kind'], to: number, value?: string): void => {
    const text = input.slice(at, to);
    words.push({ kind, text, value: value ?? text, from: column(at), to: column(to) });
    at = to;
  };
  while (at < input.length) {
    const char = input[at] as string;
    if (/\s/.test(char)) {
      at++;
    } else if (char === '{' || char === '}' || char === ',') push(char, at + 1);
    else if (char === '=') push('operator', input[at + 1] === '~' ? at + 2 : at + 1);
    else if (char === '!') {
      const next = input[at + 1];
      if (next !== '=' && next !== '~')
        throw new MatcherError(`${column(at)}:${column(at + 1)}: !: expected one of '=~'`.replace('at', 'at'));
      push('operator', at + 2);
    } else if (char === '"') pushQuoted();
    else {
      let to = at;
      while (to < input.length && !reserved.test(input[to] as string)) to++;
      if (to === at) throw new MatcherError(`${column(at)}:${column(at + 1)}: ${char}: invalid input`);
      push('bare', to);
    }
  }
  push('end', at);
  return words;

  function pushQuoted(): void {
    let to = at + 1;
    while (to < input.length && input[to] !== '"') to += input[to] === '\\' ? 2 : 1;
    if (to >= input.length) throw new MatcherError(`${column(at)}:${column(input.length)}: ${input.slice(at)}: missing end "`);
    push('quoted', to + 1, unquote(input.slice(at, to + 1), column(at), column(to + 1)));
  }
}

function unquote(quoted: string, from: number, to: number): string {
  const escape = /\\(?:([abfnrtv\\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|\\|\n/g;
  const named: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', '\\': '\\', '"': '"' };
  const bad = new MatcherError(`${from}:${to}: ${quoted}: invalid input`);
  const bytes: Buffer[] = [];
  const body = quoted.slice(1, -1);
  let at = 0;
  for (const match of body.matchAll(escape)) {
    bytes.push(Buffer.from(body.slice(at, match.index)));
    at = match.index + match[0].length;
    const [whole, name, hex, octal, short, long] = match;
    const code = Number.parseInt(hex ?? octal ?? short ?? long ?? '', octal === undefined ? 16 : 8);
    if (name !== undefined) bytes.push(Buffer.from(named[name] as string));
    else if ((hex ?? octal) !== undefined && code < 256) bytes.push(Buffer.of(code));
    else if ((short ?? long) !== undefined && code <= 0x10ffff) bytes.push(Buffer.from(String.fromCodePoint(code)));
    else if (whole !== '') throw bad;
  }
  bytes.push(Buffer.from(body.slice(at)));
  const text = Buffer.concat(bytes).toString('utf8');
  if (text.includes('\ufffd') && !body.includes('\ufffd')) throw bad;
  return text;
}

/** Valid as a label's name in this mode. */
export function isValidName(name: string, mode: MatcherMode): boolean {
  return mode === 'classic' ? isLegacyName(name) : name !== '' && name.isWellFormed();
}
