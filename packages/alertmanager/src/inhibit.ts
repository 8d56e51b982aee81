/**
 * Inhibition: an alert is muted while others fire that a rule names as its cause. Sees all alerts, whatever their routes, silences or
 * own muting. The original's rules have one source; one of ours may have several, and mutes while for each of them an alert fires.
 */
import type { Labels } from '@pronoia/model';
import type { Alert } from './alert.ts';
import type { InhibitRule } from './config/config.ts';
import { type AlertMatcher, matchesAll } from './matcher.ts';

/** Alerts that could be one source of a rule, by the values of the rule's `equal` labels. */
class Source {
  readonly #matchers: readonly AlertMatcher[];
  readonly #alertsByEqual = new Map<string, Map<string, Alert>>();

  constructor(matchers: readonly AlertMatcher[]) {
    this.#matchers = matchers;
  }

  see(alert: Alert, equal: readonly string[], nowMs: number): void {
    if (!matchesAll(this.#matchers, alert.labels)) return;
    const key = equalKey(alert.labels, equal);
    let alerts = this.#alertsByEqual.get(key);
    if (alert.isResolvedAt(nowMs)) {
      alerts?.delete(alert.fingerprint);
      if (alerts?.size === 0) this.#alertsByEqual.delete(key);
      return;
    }
    if (alerts === undefined) this.#alertsByEqual.set(key, (alerts = new Map()));
    alerts.set(alert.fingerprint, alert);
  }

  forgetResolved(nowMs: number): void {
    for (const [key, alerts] of this.#alertsByEqual) {
      for (const [fingerprint, alert] of alerts) if (alert.isResolvedAt(nowMs)) alerts.delete(fingerprint);
      if (alerts.size === 0) this.#alertsByEqual.delete(key);
    }
  }

  /** The fingerprint of a firing alert that explains this target. */
  firingFor(labels: Labels, key: string, target: readonly AlertMatcher[], nowMs: number): string | undefined {
    const alerts = this.#alertsByEqual.get(key);
    if (alerts === undefined) return undefined;
    // A target that is also a source is not inhibited by its like: neither by itself nor by its mirror.
    const isTwoSided = matchesAll(this.#matchers, labels);
    for (const alert of alerts.values()) {
      if (alert.isResolvedAt(nowMs)) continue;
      if (isTwoSided && matchesAll(target, alert.labels)) continue;
      return alert.fingerprint;
    }
    return undefined;
  }
}

function equalKey(labels: Labels, equal: readonly string[]): string {
  return equal.map((name) => labels.get(name)).join('\xff');
}

class RuleState {
  readonly rule: InhibitRule;
  readonly sources: readonly Source[];

  constructor(rule: InhibitRule) {
    this.rule = rule;
    this.sources = rule.sources.map((matchers) => new Source(matchers));
  }

  /** One fingerprint for each source; undefined when one of them has none. */
  sourcesFor(labels: Labels, nowMs: number): readonly string[] | undefined {
    const { equal, target } = this.rule;
    const key = equalKey(labels, equal);
    const found: string[] = [];
    for (const source of this.sources) {
      const fingerprint = source.firingFor(labels, key, target, nowMs);
      if (fingerprint === undefined) return undefined;
      found.push(fingerprint);
    }
    return found;
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
    for (const { rule, sources } of this.#rules) for (const source of sources) source.see(alert, rule.equal, nowMs);
  }

  forgetResolved(nowMs: number): void {
    for (const { sources } of this.#rules) for (const source of sources) source.forgetResolved(nowMs);
  }

  /** Fingerprints of what inhibits it now: of the first rule that does, or none. */
  inhibitedBy(labels: Labels, nowMs: number): readonly string[] {
    for (const state of this.#rules) {
      if (!matchesAll(state.rule.target, labels)) continue;
      const found = state.sourcesFor(labels, nowMs);
      if (found !== undefined) return found;
    }
    return nobody;
  }

  /** The name of the rule that inhibits it, or its place among the rules. */
  ruleFor(labels: Labels, nowMs: number): string | undefined {
    const at = this.#rules.findIndex((state) => matchesAll(state.rule.target, labels) && state.sourcesFor(labels, nowMs) !== undefined);
    return at === -1 ? undefined : (this.#rules[at]?.rule.name ?? `inhibit_rules[${at}]`);
  }
}

const nobody: readonly string[] = [];
