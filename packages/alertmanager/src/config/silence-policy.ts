/** `silence_policy`: what silences must be like, who may silence what, and silences that return. Not in the original. */
import { optional, required, type Schema, schema, withDefault } from '@pronoia/server';
import type { AlertMatcher } from '../matcher.ts';

export interface SilencePolicy {
  /** Fields that must not be empty: `comment`, `createdBy`, `annotations.<name>`. */
  readonly required: readonly string[];
  readonly max_duration?: number;
  /** createdBy is the user who asks. */
  readonly signed: boolean;
  /** The first entry that names the user decides; without entries everybody may everything. */
  readonly who: readonly Permission[];
  readonly recurring: readonly RecurringSilence[];
  /** So long before a silence ends that keeps alerts still, an alert says so. */
  readonly expiry_notice?: number;
}

export interface Permission {
  /** `*` is anybody, also who has no name. */
  readonly users: readonly string[];
  /** Silences must keep within these. */
  readonly matchers: readonly AlertMatcher[];
  readonly max_duration?: number;
}

export interface RecurringSilence {
  readonly name: string;
  readonly matchers: readonly AlertMatcher[];
  /** Names of intervals in which it is active. */
  readonly time_intervals: readonly string[];
  readonly comment: string;
}

export function silencePolicySchema(matchers: Schema<readonly AlertMatcher[]>): Schema<SilencePolicy> {
  const field = schema.refine(schema.string(), (name) => {
    if (name !== 'comment' && name !== 'createdBy' && !/^annotations\../.test(name))
      throw new Error(`${name} cannot be required; name comment, createdBy or annotations.<name>`);
    return name;
  });
  const someMatchers = schema.refine(matchers, (found) => {
    if (found.every((matcher) => matcher.isPositive && matcher.matchesValue('')))
      throw new Error('at least one matcher must not match the empty string');
    return found;
  });
  return schema.refine(
    schema.object({
      required: withDefault(schema.list(field), []),
      max_duration: optional(schema.duration()),
      signed: withDefault(schema.boolean(), false),
      who: withDefault(
        schema.list(
          schema.object({
            users: required(schema.list(schema.string())),
            matchers: withDefault(matchers, []),
            max_duration: optional(schema.duration()),
          }),
        ),
        [],
      ),
      recurring: withDefault(
        schema.list(
          schema.object({
            name: required(schema.string()),
            matchers: required(someMatchers),
            time_intervals: required(schema.list(schema.string())),
            comment: withDefault(schema.string(), ''),
          }),
        ),
        [],
      ),
      expiry_notice: optional(schema.duration()),
    }),
    (policy, report) => {
      policy.recurring.forEach(({ name }, i) => {
        if (policy.recurring.findIndex((other) => other.name === name) < i)
          report(['recurring', i, 'name'], `there is another recurring silence ${JSON.stringify(name)}`);
      });
      return policy;
    },
  );
}
