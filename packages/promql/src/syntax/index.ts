/** The language without the engine: what a page or an editor needs, and nothing that cannot run in a browser. */
export type { Expr, Span, ValueType } from './ast.ts';
export { astToJson } from './ast-json.ts';
export { type ParseError, type ParseResult, parseExpr, parseSelector, type SelectorResult } from './parse.ts';
export type { ParseOptions } from './parse-options.ts';
export { prettyExpr, printExpr } from './print.ts';
