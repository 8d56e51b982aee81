/** What the rules tell about themselves (prometheus-server.md §12). `rule_group` is `file;name`. */
import { Counter, Gauge, type Registry, Summary } from '@pronoia/client';

export interface RuleMetrics {
  readonly evaluationDuration: Summary;
  readonly groupDuration: Summary;
  readonly evaluations: Counter<'rule_group'>;
  readonly failures: Counter<'rule_group'>;
  readonly iterations: Counter<'rule_group'>;
  readonly iterationsMissed: Counter<'rule_group'>;
  readonly interval: Gauge<'rule_group'>;
  readonly lastEvaluation: Gauge<'rule_group'>;
  readonly lastDuration: Gauge<'rule_group'>;
  readonly rules: Gauge<'rule_group'>;
  readonly lastSamples: Gauge<'rule_group'>;
}

export function createRuleMetrics(registry: Registry): RuleMetrics {
  const registers = [registry];
  const labelNames = ['rule_group'] as const;
  const counter = (name: string, help: string) => new Counter({ name: `prometheus_rule_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: `prometheus_rule_${name}`, help, labelNames, registers });
  const summary = (name: string, help: string, percentiles: number[]) =>
    new Summary({ name: `prometheus_rule_${name}`, help, percentiles, registers });
  return {
    evaluationDuration: summary('evaluation_duration_seconds', 'Time to evaluate one rule.', [0.5, 0.9, 0.99]),
    groupDuration: summary('group_duration_seconds', 'Time to evaluate a whole group.', [0.01, 0.05, 0.5, 0.9, 0.99]),
    evaluations: counter('evaluations_total', 'Rules evaluated.'),
    failures: counter('evaluation_failures_total', 'Rules whose evaluation failed.'),
    iterations: counter('group_iterations_total', 'Times that a group was due.'),
    iterationsMissed: counter('group_iterations_missed_total', 'Times that a group was due while it was still being evaluated.'),
    interval: gauge('group_interval_seconds', 'Time between two evaluations of a group.'),
    lastEvaluation: gauge('group_last_evaluation_timestamp_seconds', 'When a group was evaluated last.'),
    lastDuration: gauge('group_last_duration_seconds', 'How long the last evaluation of a group took.'),
    rules: gauge('group_rules', 'Rules in a group.'),
    lastSamples: gauge('group_last_evaluation_samples', 'Samples that the last evaluation of a group wrote.'),
  };
}
