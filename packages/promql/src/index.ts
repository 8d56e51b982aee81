export { Engine, type EngineOptions, type EvaluatorKind, type Feature, type QueryOptions } from './engine.ts';
export { QueryError, type QueryErrorType, queryErrorStatus } from './query-error.ts';
export { QueryMetrics } from './query-metrics.ts';
export type { Expr, Span, ValueType } from './syntax/ast.ts';
export { astToJson } from './syntax/ast-json.ts';
export { type ParseError, type ParseOptions, type ParseResult, parseExpr, parseSelector, type SelectorResult } from './syntax/parse.ts';
export { prettyExpr, printExpr } from './syntax/print.ts';
export { type ApiBucket, apiBuckets } from './value/histogram-text.ts';
export type { MatrixSeries, QueryResult, QueryStats, QueryValue, VectorSample } from './value/query-result.ts';
