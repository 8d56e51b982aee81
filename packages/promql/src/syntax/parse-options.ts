/** Parts of the language that are asked for by feature flags (promql.md §0). */
export interface ParseOptions {
  /** `promql-experimental-functions` */
  readonly experimentalFunctions?: boolean;
  /** `promql-extended-range-selectors` */
  readonly extendedRangeSelectors?: boolean;
  /** `promql-binop-fill-modifiers` */
  readonly binopFillModifiers?: boolean;
}
