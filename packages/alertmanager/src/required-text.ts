/**
 * A text that every value must hold which a regular expression matches whole: the longest run of plain characters that stands outside
 * all groups. Reads RE2's syntax with caution: at whatever it does not know for certain it finds nothing.
 */
export function requiredText(pattern: string): string {
  let best = '';
  let run = '';
  const end = (): void => {
    if (run.length > best.length) best = run;
    run = '';
  };
  let at = 0;
  while (at < pattern.length) {
    const char = pattern[at] as string;
    switch (char) {
      case '|':
        // One of several: nothing is required of all.
        return '';
      case '(': {
        // Flags change what the rest means.
        if (pattern[at + 1] === '?' && pattern[at + 2] !== ':' && !pattern.startsWith('?P<', at + 1)) return '';
        end();
        const close = endOfGroup(pattern, at);
        if (close < 0) return '';
        at = close;
        break;
      }
      case '[': {
        end();
        const close = endOfClass(pattern, at);
        if (close < 0) return '';
        at = close;
        break;
      }
      case '*':
      case '?':
      case '{':
        // What is before may be absent.
        run = run.replace(/.$/su, '');
        end();
        if (char === '{') {
          const bounds = /^\{\d+(?:,\d*)?\}/.exec(pattern.slice(at));
          if (bounds === null) return '';
          at += bounds[0].length;
        } else at++;
        break;
      case '.':
      case '+':
      case '^':
      case '$':
        end();
        at++;
        break;
      case '\\': {
        const escaped = pattern[at + 1] ?? '';
        if (/^[!-/:-@[-`{-~]$/.test(escaped)) run += escaped;
        else if (/^[dDwWsSbBAz]$/.test(escaped)) end();
        else return '';
        at += 2;
        break;
      }
      default:
        run += char;
        at++;
    }
  }
  end();
  return best;
}

/** After the closing bracket; −1 when there is none. */
function endOfGroup(pattern: string, from: number): number {
  let depth = 0;
  for (let at = from; at < pattern.length; ) {
    const char = pattern[at] as string;
    if (char === '\\') {
      // A quotation may hold brackets.
      if (pattern[at + 1] === 'Q') return -1;
      at += 2;
    } else if (char === '[') {
      at = endOfClass(pattern, at);
      if (at < 0) return -1;
    } else {
      if (char === '(') depth++;
      if (char === ')') depth--;
      at++;
      if (depth === 0) return at;
    }
  }
  return -1;
}

function endOfClass(pattern: string, from: number): number {
  let at = from + 1;
  if (pattern[at] === '^') at++;
  // First of all, a closing bracket stands for itself.
  if (pattern[at] === ']') at++;
  while (at < pattern.length) {
    const char = pattern[at] as string;
    if (char === ']') return at + 1;
    if (char === '\\') at += 2;
    else if (pattern.startsWith('[:', at)) {
      const close = pattern.indexOf(':]', at);
      at = close < 0 ? at + 1 : close + 2;
    } else at++;
  }
  return -1;
}
