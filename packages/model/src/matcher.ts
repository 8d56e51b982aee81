/**
 * A label matcher: `=`, `!=`, `=~`, `!~`. A missing label is the empty string. Regular expressions are RE2, anchored at both
 * ends, `.` matches newline (prometheus-server.md §1.4).
 */
import { RE2JS } from 're2js';
import { isLegacyName } from './labels.ts';
import { type PatternPlan, planPattern } from './pattern.ts';
import { quoteGo } from './quote.ts';

export type MatchType = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  readonly type: MatchType;
  readonly name: string;
  readonly value: string;
  /** Throws PatternError when a regular expression has taken too long for too many values. */
  matches(value: string): boolean;
  /** For `=~`/`!~` whose pattern is a finite set of literals (`a|b|c`): that set. For `=`/`!=`: the value alone. Otherwise undefined. */
  readonly literals: readonly string[] | undefined;
  /** A literal prefix that every match of the pattern must have; '' when none is known. */
  readonly prefix: string;
  /** PromQL form: `name=~"value"`. */
  toString(): string;
}

/** A regular expression that RE2 does not take, in Go's words (``error parsing regexp: missing closing ): `(a` ``), or that takes too long. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** Throws PatternError when `value` is not a regular expression of RE2 and the type needs one. */
export function createMatcher(type: MatchType, name: string, value: string): Matcher {
  return type === '=' || type === '!=' ? new ExactMatcher(type, name, value) : new PatternMatcher(type, name, value);
}

function print(matcher: Matcher): string {
  const name = isLegacyName(matcher.name) ? matcher.name : quoteGo(matcher.name);
  return `${name}${matcher.type}${quoteGo(matcher.value)}`;
}

class ExactMatcher implements Matcher {
  readonly type: MatchType;
  readonly name: string;
  readonly value: string;
  readonly literals: readonly string[];
  readonly prefix: string;

  constructor(type: MatchType, name: string, value: string) {
    this.type = type;
    this.name = name;
    this.value = value;
    this.literals = [value];
    this.prefix = value;
  }

  matches(value: string): boolean {
    return (value === this.value) === (this.type === '=');
  }

  toString(): string {
    return print(this);
  }
}

class PatternMatcher implements Matcher {
  readonly type: MatchType;
  readonly name: string;
  readonly value: string;
  readonly literals: readonly string[] | undefined;
  readonly prefix: string;
  readonly #accepts: (value: string) => boolean;
  readonly #wanted: boolean;

  constructor(type: MatchType, name: string, value: string) {
    this.type = type;
    this.name = name;
    this.value = value;
    this.#wanted = type === '=~';
    const plan = planPattern(value);
    this.literals = plan.kind === 'literals' ? plan.literals : undefined;
    this.prefix = plan.prefix;
    this.#accepts = compile(value, plan);
  }

  matches(value: string): boolean {
    return this.#accepts(value) === this.#wanted;
  }

  toString(): string {
    return print(this);
  }
}

/** RE2 in JavaScript costs 0.5–2 µs a value, and the same values are asked again by every query: remember this many. */
const rememberedResults = 4096;

/**
 * RE2 is linear, but the factor may be thousands: `.*a.{500}` needs milliseconds for one value. So much time in one go and no more, because
 * nobody else has a turn meanwhile; who comes again after a while has it anew.
 */
const maxSpentMs = 1000;
const recoveredShare = 0.1;

function compile(pattern: string, plan: PatternPlan): (value: string) => boolean {
  switch (plan.kind) {
    case 'literals': {
      const set = new Set(plan.literals);
      return (value) => set.has(value);
    }
    case 'wildcards':
      return (value) => plan.matches(value);
    case 'general': {
      // Compiled in any case: it is what says whether the pattern is RE2.
      const regex = compileRegex(pattern);
      const quick = quickRegex(pattern);
      const results = new Map<string, boolean>();
      const { prefix } = plan;
      let spentMs = 0;
      let lastMs = performance.now();
      const spend = (startedMs: number): void => {
        const idleMs = startedMs - lastMs;
        lastMs = performance.now();
        spentMs = Math.max(0, spentMs - idleMs * recoveredShare) + lastMs - startedMs;
        if (spentMs > maxSpentMs) throw new PatternError(`regular expression ${quoteGo(pattern)} takes too long; make it simpler`);
      };
      return (value) => {
        if (!value.startsWith(prefix)) return false;
        if (quick !== undefined && value.length <= maxQuickLength) return quick.test(value);
        let result = results.get(value);
        if (result === undefined) {
          const startedMs = performance.now();
          result = regex.testExact(value);
          spend(startedMs);
          if (results.size >= rememberedResults) results.clear();
          results.set(value, result);
        }
        return result;
      };
    }
  }
}

/** JavaScript's engine goes back and tries again: on values of this length, at most a few thousand times. */
const maxQuickLength = 200;
const maxOptional = 6;
const maxRepeated = 2;
/** A character, any, a plain class or a list of plain words; each with at most one of `?*+`. What means the same in both languages. */
const quickToken =
  /(?:[a-zA-Z0-9_:/ %=@,;<>&~"'!#-]|\\[.+*?()[\]{}|^$/\\dw]|\.|\[\^?(?:[a-zA-Z0-9_.:/ ](?:-[a-zA-Z0-9])?)+-?\]|\((?:\?:)?[a-zA-Z0-9_:/ |-]+\)|\|)(?:([?*+])\??)?/y;

/**
 * The same pattern for JavaScript's engine, which needs 30 ns where RE2 in JavaScript needs 500; undefined unless it is of the simple
 * kind that both read alike and that cannot make it search for long.
 */
function quickRegex(pattern: string): RegExp | undefined {
  let optional = 0;
  let repeated = 0;
  for (let at = 0; at < pattern.length; at = quickToken.lastIndex) {
    quickToken.lastIndex = at;
    const token = quickToken.exec(pattern);
    if (token === null || /^\(.*\)[?*+]/.test(token[0])) return undefined;
    if (token[1] === '?') optional++;
    else if (token[1] !== undefined) repeated++;
    if (optional > maxOptional || repeated > maxRepeated) return undefined;
  }
  return new RegExp(`^(?:${pattern})$`, 'su');
}

/** As deep as Go's regular expressions nest. */
const maxGroupDepth = 1000;

/** Found by counting, because the compiler needs seconds for what it then refuses. Classes and escapes do not open groups. */
function nestsTooDeeply(pattern: string): boolean {
  if (pattern.length <= maxGroupDepth) return false;
  let depth = 0;
  for (const [token] of pattern.matchAll(/\\.|\[\]?[^\]]*\]|[()]/gs)) {
    if (token === '(' && ++depth > maxGroupDepth) return true;
    if (token === ')') depth--;
  }
  return false;
}

/** Longer ones that are no lists of words would hold everything up while they are compiled and at every value. */
const maxPatternLength = 32 * 1024;

function compileRegex(pattern: string): RE2JS {
  if (nestsTooDeeply(pattern)) throw new PatternError('error parsing regexp: expression nests too deeply');
  if (pattern.length > maxPatternLength) {
    throw new PatternError(
      `error parsing regexp: ${pattern.length} characters that are no list of words are too many; the limit is ${maxPatternLength}`,
    );
  }
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // re2js shows the flag as if the user had written it.
    throw new PatternError(message.replace('`(?s)', '`'), { cause });
  }
}
