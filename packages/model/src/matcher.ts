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
  matches(value: string): boolean;
  /** For `=~`/`!~` whose pattern is a finite set of literals (`a|b|c`): that set. For `=`/`!=`: the value alone. Otherwise undefined. */
  readonly literals: readonly string[] | undefined;
  /** A literal prefix that every match of the pattern must have; '' when none is known. */
  readonly prefix: string;
  /** PromQL form: `name=~"value"`. */
  toString(): string;
}

/** A regular expression that RE2 does not take. The message is Go's: ``error parsing regexp: missing closing ): `(a` ``. */
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

function compile(pattern: string, plan: PatternPlan): (value: string) => boolean {
  switch (plan.kind) {
    case 'literals': {
      const set = new Set(plan.literals);
      return (value) => set.has(value);
    }
    case 'wildcards':
      return (value) => plan.matches(value);
    case 'general': {
      const regex = compileRegex(pattern);
      const results = new Map<string, boolean>();
      const { prefix } = plan;
      return (value) => {
        if (!value.startsWith(prefix)) return false;
        let result = results.get(value);
        if (result === undefined) {
          result = regex.testExact(value);
          if (results.size >= rememberedResults) results.clear();
          results.set(value, result);
        }
        return result;
      };
    }
  }
}

function compileRegex(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, RE2JS.DOTALL);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // re2js shows the flag as if the user had written it.
    throw new PatternError(message.replace('`(?s)', '`'), { cause });
  }
}
