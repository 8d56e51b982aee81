/** What a FrameworkInfo must satisfy (mesos.md §2.1). A fault here is an ERROR event on the open stream, not a refused request. */
import { compileConstraints, type FrameworkTerms } from '@pronoia/allocator';
import {
  defaultRole,
  type FrameworkInfo,
  type FrameworkInfoCapabilityType,
  idFault,
  type OfferConstraints,
  type Quantities,
  roleFault,
  toMilli,
} from '@pronoia/mesos';
import type { MasterOptions } from './state.ts';

export function capabilitiesOf(info: FrameworkInfo): ReadonlySet<FrameworkInfoCapabilityType> {
  return new Set((info.capabilities ?? []).map((capability) => capability.type).filter((type) => type !== undefined));
}

/** The roles in which the framework wants offers, whichever way it says so. */
export function rolesOf(info: FrameworkInfo): readonly string[] {
  return capabilitiesOf(info).has('MULTI_ROLE') ? (info.roles ?? []) : [info.role ?? defaultRole];
}

export interface SubscriptionTerms {
  readonly info: FrameworkInfo;
  readonly suppressedRoles: readonly string[];
  readonly offerConstraints: OfferConstraints | undefined;
}

/** int64 nanoseconds hold about 292 years. */
const longestSeconds = 9_223_372_036;

export function subscriptionFault(
  { info, suppressedRoles, offerConstraints }: SubscriptionTerms,
  options: MasterOptions,
): string | undefined {
  const roles = rolesOf(info);
  if (info.id !== undefined) {
    const fault = idFault(info.id.value);
    if (fault !== undefined) return `FrameworkInfo.id is invalid: ${fault}`;
  }
  if (capabilitiesOf(info).has('MULTI_ROLE')) {
    if (info.role !== undefined) return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
    if (new Set(roles).size !== roles.length) return "'FrameworkInfo.roles' must not contain duplicate items";
  } else if ((info.roles ?? []).length > 0) {
    return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
  }
  for (const role of roles) {
    const fault = roleFault(role);
    if (fault !== undefined) return `'${role}' is not a valid role: ${fault}`;
    if (options.roles !== undefined && role !== defaultRole && !options.roles.has(role))
      return `Role '${role}' is not in the list of roles of this master`;
  }
  if (!options.rootSubmissions && info.user === 'root')
    return 'User root is not allowed to run frameworks without root submissions enabled';
  const timeout = info.failover_timeout ?? 0;
  if (!(timeout >= 0 && timeout <= longestSeconds))
    return `The framework failover_timeout (${timeout}) is invalid: it must be between 0 and ${longestSeconds} seconds`;
  for (const role of suppressedRoles) {
    if (!roles.includes(role)) return `Suppressed role '${role}' is not one of the framework's roles`;
  }
  return offerFiltersFault(info, roles) ?? constraintsFault(offerConstraints, roles);
}

function offerFiltersFault(info: FrameworkInfo, roles: readonly string[]): string | undefined {
  for (const [role, filters] of Object.entries(info.offer_filters ?? {})) {
    if (!roles.includes(role)) return `Offer filters are given for '${role}', which is not one of the framework's roles`;
    for (const { quantities } of filters.min_allocatable_resources?.quantities ?? []) {
      const entries = Object.entries(quantities ?? {});
      if (entries.length === 0) return `Offer filters of role '${role}': resource quantities must contain at least one quantity`;
      for (const [name, { value }] of entries) {
        if (!(Number.isFinite(value) && value >= 0))
          return `Offer filters of role '${role}': quantity of '${name}' must be finite and not negative, found ${value}`;
      }
    }
  }
  return undefined;
}

function constraintsFault(constraints: OfferConstraints | undefined, roles: readonly string[]): string | undefined {
  for (const [role, { groups = [] }] of Object.entries(constraints?.role_constraints ?? {})) {
    if (!roles.includes(role)) return `Offer constraints are given for '${role}', which is not one of the framework's roles`;
    if (groups.length === 0) return `Offer constraints of role '${role}' have no groups`;
    if (groups.some((group) => (group.attribute_constraints ?? []).length === 0))
      return `Offer constraints of role '${role}' have an empty group`;
  }
  try {
    compileConstraints(constraints);
  } catch (error) {
    return `Offer constraints are not valid: ${error instanceof Error ? error.message : String(error)}`;
  }
  return undefined;
}

/** What the allocator needs to know of a framework. */
export function termsOf(info: FrameworkInfo, constraints: OfferConstraints | undefined): FrameworkTerms {
  const minAllocatable = new Map<string, Quantities[]>();
  for (const [role, { min_allocatable_resources }] of Object.entries(info.offer_filters ?? {})) {
    if (min_allocatable_resources === undefined) continue;
    minAllocatable.set(
      role,
      (min_allocatable_resources.quantities ?? []).map(
        ({ quantities }) => new Map(Object.entries(quantities ?? {}).map(([name, { value }]) => [name, toMilli(value)])),
      ),
    );
  }
  return {
    roles: rolesOf(info),
    capabilities: capabilitiesOf(info),
    minAllocatable,
    ...(constraints === undefined ? {} : { constraints }),
  };
}
