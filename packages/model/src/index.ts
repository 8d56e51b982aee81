export { DurationError, formatDuration, parseDuration } from './duration.ts';
export { ExpositionError, type ExpositionSink, type MetricType, type SampleLine } from './exposition.ts';
export { formatExponentFloat, formatFloat, formatGoFloat, formatOpenMetricsFloat } from './float-text.ts';
export {
  escapeHtml,
  GoFunction,
  type GoType,
  goFunction,
  goMethod,
  goSprint,
  goSprintf,
  marshalGoJson,
  parseTemplate,
  queryEscape,
  safeHtmlType,
  safeUrlType,
  stringList,
  stringMap,
  type Template,
  TemplateExecError,
  type TemplateOptions,
  TemplateParseError,
  TemplateSet,
  Typed,
} from './gotemplate/index.ts';
export type { FloatHistogram, Span } from './histogram.ts';
export { compareBytes, isLegacyName, Labels } from './labels.ts';
export { createMatcher, type Matcher, type MatchType, PatternError } from './matcher.ts';
export { type OpenMetricsOptions, parseOpenMetrics } from './openmetrics.ts';
export { quoteGo } from './quote.ts';
export { matchesAnywhere, replaceAllMatches } from './regex.ts';
export {
  createRelabelRule,
  expandTemplate,
  isValidLabelName,
  type NameValidation,
  type RelabelAction,
  RelabelError,
  type RelabelOptions,
  type RelabelRule,
  relabel,
} from './relabel.ts';
export {
  type Appendable,
  type Appender,
  type AppendOptions,
  type Exemplar,
  type Querier,
  type Queryable,
  type Rejection,
  SampleBatch,
  type SampleReader,
  type SelectHints,
  type Series,
  type SeriesRef,
  type SeriesSet,
} from './storage.ts';
export { parseTextFormat } from './text-format.ts';
