/**
 * Which regular expressions do not need a regular-expression engine. Most patterns in dashboards are lists of words
 * (`a|b|c`), words with holes (`node_.*`, `.*error.*`) or small products of them (`(get|put)_[0-9]`). Those become a set of
 * strings or a search for parts in order; anything else is left to RE2, with the literal prefix that all its matches have.
 *
 * A plan must accept exactly what RE2 accepts: whatever this reader does not know for certain it calls `general`.
 */
export type PatternPlan =
  | { readonly kind: 'literals'; readonly literals: readonly string[]; readonly prefix: string }
  | {
      readonly kind: 'wildcards';
      readonly matches: (value: string) => boolean;
      readonly prefix: string;
      /** Every value that matches begins with one of these. */
      readonly prefixes: readonly string[];
    }
  | { readonly kind: 'general'; readonly prefix: string };

/** One alternative: literals with holes between them. `holes[i]` lies after `literals[i]`: 0 for `.*`, 1 for `.+`. */
interface Alternative {
  readonly literals: readonly string[];
  readonly holes: readonly (0 | 1)[];
}

/** A list of words may be long, a product of groups may not: it grows with every group. */
const maxProduct = 256;
const maxWildcardAlternatives = 16;
/** Each hole copies all before it. */
const maxHoles = 32;

/** Words and nothing else: dashboards send thousands of them. */
const wordList = /^[^\\^$.?*+()[\]{}\ud800-\udfff]*$/;

export function planPattern(pattern: string): PatternPlan {
  if (wordList.test(pattern)) {
    const words = pattern.split('|');
    return { kind: 'literals', literals: [...new Set(words)], prefix: commonPrefix(words) };
  }
  const alternatives = new Reader(pattern).readAll();
  if (alternatives === undefined) return { kind: 'general', prefix: leadingLiteral(pattern) };
  const prefix = commonPrefix(alternatives.map(({ literals }) => literals[0] as string));
  const withHoles = alternatives.filter(({ holes }) => holes.length > 0);
  const words = alternatives.filter(({ holes }) => holes.length === 0).map(({ literals }) => literals[0] as string);
  if (withHoles.length === 0) return { kind: 'literals', literals: [...new Set(words)], prefix };
  if (withHoles.length > maxWildcardAlternatives) return { kind: 'general', prefix };
  const wordSet = new Set(words);
  return {
    kind: 'wildcards',
    matches: (value) => wordSet.has(value) || withHoles.some((alternative) => matchesAlternative(alternative, value)),
    prefix,
    prefixes: [...new Set(alternatives.map(({ literals }) => literals[0] as string))],
  };
}

/** First literal at the start, last at the end, the others leftmost in between: a hole takes any text, so leftmost never loses. */
function matchesAlternative({ literals, holes }: Alternative, value: string): boolean {
  const first = literals[0] as string;
  if (!value.startsWith(first)) return false;
  let at = first.length;
  const last = literals.length - 1;
  for (let i = 1; i < last; i++) {
    const literal = literals[i] as string;
    const from = at + (holes[i - 1] as number);
    const found = value.indexOf(literal, from);
    if (found < 0) return false;
    at = found + literal.length;
  }
  const tail = literals[last] as string;
  return value.length - tail.length >= at + (holes[last - 1] as number) && value.endsWith(tail);
}

const nothing: Alternative = { literals: [''], holes: [] };

