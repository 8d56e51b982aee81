/**
 * What a framework refused, and for how long (mesos.md §8.4). A filter blocks an offer of the same agent in the same role when the
 * refused bundle contains the new one: more than was refused gets through.
 */
import type { Resources } from '@pronoia/mesos';

interface OfferFilter {
  /** Without allocation marks. */
  readonly refused: Resources;
  readonly untilMs: number;
}

/** One year: longer refusals are cut, as the original does. */
const longestMs = 365 * 24 * 3600 * 1000;
export const defaultRefuseMs = 5000;

/** How long a refusal of `refuseSeconds` holds; 0 means that it does not. */
export function refuseMs(refuseSeconds: number | undefined, allocationIntervalMs: number): number {
  if (refuseSeconds === undefined || Number.isNaN(refuseSeconds) || refuseSeconds < 0)
    return Math.max(defaultRefuseMs, allocationIntervalMs);
  if (refuseSeconds === 0) return 0;
  return Math.min(Math.max(refuseSeconds * 1000, allocationIntervalMs), longestMs);
}

/** One framework's filters. */
export class OfferFilters {
  readonly #byRole = new Map<string, Map<string, OfferFilter[]>>();

  add(role: string, agent: string, refused: Resources, untilMs: number): void {
    let byAgent = this.#byRole.get(role);
    if (byAgent === undefined) this.#byRole.set(role, (byAgent = new Map()));
    const filters = byAgent.get(agent);
    if (filters === undefined) byAgent.set(agent, [{ refused, untilMs }]);
    else filters.push({ refused, untilMs });
  }

  /** When the last filter ends that blocks this bundle; undefined when none does. Forgets what has ended. */
  blockedUntilMs(role: string, agent: string, bundle: Resources, nowMs: number): number | undefined {
    const byAgent = this.#byRole.get(role);
    const filters = byAgent?.get(agent);
    if (byAgent === undefined || filters === undefined) return undefined;
    const live = filters.filter((filter) => filter.untilMs > nowMs);
    if (live.length === 0) byAgent.delete(agent);
    else if (live.length < filters.length) byAgent.set(agent, live);
    let until: number | undefined;
    for (const filter of live) if (filter.untilMs > (until ?? 0) && filter.refused.contains(bundle)) until = filter.untilMs;
    return until;
  }

  clearRole(role: string): void {
    this.#byRole.delete(role);
  }

  clearAgent(agent: string): void {
    for (const byAgent of this.#byRole.values()) byAgent.delete(agent);
  }

  clear(): void {
    this.#byRole.clear();
  }

  /** Filters that still hold, by role; for the metrics. */
  countByRole(nowMs: number): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [role, byAgent] of this.#byRole) {
      let count = 0;
      for (const filters of byAgent.values()) count += filters.filter((filter) => filter.untilMs > nowMs).length;
      counts.set(role, count);
    }
    return counts;
  }
}
