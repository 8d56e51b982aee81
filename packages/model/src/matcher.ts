/**
 * A label matcher: `=`, `!=`, `=~`, `!~`. A missing label is the empty string. Regular expressions are RE2, anchored at both
 * ends, `.` matches newline (prometheus-server.md §1.4).
 */
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
