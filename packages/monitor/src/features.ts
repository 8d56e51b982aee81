/** `--enable-feature`: what a user can switch on (prometheus-server.md §11.2). */
import type { Feature, ParseOptions } from '@pronoia/promql';

const queryFeatures: readonly Feature[] = [
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
  'promql-delayed-name-removal',
  'promql-per-step-stats',
];

const exemplarStorage = 'exemplar-storage';

export interface Features {
  /** Those of the query engine. */
  readonly query: readonly Feature[];
  /** The language of rules and of the API's parsers, by the same names. */
  readonly parse: ParseOptions;
  readonly storesExemplars: boolean;
  /** Asked for, but not known or not there yet: told at the start, and without effect. */
  readonly unknown: readonly string[];
}

/** @param lists each a name, or names with commas between them. */
export function readFeatures(lists: readonly string[]): Features {
  const names = new Set(lists.flatMap((list) => list.split(',')));
  const known = new Set<string>([...queryFeatures, exemplarStorage]);
  return {
    query: queryFeatures.filter((name) => names.has(name)),
    parse: {
      experimentalFunctions: names.has('promql-experimental-functions'),
      extendedRangeSelectors: names.has('promql-extended-range-selectors'),
      binopFillModifiers: names.has('promql-binop-fill-modifiers'),
    },
    storesExemplars: names.has(exemplarStorage),
    unknown: [...names].filter((name) => !known.has(name)),
  };
}
