/**
 * What becomes of names outside the old alphabet when the scraper wants the old alphabet (Prometheus docs, "Escaping schemes").
 * `allow-utf-8` changes nothing; the names are quoted where they are written.
 */

export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

/** The name as the scheme spells it. Metric names may hold colons, label names not. */
export function escapeName(name: string, scheme: EscapingScheme, isMetricName: boolean): string {
  const isPlain = (isMetricName ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/ : /^[a-zA-Z_][a-zA-Z0-9_]*$/).test(name);
  if (scheme === 'allow-utf-8' || (isPlain && scheme !== 'dots')) return name;
  let escaped = scheme === 'values' ? 'U__' : '';
  let isFirst = true;
  for (const character of name) {
    const isAllowed = /[a-zA-Z_]/.test(character) || (isMetricName && character === ':') || (!isFirst && /[0-9]/.test(character));
    isFirst = false;
    switch (scheme) {
      case 'underscores':
        escaped += isAllowed ? character : '_';
        break;
      case 'dots':
        escaped += character === '_' ? '__' : character === '.' ? '_dot_' : isAllowed ? character : '__';
        break;
      case 'values':
        escaped += character === '_' ? '__' : isAllowed ? character : `_${hex(character)}_`;
        break;
    }
  }
  return escaped;
}

function hex(character: string): string {
  return /\p{Surrogate}/u.test(character) ? 'FFFD' : (character.codePointAt(0) as number).toString(16);
}
