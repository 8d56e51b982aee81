/** What may differ between an agent and its checkpoint (mesos.md §9.1, `--reconfiguration_policy`). */
import { type AgentInfo, type Attribute, type Resource, Resources } from '@pronoia/mesos';
import { errors } from './errors.ts';

export type ReconfigurationPolicy = 'equal' | 'additive';

/**
 * `known` is the checkpoint's, `given` what the flags say now; `total` is what the master last said the agent has, reservations and
 * volumes included. Returns the total that holds now. Throws when the policy forbids the change.
 */
export function reconfigure(
  policy: ReconfigurationPolicy,
  known: AgentInfo,
  given: AgentInfo,
  total: readonly Resource[],
): readonly Resource[] {
  const before = Resources.of(known.resources);
  const now = Resources.of(given.resources);
  const faults: string[] = [];
  const differs = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) faults.push(`${what} was ${JSON.stringify(a)} and is ${JSON.stringify(b)}`);
  };
  differs('the host name', known.hostname, given.hostname);
  differs('the domain', known.domain, given.domain);
  if (policy === 'equal') {
    if (!before.equals(now)) faults.push(`the resources were ${before.toString()} and are ${now.toString()}`);
    differs('the attributes', byName(known.attributes), byName(given.attributes));
  } else {
    if (!now.contains(before)) faults.push(`the resources were ${before.toString()} and are only ${now.toString()}`);
    const present = new Set((given.attributes ?? []).map((attribute) => JSON.stringify(attribute)));
    for (const attribute of known.attributes ?? [])
      if (!present.has(JSON.stringify(attribute))) faults.push(`the attribute ${attribute.name} was changed or taken away`);
  }
  if (faults.length > 0) throw errors.fail('incompatible_agent', { policy, faults: faults.join('; ') });
  const added = now.contains(before) ? now.minus(before) : Resources.empty;
  return added.isEmpty ? total : [...Resources.of(total).plus(added)];
}

const byName = (attributes: readonly Attribute[] | undefined): readonly Attribute[] =>
  [...(attributes ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