/** Recursive descent over the part of RE2's syntax that has a plan; `undefined` = not for us. */
class Reader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  readAll(): Alternative[] | undefined {
    const alternatives = this.#readAlternation(0);
    return alternatives !== undefined && this.#at === this.#pattern.length ? alternatives : undefined;
  }

  #readAlternation(depth: number): Alternative[] | undefined {
    const all: Alternative[] = [];
    for (;;) {
      const branch = this.#readConcatenation(depth);
      if (branch === undefined) return undefined;
      for (const alternative of branch) all.push(alternative);
      if (this.#pattern[this.#at] !== '|') return all;
      this.#at++;
    }
  }

  #readConcatenation(depth: number): Alternative[] | undefined {
    const pattern = this.#pattern;
    // The whole is anchored anyway: at the very ends of an outermost branch `^` and `$` say nothing new.
    if (depth === 0 && pattern[this.#at] === '^') this.#at++;
    let branch: Alternative[] = [nothing];
    while (this.#at < pattern.length) {
      const char = pattern[this.#at] as string;
      if (char === '|' || (char === ')' && depth > 0)) break;
      if (char === '$' && depth === 0 && (this.#at + 1 === pattern.length || pattern[this.#at + 1] === '|')) {
        this.#at++;
        break;
      }
      const atom = this.#readAtom(char, depth);
      if (atom === undefined) return undefined;
      const next = this.#readRepetition(atom);
      if (next === undefined || (branch.length > 1 && branch.length * next.length > maxProduct)) return undefined;
      const joined: Alternative[] = [];
      for (const left of branch) {
        for (const right of next) {
          const both = join(left, right);
          if (both === undefined) return undefined;
          joined.push(both);
        }
      }
      branch = joined;
    }
    return branch;
  }

  #readAtom(char: string, depth: number): Alternative[] | undefined {
    const pattern = this.#pattern;
    if (char === '.') {
      const repeat = pattern[this.#at + 1];
      if (repeat !== '*' && repeat !== '+') return undefined;
      this.#at += 2;
      // Lazy or greedy is the same when the whole value must match.
      if (pattern[this.#at] === '?') this.#at++;
      const follows = pattern[this.#at];
      if (follows !== undefined && '*+?{'.includes(follows)) return undefined;
      return [{ literals: ['', ''], holes: [repeat === '*' ? 0 : 1] }];
    }
    if (char === '(') {
      this.#at++;
      if (pattern.startsWith('?:', this.#at)) this.#at += 2;
      else if (pattern[this.#at] === '?') return undefined;
      const inner = depth > 50 ? undefined : this.#readAlternation(depth + 1);
      if (inner === undefined || pattern[this.#at] !== ')') return undefined;
      this.#at++;
      return inner;
    }
    if (char === '[') return this.#readClass();
    return this.#readLiteral();
  }

  /** Literal characters up to the next special one; the last is left alone when a repetition follows it. */
  #readLiteral(): Alternative[] | undefined {
    const pattern = this.#pattern;
    let text = '';
    let last = '';
    let lastAt = this.#at;
    while (this.#at < pattern.length) {
      let char = pattern[this.#at] as string;
      let width = 1;
      if (char === '\\') {
        const escaped = pattern[this.#at + 1];
        if (escaped === undefined || !isEscapable(escaped)) return undefined;
        char = escaped;
        width = 2;
      } else if (isSpecial(char)) {
        break;
      } else {
        const code = pattern.codePointAt(this.#at) as number;
        // A half surrogate matches differently in an engine that reads code points.
        if (code >= 0xd800 && code <= 0xdfff) return undefined;
        char = String.fromCodePoint(code);
        width = char.length;
      }
      text += last;
      last = char;
      lastAt = this.#at;
      this.#at += width;
    }
    if (last === '') return undefined;
    const follows = pattern[this.#at];
    if (follows !== undefined && '*+?{'.includes(follows) && text !== '') {
      this.#at = lastAt;
      return [{ literals: [text], holes: [] }];
    }
    return [{ literals: [text + last], holes: [] }];
  }

  /** `[a-c9]`: ASCII letters and digits, `_`, `-` at an end, `.` and a few others; no negation, no named classes. */
  #readClass(): Alternative[] | undefined {
    const end = this.#pattern.indexOf(']', this.#at + 2);
    const body = this.#pattern.slice(this.#at + 1, end);
    if (end < 0 || !/^(?:[a-zA-Z0-9_.:/ ](?:-[a-zA-Z0-9])?)+$/.test(body)) return undefined;
    this.#at = end + 1;
    const chars = new Set<string>();
    for (const [, from, to] of body.matchAll(/(.)(?:-(.))?/g)) {
      const first = (from as string).charCodeAt(0);
      const last = to === undefined ? first : to.charCodeAt(0);
      if (last < first) return undefined;
      for (let code = first; code <= last; code++) chars.add(String.fromCharCode(code));
    }
    return [...chars].map((char) => ({ literals: [char], holes: [] }));
  }

  #readRepetition(atom: Alternative[]): Alternative[] | undefined {
    const char = this.#pattern[this.#at];
    if (char === '*' || char === '+' || char === '{') return undefined;
    if (char !== '?') return atom;
    this.#at++;
    if (this.#pattern[this.#at] === '?') this.#at++;
    const follows = this.#pattern[this.#at];
    return follows !== undefined && '*+?{'.includes(follows) ? undefined : [...atom, nothing];
  }
}

/** `undefined`: two holes that need a character each stand side by side, and characters are not what strings are indexed by. */
function join(left: Alternative, right: Alternative): Alternative | undefined {
  if (left.holes.length > maxHoles) return undefined;
  const seam = (left.literals.at(-1) as string) + (right.literals[0] as string);
  const leftHole = left.holes.at(-1);
  const rightHole = right.holes[0];
  if (seam !== '' || leftHole === undefined || rightHole === undefined) {
    return { literals: [...left.literals.slice(0, -1), seam, ...right.literals.slice(1)], holes: [...left.holes, ...right.holes] };
  }
  if (leftHole + rightHole > 1) return undefined;
  return {
    literals: [...left.literals.slice(0, -1), ...right.literals.slice(1)],
    holes: [...left.holes.slice(0, -1), leftHole === 1 || rightHole === 1 ? 1 : 0, ...right.holes.slice(1)],
  };
}

function isSpecial(char: string): boolean {
  return '\\^$.|?*+()[]{}'.includes(char);
}

/** After a backslash RE2 takes any ASCII punctuation for itself. */
function isEscapable(char: string): boolean {
  return /^[!-/:-@[-`{-~]$/.test(char);
}

/** The literal start of a pattern without outermost alternatives. */
function leadingLiteral(pattern: string): string {
  if (pattern.includes('|') && hasOuterAlternative(pattern)) return '';
  let prefix = '';
  for (const char of pattern) {
    if (isSpecial(char)) {
      // What a repetition follows may be absent.
      return '*+?{'.includes(char) ? prefix.replace(/.$/su, '') : prefix;
    }
    prefix += char;
  }
  return prefix;
}

/** Errs on the side of yes. */
function hasOuterAlternative(pattern: string): boolean {
  let depth = 0;
  for (const char of pattern) {
    if (char === '\\' || char === '[') return true;
    if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === '|' && depth <= 0) return true;
  }
  return false;
}

function commonPrefix(words: readonly string[]): string {
  let prefix = words[0] as string;
  for (const word of words) {
    if (prefix === '') return '';
    let length = 0;
    while (length < prefix.length && length < word.length && prefix[length] === word[length]) length++;
    prefix = prefix.slice(0, length);
  }
  // Two characters outside the first plane may share half a surrogate pair: that half is no prefix of text.
  return /[\ud800-\udbff]$/.test(prefix) ? prefix.slice(0, -1) : prefix;
}
