/** `storage` of prometheus.yml (prometheus-server.md §2.9): how late samples may come, and which are kept for how long. */
import { parseDuration } from '@pronoia/model';
import { parseSelector } from '@pronoia/promql';
import { optional, type Schema, schema } from '@pronoia/server';
import type { KeepRule } from '@pronoia/tsdb';
import { notImplemented } from './not-implemented.ts';

export interface StorageConfig {
  readonly tsdb?: {
    /** Milliseconds; 0: samples that are older than the newest of their series are refused. */
    readonly out_of_order_time_window?: number;
  };
  /** Not in the original: `{job="audit"} 2y` keeps these series for two years; the first that accepts a series counts. */
  readonly keep?: readonly string[];
}

/** Throws an Error with what is wrong. */
export function parseKeepRule(text: string): KeepRule {
  const [, selector, duration] = /^\s*(.+?)\s+(\S+)\s*$/.exec(text) ?? [];
  if (selector === undefined || duration === undefined) {
    throw new Error(`"${text}": a selector and a duration are expected, as in {job="audit"} 2y`);
  }
  const parsed = parseSelector(selector);
  if (parsed.kind === 'error') throw new Error(`"${selector}": ${parsed.errors[0]?.text ?? 'not a selector'}`);
  return { matchers: parsed.matchers, keepMs: parseDuration(duration) };
}

export const storageSchema: Schema<StorageConfig> = schema.object({
  tsdb: optional(
    schema.object({
      out_of_order_time_window: optional(schema.duration()),
      retention: notImplemented('retention by configuration (set it by --storage.tsdb.retention.time and --storage.tsdb.retention.size)'),
      stale_series_compaction_threshold: notImplemented('stale_series_compaction_threshold'),
      chunk_encoding: notImplemented('chunk_encoding'),
    }),
  ),
  keep: optional(
    schema.list(
      schema.refine(schema.string(), (text) => {
        parseKeepRule(text);
        return text;
      }),
    ),
  ),
  exemplars: notImplemented('storage.exemplars'),
});
