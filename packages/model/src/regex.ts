/** Unanchored RE2 patterns as Go's templates use them: `match`, `reReplaceAll`. */
import { RE2JS } from 're2js';
import { expandTemplate } from './relabel.ts';

/** Whether the pattern matches anywhere in the text. Throws on a pattern that is not RE2. */
export function matchesAnywhere(pattern: string, text: string): boolean {
  return RE2JS.compile(pattern).matcher(text).find();
}

/** Go's `Regexp.ReplaceAllString`: every match, left to right, becomes the expanded template. Throws on a pattern that is not RE2. */
export function replaceAllMatches(pattern: string, template: string, text: string): string {
  const regex = RE2JS.compile(pattern);
  const names = regex.namedGroups();
  const matcher = regex.matcher(text);
  let result = '';
  let copied = 0;
  while (matcher.find()) {
    const start = matcher.start();
    const end = matcher.end();
    // An empty match right after another one is none (Go regexp.replaceAll).
    if (end === copied && start > 0 && start === end) continue;
    result += text.slice(copied, start);
    result += expandTemplate(template, (group) => {
      const index = /^(?:0|[1-9]\d{0,7})$/.test(group) ? Number(group) : names[group];
      return index === undefined || index > matcher.groupCount() ? '' : (matcher.group(index) ?? '');
    });
    copied = end;
  }
  return result + text.slice(copied);
}
