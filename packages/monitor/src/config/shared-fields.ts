/** The keys that `global` and every scrape job have in common; a job's own value wins. */
import { optional, schema, withDefault } from '@pronoia/server';
import { notImplemented, onlyDefault } from './not-implemented.ts';

export const scrapeProtocols = [
  'PrometheusProto',
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
] as const;
export type ScrapeProtocol = (typeof scrapeProtocols)[number];

export const escapingSchemes = ['allow-utf-8', 'underscores', 'dots', 'values'] as const;
export type EscapingScheme = (typeof escapingSchemes)[number];
export const validationSchemes = ['utf8', 'legacy'] as const;

export const defaultProtocols: readonly ScrapeProtocol[] = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
];

export const protocol = schema.custom((value): ScrapeProtocol => {
  if (!scrapeProtocols.includes(value as ScrapeProtocol)) {
    throw new Error(`unknown scrape protocol ${String(value)}, supported: [${scrapeProtocols.join(' ')}]`);
  }
  if (value === 'PrometheusProto')
    throw new Error('not implemented yet: scraping in the protobuf format (PrometheusProto); remove it from the list');
  return value as ScrapeProtocol;
});

export const protocolList = schema.refine(schema.list(protocol), (list) => {
  if (list.length === 0) throw new Error('scrape_protocols cannot be empty');
  const seen = new Set<string>();
  for (const name of list) {
    if (seen.has(name.toLowerCase())) throw new Error(`duplicated protocol in scrape_protocols, got [${list.join(' ')}]`);
    seen.add(name.toLowerCase());
  }
  return list;
});

const count = () => optional(schema.integer({ min: 0 }));

/** The seven limits, absent meaning "as in global". */
export const limitFields = {
  body_size_limit: optional(schema.bytes()),
  sample_limit: count(),
  target_limit: count(),
  label_limit: count(),
  label_name_length_limit: count(),
  label_value_length_limit: count(),
  keep_dropped_targets: count(),
};

/** Histogram and escaping keys that global and job share. */
export const formatFields = {
  metric_name_validation_scheme: optional(schema.oneOf(['', ...validationSchemes])),
  metric_name_escaping_scheme: optional(schema.oneOf(escapingSchemes)),
  scrape_native_histograms: withDefault(onlyDefault('native histograms in scrapes', false), false),
  convert_classic_histograms_to_nhcb: withDefault(onlyDefault('conversion of classic histograms', false), false),
  /** Classic histograms are always scraped here, so both values mean the same. */
  always_scrape_classic_histograms: optional(schema.boolean()),
  extra_scrape_metrics: optional(schema.boolean()),
  scrape_failure_log_file: notImplemented('scrape_failure_log_file'),
};
