/**
 * Inhibition: an alert is muted while another one fires that a rule names as its cause. Sees all alerts, whatever their routes,
 * silences or own muting.
 */
import type { Labels } from '@pronoia/model';
import type { Alert } from './alert.ts';
import type { InhibitRule } from './config/config.ts';
import { matchesAll } from './matcher.ts';

/** One rule, and the alerts that could be its sources, by the values of its `equal` labels. */
class RuleState {
  readonly rule: InhibitRule;
  readonly #sourcesByEqual = new Map<string, Map<string, Alert>>();

  constructor(rule: InhibitRule) {
    this.rule = rule;
  }

  #equalKey(labels: Labels): string {
    return this.rule.equal.map((name) => labels.get(name)).join('\xff');
  }

  see(alert: Alert, nowMs: number): void {
    if (!matchesAll(this.rule.source, alert.labels)) return;
    const key = this.#equalKey(alert.labels);
    let sources = this.#sourcesByEqual.get(key);
    if (alert.isResolvedAt(nowMs)) {
      sources?.delete(alert.fingerprint);
      if (sources?.size === 0) this.#sourcesByEqual.delete(key);
      return;
    }
    if (sources === undefined) this.#sourcesByEqual.set(key, (sources = new Map()));
    sources.set(alert.fingerprint, alert);
  }

  forgetResolved(nowMs: number): void {
    for (const [key, sources] of this.#sourcesByEqual) {
      for (const [fingerprint, alert] of sources) if (alert.isResolvedAt(nowMs)) sources.delete(fingerprint);
      if (sources.size === 0) this.#sourcesByEqual.delete(key);
    }
  }

  /** The fingerprint of a firing source for this target. */
  sourceFor(labels: Labels, nowMs: number): string | undefined {
    const sources = this.#sourcesByEqual.get(this.#equalKey(labels));
    if (sources === undefined) return undefined;
    // A target that is also a source is not inhibited by its like: neither by itself nor by its mirror.
    const isTwoSided = matchesAll(this.rule.source, labels);
    for (const source of sources.values()) {
      if (source.isResolvedAt(nowMs)) continue;
      if (isTwoSided && matchesAll(this.rule.target, source.labels)) continue;
      return source.fingerprint;
    }
    return undefined;
  }
}

export class Inhibitor {
  readonly #rules: readonly RuleState[];

  constructor(rules: readonly InhibitRule[]) {
    this.#rules = rules.map((rule) => new RuleState(rule));
  }

  get ruleCount(): number {
    return this.#rules.length;
  }

  /** To be told of every alert as it changes. */
  see(alert: Alert, nowMs: number): void {
    for (const rule of this.#rules) rule.see(alert, nowMs);
  }

  forgetResolved(nowMs: number): void {
    for (const rule of this.#rules) rule.forgetResolved(nowMs);
  }

  /** Fingerprints of what inhibits it now: of the first rule that does, or none. */
  inhibitedBy(labels: Labels, nowMs: number): readonly string[] {
    for (const state of this.#rules) {
      if (!matchesAll(state.rule.target, labels)) continue;
      const source = state.sourceFor(labels, nowMs);
      if (source !== undefined) return [source];
    }
    return nobody;
  }
}

const nobody: readonly string[] = [];
