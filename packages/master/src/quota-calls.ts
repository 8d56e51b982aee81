/** Quota of top-level roles: checking and applying (mesos.md §4.2, 8.5). */
import type { Quota } from '@pronoia/allocator';
import {
  defaultRole,
  type Quantities,
  type QuotaConfig,
  type QuotaInfo,
  type QuotaRequest,
  Resources,
  roleFault,
  toMilli,
  topLevelRole,
  type ValueScalar,
} from '@pronoia/mesos';
import type { Refusal } from './refusal.ts';
import type { MasterState } from './state.ts';

type Amounts = Readonly<Record<string, ValueScalar>>;

export const quantitiesOf = (amounts: Amounts | undefined): Quantities =>
  new Map(Object.entries(amounts ?? {}).map(([name, { value }]) => [name, toMilli(value)]));

export const quotaOf = (config: QuotaConfig): Quota | undefined =>
  config.guarantees === undefined && config.limits === undefined
    ? undefined
    : { guarantees: quantitiesOf(config.guarantees), limits: quantitiesOf(config.limits) };

/** What a top-level role and its descendants use or have reserved; what they are merely offered does not count. */
export function consumedBy(state: MasterState, role: string): Quantities {
  const consumed = new Map(state.allocator.consumed(role));
  for (const offer of state.offers.values()) {
    if (topLevelRole(offer.role) !== role) continue;
    for (const [name, milli] of offer.resources.unreserved.quantities()) consumed.set(name, (consumed.get(name) ?? 0) - milli);
  }
  return consumed;
}

const bad = (message: string): Refusal => ({ status: 400, message });

/** An empty map says the same as none. */
const bare = ({ role, guarantees, limits }: QuotaConfig): QuotaConfig => ({
  role,
  ...(guarantees === undefined || Object.keys(guarantees).length === 0 ? {} : { guarantees }),
  ...(limits === undefined || Object.keys(limits).length === 0 ? {} : { limits }),
});

export function checkedQuota(state: MasterState, configs: readonly QuotaConfig[], isForced: boolean): QuotaConfig[] | Refusal {
  const seen = new Set<string>();
  for (const config of configs) {
    const { role } = config;
    const fault = roleFault(role);
    if (fault !== undefined) return bad(`Invalid QuotaConfig: ${fault}`);
    if (role === defaultRole) return bad(`Invalid QuotaConfig: setting quota for the default '${defaultRole}' role is not supported`);
    if (role.includes('/')) return bad(`Invalid QuotaConfig: setting quota on nested role '${role}' is not supported`);
    if (state.options.roles !== undefined && !state.options.roles.has(role))
      return bad(`Invalid QuotaConfig: role '${role}' is not in the list of roles`);
    if (seen.has(role)) return bad(`Invalid QuotaConfig: role '${role}' appears more than once`);
    seen.add(role);
    for (const amounts of [config.guarantees, config.limits]) {
      for (const [name, { value }] of Object.entries(amounts ?? {})) {
        if (!(Number.isFinite(value) && value >= 0))
          return bad(`Invalid QuotaConfig: '${name}' of role '${role}' must be finite and not negative, found ${value}`);
      }
    }
    const limits = quantitiesOf(config.limits);
    for (const [name, milli] of quantitiesOf(config.guarantees)) {
      const limit = limits.get(name);
      if (limit !== undefined && milli > limit)
        return bad(`Invalid QuotaConfig: the guarantee of '${name}' for role '${role}' is above its limit`);
    }
    if (isForced) continue;
    const consumed = consumedBy(state, role);
    for (const [name, milli] of limits) {
      const used = consumed.get(name) ?? 0;
      if (used > milli)
        return bad(
          `Role '${role}' already consumes ${used / 1000} of '${name}', more than the limit of ${milli / 1000}; use 'force' to set it all the same`,
        );
    }
  }
  const fault = isForced ? undefined : overcommitment(state, configs);
  return fault === undefined ? configs.map(bare) : bad(fault);
}

function overcommitment(state: MasterState, configs: readonly QuotaConfig[]): string | undefined {
  const after = new Map(state.quotas);
  for (const config of configs) after.set(config.role, config);
  const guaranteed = new Map<string, number>();
  for (const config of after.values()) {
    for (const [name, milli] of quantitiesOf(config.guarantees)) guaranteed.set(name, (guaranteed.get(name) ?? 0) + milli);
  }
  for (const [name, milli] of guaranteed) {
    let total = 0;
    for (const agent of state.agents.values()) total += agent.total.nonRevocable.milli(name);
    if (milli > total)
      return `The guarantees of '${name}' would be ${milli / 1000}, more than the cluster's ${total / 1000}; use 'force' to set them all the same`;
  }
  return undefined;
}

/** SET_QUOTA, the older spelling: a guarantee that is also the limit, for a role that has none. */
export function configOfRequest(state: MasterState, request: QuotaRequest): QuotaConfig | Refusal {
  const role = request.role ?? '';
  if (state.quotas.has(role))
    return bad(`Failed to validate set quota request: can not set quota for role '${role}', which already has one`);
  if ((request.guarantee ?? []).length === 0) return bad('Failed to validate set quota request: no guarantee');
  if ((request.guarantee ?? []).some((resource) => resource.type !== 'SCALAR' || (resource.reservations ?? []).length > 0)) {
    return bad('Failed to validate set quota request: a guarantee is made of unreserved scalars');
  }
  const amounts = Object.fromEntries(
    [...Resources.of(request.guarantee).quantities()].map(([name, milli]) => [name, { value: milli / 1000 }]),
  );
  return { role, guarantees: amounts, limits: amounts };
}

/** GET_QUOTA's older half. */
export const quotaInfo = (config: QuotaConfig): QuotaInfo => ({
  role: config.role,
  guarantee: Object.entries(config.guarantees ?? {}).map(([name, { value }]) => ({ name, type: 'SCALAR', scalar: { value } })),
});

export function applyQuota(state: MasterState, configs: readonly QuotaConfig[]): void {
  for (const config of configs) {
    const quota = quotaOf(config);
    state.allocator.setQuota(config.role, quota);
    if (quota === undefined) state.quotas.delete(config.role);
    else state.quotas.set(config.role, config);
  }
}
