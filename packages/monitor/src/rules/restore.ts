/**
 * After a restart: alerts that were pending or firing go on from where they were, from what the last process wrote about them
 * (`ALERTS_FOR_STATE`, prometheus-server.md §7.5). The time that we were down counts for nothing, neither for nor against an alert.
 */
import { createMatcher, type Labels, type Queryable, SampleBatch } from '@pronoia/model';
import type { AlertingRule } from './alerting.ts';

export interface RestoreSettings {
  /** How far back a state is looked for. */
  readonly outageToleranceMs: number;
  /** A restored alert is pending for at least so long; rules with a shorter `for` start anew. */
  readonly gracePeriodMs: number;
}

export async function restoreForState(rule: AlertingRule, queryable: Queryable, nowMs: number, settings: RestoreSettings): Promise<void> {
  if (rule.config.forMs < settings.gracePeriodMs || rule.alertByKey.size === 0) return;
  const stateByKey = await readStates(rule, queryable, nowMs, settings.outageToleranceMs);
  for (const alert of rule.alertByKey.values()) {
    const state = stateByKey.get(alert.labels.key());
    if (state !== undefined) alert.activeAtMs = restoredActiveAt(state, rule.config.forMs, nowMs, settings.gracePeriodMs);
  }
}

export interface SavedState {
  /** Time of the last sample: when the last process was surely up. */
  readonly downAtMs: number;
  readonly activeAtMs: number;
}

export function restoredActiveAt(state: SavedState, forMs: number, nowMs: number, gracePeriodMs: number): number {
  const { downAtMs, activeAtMs } = state;
  const remainingMs = forMs - (downAtMs - activeAtMs);
  if (remainingMs <= 0) return activeAtMs;
  if (remainingMs < gracePeriodMs) return nowMs + gracePeriodMs - forMs;
  return activeAtMs + (nowMs - downAtMs);
}

async function readStates(rule: AlertingRule, queryable: Queryable, nowMs: number, toleranceMs: number): Promise<Map<string, SavedState>> {
  const querier = queryable.querier(nowMs - toleranceMs, nowMs);
  try {
    const fixed = Object.entries(rule.config.labels).filter(([, text]) => !text.includes('{{'));
    const matchers = [
      createMatcher('=', '__name__', 'ALERTS_FOR_STATE'),
      createMatcher('=', 'alertname', rule.config.alert),
      ...fixed.map(([name, value]) => createMatcher('=', name, value)),
    ];
    const { series } = await querier.select(matchers);
    const states = new Map<string, SavedState>();
    const batch = new SampleBatch();
    for (const one of series) {
      const last = readLast(one.samples(), batch);
      if (last !== undefined) states.set(withoutName(one.labels).key(), last);
    }
    return states;
  } finally {
    querier.close();
  }
}

function withoutName(labels: Labels): Labels {
  return labels.filter((name) => name !== '__name__');
}

/** Undefined: no sample, or the last one says that the alert had ended. */
function readLast(reader: { read(into: SampleBatch): number }, batch: SampleBatch): SavedState | undefined {
  let last: SavedState | undefined;
  for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
    const i = count - 1;
    last = batch.stale[i] === 1 ? undefined : { downAtMs: batch.times[i] as number, activeAtMs: (batch.values[i] as number) * 1000 };
  }
  return last;
}
