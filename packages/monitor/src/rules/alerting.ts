/**
 * An alerting rule: which alerts an expression stands for, and in which state each is (prometheus-server.md §7.4). An alert is
 * pending until its expression has been true for `for`, then firing; when the expression ends it is resolved, and kept for a
 * while so that the Alertmanager surely hears of it.
 */
import { Labels } from '@pronoia/model';
import { AlertTemplate, type Surroundings } from '../template/alert-template.ts';
import type { AlertingRuleConfig } from './file.ts';
import { neverEvaluated, type RuleHealth, type RuleQuery, type RuleSample, samplesOf } from './rule.ts';

export type AlertState = 'inactive' | 'pending' | 'firing';

/** Times in Unix ms. */
export interface Alert {
  readonly labels: Labels;
  annotations: Labels;
  state: AlertState;
  value: number;
  activeAtMs: number;
  firedAtMs: number | undefined;
  resolvedAtMs: number | undefined;
  keepFiringSinceMs: number | undefined;
  lastSentAtMs: number | undefined;
  validUntilMs: number | undefined;
}

/** How long a resolved alert is remembered and resent (rules/alerting.go, resolvedRetention). */
const resolvedRetentionMs = 15 * 60_000;

type NamedTemplates = readonly (readonly [name: string, template: AlertTemplate])[];

export class AlertingRule {
  readonly kind = 'alerting';
  readonly config: AlertingRuleConfig;
  health: RuleHealth = neverEvaluated;
  written = new Map<string, Labels>();
  /** Until the state of an earlier process has been looked for, no series are written: they would hide it. */
  isRestored: boolean;
  alertByKey = new Map<string, Alert>();
  readonly #labelTemplates: NamedTemplates;
  readonly #annotationTemplates: NamedTemplates;

  constructor(config: AlertingRuleConfig, isRestored: boolean) {
    this.config = config;
    this.isRestored = isRestored;
    const templates = (texts: Readonly<Record<string, string>>) =>
      Object.entries(texts).map(([name, text]) => [name, new AlertTemplate(config.alert, text)] as const);
    this.#labelTemplates = templates(config.labels);
    this.#annotationTemplates = templates(config.annotations);
  }

  get name(): string {
    return this.config.alert;
  }

  /** The strongest state among its alerts. */
  get state(): AlertState | 'unknown' {
    if (this.health.health === 'unknown') return 'unknown';
    const states = new Set([...this.alertByKey.values()].map(({ state }) => state));
    if (states.has('firing')) return 'firing';
    return states.has('pending') ? 'pending' : 'inactive';
  }

  /** The series to write. @param nowMs the time of the slot. @param queryMs that minus the query offset: when samples are looked at and written. */
  async evaluate(query: RuleQuery, nowMs: number, queryMs: number, limit: number, around: Surroundings): Promise<RuleSample[]> {
    const found = await this.#find(query, nowMs, queryMs, around);
    for (const [key, alert] of found) {
      const known = this.alertByKey.get(key);
      if (known === undefined || known.state === 'inactive') {
        this.alertByKey.set(key, alert);
      } else {
        known.value = alert.value;
        known.annotations = alert.annotations;
      }
    }
    const samples: RuleSample[] = [];
    let active = 0;
    for (const [key, alert] of this.alertByKey) {
      if (!this.#step(key, alert, found.has(key), nowMs)) continue;
      active++;
      if (this.isRestored) samples.push(...seriesOf(alert, this.config.alert));
    }
    if (limit > 0 && active > limit) {
      this.alertByKey.clear();
      throw new Error(`exceeded limit of ${limit} with ${active} alerts`);
    }
    return samples;
  }

  /** Alerts that the Alertmanager must hear of now; they count as sent. */
  takeDue(nowMs: number, resendDelayMs: number, intervalMs: number): readonly Alert[] {
    const due = [...this.alertByKey.values()].filter((alert) => needsSending(alert, nowMs, resendDelayMs));
    for (const alert of due) {
      alert.lastSentAtMs = nowMs;
      // Two evaluations or deliveries may fail before the Alertmanager takes silence for the end.
      alert.validUntilMs = nowMs + 4 * Math.max(resendDelayMs, intervalMs);
    }
    return due;
  }

  async #find(query: RuleQuery, nowMs: number, queryMs: number, around: Surroundings): Promise<Map<string, Alert>> {
    const found = new Map<string, Alert>();
    for (const { labels, value } of samplesOf(await query(this.config.expr, queryMs))) {
      const expand = async (templates: NamedTemplates): Promise<Record<string, string>> => {
        const texts: Record<string, string> = Object.create(null) as Record<string, string>;
        for (const [name, template] of templates) texts[name] = (await template.expand({ labels, value }, around)).text;
        return texts;
      };
      const { __name__: _, ...rest } = labels.toObject();
      const alertLabels = Labels.from({ ...rest, ...(await expand(this.#labelTemplates)), alertname: this.config.alert });
      const key = alertLabels.key();
      if (found.has(key)) throw new Error('vector contains metrics with the same labelset after applying alert labels');
      found.set(key, {
        labels: alertLabels,
        annotations: Labels.from(await expand(this.#annotationTemplates)),
        state: 'pending',
        value,
        activeAtMs: nowMs,
        firedAtMs: undefined,
        resolvedAtMs: undefined,
        keepFiringSinceMs: undefined,
        lastSentAtMs: undefined,
        validUntilMs: undefined,
      });
    }
    return found;
  }

  /** Moves one alert on. False: it is not active (any more). */
  #step(key: string, alert: Alert, isFound: boolean, nowMs: number): boolean {
    const { forMs, keepFiringForMs } = this.config;
    if (isFound) {
      alert.keepFiringSinceMs = undefined;
    } else {
      let keepsFiring = false;
      if (alert.state === 'firing' && keepFiringForMs > 0) {
        alert.keepFiringSinceMs ??= nowMs;
        keepsFiring = nowMs - alert.keepFiringSinceMs < keepFiringForMs;
      }
      if (alert.state === 'pending' || (alert.resolvedAtMs !== undefined && nowMs - alert.resolvedAtMs > resolvedRetentionMs)) {
        this.alertByKey.delete(key);
      }
      if (alert.state !== 'inactive' && !keepsFiring) {
        alert.state = 'inactive';
        alert.resolvedAtMs = nowMs;
      }
      if (!keepsFiring) return false;
    }
    if (alert.state === 'pending' && nowMs - alert.activeAtMs >= forMs) {
      alert.state = 'firing';
      alert.firedAtMs = nowMs;
    } else if (alert.state === 'firing' && nowMs - alert.activeAtMs < forMs) {
      // The rule was edited, and now asks for more patience.
      alert.state = 'pending';
      alert.firedAtMs = undefined;
    }
    return true;
  }
}

function needsSending(alert: Alert, nowMs: number, resendDelayMs: number): boolean {
  if (alert.state === 'pending') return false;
  const { lastSentAtMs, resolvedAtMs } = alert;
  if (lastSentAtMs === undefined) return true;
  return (resolvedAtMs !== undefined && resolvedAtMs > lastSentAtMs) || lastSentAtMs + resendDelayMs < nowMs;
}

function seriesOf(alert: Alert, alertname: string): RuleSample[] {
  const labels = alert.labels.toObject();
  const activeAt = Math.floor(alert.activeAtMs / 1000);
  return [
    { labels: Labels.from({ ...labels, __name__: 'ALERTS', alertname, alertstate: alert.state }), value: 1 },
    { labels: Labels.from({ ...labels, __name__: 'ALERTS_FOR_STATE', alertname }), value: activeAt },
  ];
}
