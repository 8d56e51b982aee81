/**
 * Guarantees and limits of top-level roles (mesos.md §8.2, 8.5).
 *
 * *Consumed* is what a role and its descendants were offered or use, and what is reserved for them and free. *Headroom* is what nobody
 * holds and nobody has reserved; what guarantees still lack of it is required and not given to others.
 */
import { defaultRole, type Quantities, type Resources, reservationRole, topLevelRole } from '@pronoia/mesos';

export interface Quota {
  readonly guarantees: Quantities;
  /** A name that is missing is unlimited. */
  readonly limits: Quantities;
}

const addTo = (sums: Map<string, number>, amounts: Quantities, sign: 1 | -1 = 1): void => {
  for (const [name, milli] of amounts) sums.set(name, (sums.get(name) ?? 0) + sign * milli);
};

/** What only may be cut by quota: anybody's, for good, and countable. */
export const isShared = (resources: Resources): Resources => resources.scalars.nonRevocable.unreserved;

/** The books of one allocation run. */
export class QuotaBooks {
  readonly #quotas: ReadonlyMap<string, Quota>;
  readonly #consumed = new Map<string, Map<string, number>>();
  /** By name: what is free for anybody. */
  readonly #available = new Map<string, number>();

  /** `agents`: what is free on each that takes part, and what is held there, with allocation marks. */
  constructor(quotas: ReadonlyMap<string, Quota>, agents: Iterable<{ readonly free: Resources; readonly held: Iterable<Resources> }>) {
    this.#quotas = quotas;
    for (const { free, held } of agents) {
      addTo(this.#available, isShared(free).quantities());
      for (const resource of free.reserved.scalars)
        this.#consume(topLevelRole(reservationRole(resource)), resource.name, milliOf(resource));
      for (const resources of held) {
        for (const resource of resources.scalars)
          this.#consume(topLevelRole(resource.allocation_info?.role ?? defaultRole), resource.name, milliOf(resource));
      }
    }
  }

  #consume(role: string, name: string, milli: number): void {
    if (!this.#quotas.has(role)) return;
    let sums = this.#consumed.get(role);
    if (sums === undefined) this.#consumed.set(role, (sums = new Map()));
    sums.set(name, (sums.get(name) ?? 0) + milli);
  }

  consumed(role: string): Quantities {
    return this.#consumed.get(role) ?? new Map();
  }

  hasUnmetGuarantee(role: string): boolean {
    return [...this.#unmet(topLevelRole(role)).values()].some((milli) => milli > 0);
  }

  #unmet(top: string): Map<string, number> {
    const unmet = new Map<string, number>();
    const consumed = this.consumed(top);
    for (const [name, milli] of this.#quotas.get(top)?.guarantees ?? []) unmet.set(name, Math.max(0, milli - (consumed.get(name) ?? 0)));
    return unmet;
  }

  /** How much more the role may have of each limited name. */
  #underLimit(top: string): Map<string, number> {
    const left = new Map<string, number>();
    const consumed = this.consumed(top);
    for (const [name, milli] of this.#quotas.get(top)?.limits ?? []) left.set(name, Math.max(0, milli - (consumed.get(name) ?? 0)));
    return left;
  }

  /** What may be given without touching what guarantees still lack; names that no guarantee needs are not in it. */
  #spareHeadroom(): Map<string, number> {
    const required = new Map<string, number>();
    for (const role of this.#quotas.keys()) addTo(required, this.#unmet(role));
    const spare = new Map<string, number>();
    for (const [name, milli] of required) if (milli > 0) spare.set(name, Math.max(0, (this.#available.get(name) ?? 0) - milli));
    return spare;
  }

  /** Stage 1: the bundle cut to what the guarantee lacks and what is spare beyond it; undefined when nothing of it is lacked. */
  towardsGuarantee(role: string, bundle: Resources): Resources | undefined {
    const top = topLevelRole(role);
    const shared = isShared(bundle);
    const lacking = this.#unmet(top);
    // Names without a guarantee are no reason to be served here.
    for (const name of shared.names().keys()) if (!lacking.has(name)) lacking.set(name, 0);
    const guaranteed = shared.shrink(lacking);
    if (guaranteed.isEmpty) return undefined;
    const limits = this.#underLimit(top);
    for (const [name, milli] of guaranteed.quantities()) {
      const left = limits.get(name);
      if (left !== undefined) limits.set(name, Math.max(0, left - milli));
    }
    const beyond = shared.minus(guaranteed).shrink(limits).shrink(this.#spareHeadroom());
    return bundle.minus(shared).plus(guaranteed).plus(beyond);
  }

  /** Stage 2: the bundle cut by the role's limit and by the headroom that guarantees need. */
  underQuota(role: string, bundle: Resources): Resources {
    const shared = isShared(bundle);
    const allowed = shared.shrink(this.#underLimit(topLevelRole(role))).shrink(this.#spareHeadroom());
    return allowed === shared ? bundle : bundle.minus(shared).plus(allowed);
  }

  /** A grant was made: reserved parts were consumed already. */
  given(role: string, bundle: Resources): void {
    const amounts = isShared(bundle).quantities();
    addTo(this.#available, amounts, -1);
    const top = topLevelRole(role);
    for (const [name, milli] of amounts) this.#consume(top, name, milli);
    // What was not scalar, or revocable, is under no quota. What was reserved to an ancestor stays in the same top-level role.
  }
}

const milliOf = (resource: { readonly scalar?: { readonly value: number } }): number => Math.round((resource.scalar?.value ?? 0) * 1000);
