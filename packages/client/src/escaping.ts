/**
 * What becomes of names outside the old alphabet when the scraper wants the old alphabet (Prometheus docs, "Escaping schemes").
 * `allow-utf-8` changes nothing; the names are quoted where they are written.
 */
import { isUnicodeName, validateLabelName, validateMetricName } from './validation.ts';

export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values';

/** The name as the scheme spells it. Metric names may hold colons, label names not. */
export function escapeName(name: string, scheme: EscapingScheme, isMetricName: boolean): string {
  const isPlain = (text: string) => (isMetricName ? validateMetricName(text) : validateLabelName([text]));
  if (scheme === 'allow-utf-8' || (scheme !== 'dots' && isPlain(name))) return name;
  const escaped = Array.from(name, (character, i) => {
    if (character === '_' && scheme !== 'underscores') return '__';
    if (character === '.' && scheme === 'dots') return '_dot_';
    // Digits are allowed, though not in front.
    if (isPlain(i === 0 ? character : `_${character}`)) return character;
    return scheme === 'values' ? `_${hex(character)}_` : scheme === 'dots' ? '__' : '_';
  });
  return (scheme === 'values' ? 'U__' : '') + escaped.join('');
}

function hex(character: string): string {
  return isUnicodeName(character) ? (character.codePointAt(0) as number).toString(16) : 'FFFD';
}
