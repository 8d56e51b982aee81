/** The words of the language and how error messages name them (promql.md §1, §12). */
import { quoteGo } from '@pronoia/model';

export type TokenKind =
  | 'eof'
  | 'identifier'
  | 'metricIdentifier'
  | 'string'
  | 'number'
  | 'duration'
  /** `( ) { } [ ] , : =` */
  | 'punctuation'
  /** Symbols and the words `and or unless atan2`. */
  | 'operator'
  | 'aggregator'
  /** `by without on ignoring group_left group_right bool offset anchored smoothed fill fill_left fill_right` */
  | 'keyword'
  /** `start end step range min_of max_of` */
  | 'preprocessor';

export interface Token {
  readonly kind: TokenKind;
  /** As written. */
  readonly text: string;
  /** Lower case for words of the language, else as written. */
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const words: readonly (readonly [TokenKind, string])[] = [
  ['operator', 'and or unless atan2'],
  ['aggregator', 'sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio'],
  ['keyword', 'offset smoothed anchored by without on ignoring group_left group_right bool fill fill_left fill_right'],
  ['preprocessor', 'start end step range min_of max_of'],
  ['number', 'inf nan'],
];

export const kindByWord: ReadonlyMap<string, TokenKind> = new Map(
  words.flatMap(([kind, list]) => list.split(' ').map((word): [string, TokenKind] => [word, kind])),
);

/** What an `unexpected …` message calls the token. */
export function describeToken(token: Token): string {
  const { kind, text } = token;
  switch (kind) {
    case 'eof':
      return 'end of input';
    case 'identifier':
      return `identifier ${quoteGo(text)}`;
    case 'metricIdentifier':
      return `metric identifier ${quoteGo(text)}`;
    case 'keyword':
      return `<${text}>`;
    case 'operator':
      return `<op:${text}>`;
    case 'aggregator':
      return `<aggr:${text}>`;
    case 'string':
    case 'number':
    case 'duration':
      return `${kind} ${shorten(text)}`;
    case 'punctuation':
    case 'preprocessor':
      return shorten(text);
  }
}

function shorten(text: string): string {
  return text.length > 10 ? `${quoteGo(Array.from(text).slice(0, 10).join(''))}...` : quoteGo(text);
}
