/**
 * Text in double quotes with Go's escapes, as error messages, matchers and expressions are printed (Go strconv.Quote).
 */
const named: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** What Go's unicode.IsPrint accepts: letters, marks, numbers, punctuation, symbols, and the ASCII space. */
const needsEscape = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

export function quoteGo(text: string): string {
  return `"${text.replace(needsEscape, escapeRune)}"`;
}

function escapeRune(rune: string): string {
  const short = named[rune];
  if (short !== undefined) return short;
  const code = rune.codePointAt(0) as number;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  // A half surrogate has no UTF-8 form; Go would see the replacement character.
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}
