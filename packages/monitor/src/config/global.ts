/** The `global` section: defaults for every job and rule group (prometheus-server.md §2.2). */
import { isValidLabelName, type NameValidation } from '@pronoia/model';
import { type ObjectOf, optional, schema, withDefault } from '@pronoia/server';
import { notImplemented } from './not-implemented.ts';
import { type EscapingScheme, formatFields, limitFields, protocolList, type ScrapeProtocol } from './shared-fields.ts';

const minuteMs = 60_000;

const fields = {
  scrape_interval: withDefault(schema.duration(), minuteMs),
  scrape_timeout: optional(schema.duration()),
  evaluation_interval: withDefault(schema.duration(), minuteMs),
  rule_query_offset: withDefault(schema.duration(), 0),
  external_labels: withDefault(schema.map(schema.string()), {}),
  scrape_protocols: optional(protocolList),
  ...limitFields,
  ...formatFields,
  query_log_file: notImplemented('query_log_file'),
};

/** Durations in ms, 0 = no limit. */
export interface GlobalConfig {
  readonly scrape_interval: number;
  readonly scrape_timeout: number;
  readonly evaluation_interval: number;
  readonly rule_query_offset: number;
  readonly external_labels: Readonly<Record<string, string>>;
  readonly scrape_protocols?: readonly ScrapeProtocol[];
  readonly body_size_limit: number;
  readonly sample_limit: number;
  readonly target_limit: number;
  readonly label_limit: number;
  readonly label_name_length_limit: number;
  readonly label_value_length_limit: number;
  readonly keep_dropped_targets: number;
  readonly metric_name_validation_scheme: NameValidation;
  readonly metric_name_escaping_scheme: EscapingScheme;
  readonly extra_scrape_metrics: boolean;
}

/** @param env what `${NAME}` in external label values is replaced from. */
export function globalSchema(env: Readonly<Record<string, string | undefined>>) {
  return schema.refine(schema.object(fields), (written, report): GlobalConfig => {
    const interval = written.scrape_interval || minuteMs;
    if (written.scrape_timeout !== undefined && written.scrape_timeout > interval) {
      report(['scrape_timeout'], 'global scrape timeout greater than scrape interval; shorten the timeout or lengthen the interval');
    }
    const validation = written.metric_name_validation_scheme || 'utf8';
    for (const name of Object.keys(written.external_labels)) {
      if (!isValidLabelName(name, validation)) report(['external_labels', name], `"${name}" is not a valid label name`);
    }
    return completeGlobal(written, interval, validation, env);
  });
}

function completeGlobal(
  written: ObjectOf<typeof fields>,
  interval: number,
  validation: NameValidation,
  env: Readonly<Record<string, string | undefined>>,
): GlobalConfig {
  const external = Object.entries(written.external_labels).map(([name, value]) => [name, expandEnvironment(value, env)] as const);
  return {
    scrape_interval: interval,
    scrape_timeout: written.scrape_timeout || Math.min(10_000, interval),
    evaluation_interval: written.evaluation_interval || minuteMs,
    rule_query_offset: written.rule_query_offset,
    external_labels: Object.fromEntries(external.filter(([, value]) => value !== '')),
    ...(written.scrape_protocols === undefined ? {} : { scrape_protocols: written.scrape_protocols }),
    body_size_limit: written.body_size_limit ?? 0,
    sample_limit: written.sample_limit ?? 0,
    target_limit: written.target_limit ?? 0,
    label_limit: written.label_limit ?? 0,
    label_name_length_limit: written.label_name_length_limit ?? 0,
    label_value_length_limit: written.label_value_length_limit ?? 0,
    keep_dropped_targets: written.keep_dropped_targets ?? 0,
    metric_name_validation_scheme: validation,
    metric_name_escaping_scheme: written.metric_name_escaping_scheme ?? (validation === 'legacy' ? 'underscores' : 'allow-utf-8'),
    extra_scrape_metrics: written.extra_scrape_metrics ?? false,
  };
}

/** `$NAME` and `${NAME}` from the environment, unset is empty; `$$` is a dollar sign. */
function expandEnvironment(value: string, env: Readonly<Record<string, string | undefined>>): string {
  return value.replace(/\$(?:(\$)|\{([^}]*)\}|(\w+))/g, (_, dollar, braced, plain) =>
    dollar === undefined ? (env[(braced ?? plain) as string] ?? '') : '$',
  );
}
