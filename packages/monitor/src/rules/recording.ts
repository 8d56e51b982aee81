/** A recording rule: the value of an expression under a new name (prometheus-server.md §7.3). */
import { Labels } from '@pronoia/model';
import type { RecordingRuleConfig } from './file.ts';
import { neverEvaluated, type RuleHealth, type RuleQuery, type RuleSample, samplesOf } from './rule.ts';

export class RecordingRule {
  readonly kind = 'recording';
  readonly config: RecordingRuleConfig;
  health: RuleHealth = neverEvaluated;
  /** The series of the last evaluation, by key. */
  written = new Map<string, Labels>();

  constructor(config: RecordingRuleConfig) {
    this.config = config;
  }

  get name(): string {
    return this.config.record;
  }

  /** The series to write at `queryMs`. Throws when the answer cannot be written; then nothing of it is. */
  async evaluate(query: RuleQuery, queryMs: number, limit: number): Promise<RuleSample[]> {
    const samples = samplesOf(await query(this.config.expr, queryMs));
    const keys = new Set<string>();
    const results = samples.map(({ labels, value, histogram }): RuleSample => {
      const own = this.#label(labels);
      keys.add(own.key());
      // Computed counts are floats, even where they happen to be whole.
      return { labels: own, value: histogram === undefined ? value : { ...histogram, isInteger: false } };
    });
    if (keys.size < results.length) throw new Error('vector contains metrics with the same labelset after applying rule labels');
    if (limit > 0 && results.length > limit) throw new Error(`exceeded limit of ${limit} with ${results.length} series`);
    return results;
  }

  #label(labels: Labels): Labels {
    return Labels.from({ ...labels.toObject(), __name__: this.config.record, ...this.config.labels });
  }
}
