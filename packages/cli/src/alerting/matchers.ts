/** Matchers and labels as words of the command line: the first may be an alert's name alone. */
import { AlertMatcher, MatcherError, parseMatcher } from '@pronoia/alertmanager';
import { UserError } from '../user-error.ts';

export function matcherWords(words: readonly string[]): AlertMatcher[] {
  return words.map((word, i) => {
    try {
      return parseMatcher(word);
    } catch (error) {
      if (i === 0) return new AlertMatcher('=', 'alertname', word);
      throw error instanceof MatcherError ? new UserError(error.message) : error;
    }
  });
}

/** As the API takes them. */
export function filters(words: readonly string[]): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const matcher of matcherWords(words)) parameters.append('filter', String(matcher));
  return parameters;
}

/** `name=value` each. */
export function labelWords(words: readonly string[], isFirstName = false): Record<string, string> {
  const matchers = isFirstName ? matcherWords(words) : words.map(parse);
  return Object.fromEntries(
    matchers.map((matcher) => {
      if (matcher.type !== '=') throw new UserError(`${String(matcher)}: write name=value`);
      return [matcher.name, matcher.value];
    }),
  );
}

function parse(word: string): AlertMatcher {
  try {
    return parseMatcher(word);
  } catch (error) {
    throw error instanceof MatcherError ? new UserError(error.message) : error;
  }
}
