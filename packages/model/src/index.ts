export { type BulkReader, type ColumnDecoder, type FloatColumns, pieceFields, StagedChunks } from './bulk.ts';
export { DurationError, formatDuration, parseDuration } from './duration.ts';
export { ExpositionError, type ExpositionSink, type MetricType, type SampleLine } from './exposition.ts';
export { formatExponentFloat, formatFloat, formatGoFloat, formatOpenMetricsFloat } from './float-text.ts';
export {
  durationType,
  escapeHtml,
  fixedZone,
  formatGoDuration,
  formatTime,
  GoFunction,
  type GoType,
  goDuration,
  goFunction,
  goMethod,
  goSprint,
  goSprintf,
  goTime,
  loadZone,
  type Moment,
  marshalGoJson,
  momentOf,
  parseTemplate,
  parseTime,
  queryEscape,
  rfc3339,
  rfc3339Nano,
  safeHtmlType,
  safeUrlType,
  stringList,
  stringMap,
  subtractTimes,
  type Template,
  TemplateExecError,
  type TemplateOptions,
  TemplateParseError,
  TemplateSet,
  Typed,
  timeType,
  utcZone,
  type Zone,
  zeroTimeMs,
} from './gotemplate/index.ts';
export type { FloatHistogram, Span } from './histogram.ts';
export { compareBytes, isLegacyName, Labels } from './labels.ts';
export { createMatcher, type Matcher, type MatchType, PatternError } from './matcher.ts';
export { type OpenMetricsOptions, openMetricsSlices, parseOpenMetrics } from './openmetrics.ts';
export { type PatternPlan, planPattern } from './pattern.ts';
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
export { parseTextFormat, textFormatSlices } from './text-format.ts';
