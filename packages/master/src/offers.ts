/** Offers: how grants of the allocator become offers and how they end (mesos.md §2.5). */
import { type Offer, offerId, type Resource, withRole } from '@pronoia/mesos';
import type { Step } from './message.ts';
import type { AgentEntry, FrameworkEntry, MasterState, OfferEntry } from './state.ts';

/** About 5 ms of work: calls and streams of others come between two slices of an allocation. */
const allocationBudget = 2000;

/** Runs the allocator (or a slice of its run: the rest follows at once) and sends one OFFERS event to each framework that got something. */
export function allocate(state: MasterState, agents: 'touched' | 'all', step: Step): void {
  if (agents === 'touched') state.isAllocationDue = false;
  const grants = state.allocator.allocate({ agents, nowMs: step.nowMs, random: step.random, budget: allocationBudget });
  if (!state.allocator.isTouched) state.counters.add('allocator/mesos/allocation_runs');
  const byFramework = new Map<string, Offer[]>();
  for (const grant of grants) {
    const framework = state.frameworks.get(grant.framework);
    const agent = state.agents.get(grant.agent);
    if (framework?.streamId === undefined || agent === undefined) {
      throw new Error(`BUG: the allocator gave ${grant.agent} to ${grant.framework}, which cannot be offered anything`);
    }
    const entry: OfferEntry = {
      id: offerId(state.info.id, state.nextOffer++),
      frameworkId: framework.id,
      agentId: agent.id,
      role: grant.role,
      resources: grant.resources,
      madeMs: step.nowMs,
    };
    state.offers.set(entry.id, entry);
    framework.offers.add(entry.id);
    agent.offers.add(entry.id);
    if (state.options.offerTimeoutMs !== undefined) {
      step.out.push({ kind: 'timer', afterMs: state.options.offerTimeoutMs, message: { kind: 'offer_timeout', offerId: entry.id } });
    }
    const offers = byFramework.get(framework.id);
    const offer = wireOffer(framework, agent, entry);
    if (offers === undefined) byFramework.set(framework.id, [offer]);
    else offers.push(offer);
  }
  for (const [id, offers] of byFramework) {
    const framework = state.frameworks.get(id);
    if (framework?.streamId === undefined) continue;
    framework.counters.add('events/offers');
    framework.counters.add('offers/sent', offers.length);
    step.out.push({ kind: 'to_scheduler', streamId: framework.streamId, event: { type: 'OFFERS', offers: { offers } } });
  }
}

/** As this framework can read it: older clients see `role` and know no allocation marks. */
export function wireOffer(framework: FrameworkEntry, agent: AgentEntry, entry: OfferEntry): Offer {
  const knowsRoles = framework.capabilities.has('MULTI_ROLE');
  const executors = agent.executors.get(framework.id);
  return {
    id: { value: entry.id },
    framework_id: { value: framework.id },
    agent_id: { value: agent.id },
    hostname: agent.info.hostname,
    url: { scheme: 'http', address: { hostname: agent.info.hostname, ip: agent.ip, port: agent.info.port ?? 5051 }, path: '/slave(1)' },
    ...(agent.info.domain === undefined ? {} : { domain: agent.info.domain }),
    resources: resourcesFor(framework, entry.resources.toArray()),
    attributes: agent.info.attributes ?? [],
    executor_ids: executors === undefined ? [] : [...executors.keys()].map((value) => ({ value })),
    ...(agent.unavailability === undefined ? {} : { unavailability: agent.unavailability }),
    ...(knowsRoles ? { allocation_info: { role: entry.role } } : {}),
  };
}

function resourcesFor(framework: FrameworkEntry, resources: readonly Resource[]): Resource[] {
  const knowsRoles = framework.capabilities.has('MULTI_ROLE');
  const knowsRefinement = framework.capabilities.has('RESERVATION_REFINEMENT');
  if (knowsRoles && knowsRefinement) return [...resources];
  return resources.map((resource) => {
    const { allocation_info, ...rest } = resource;
    const marked: Resource = knowsRoles && allocation_info !== undefined ? { ...rest, allocation_info } : rest;
    // Refined reservations are not offered without the capability, so the older spelling exists.
    return knowsRefinement ? marked : (withRole(marked) ?? marked);
  });
}

/** Takes the offer out of the books; its resources stay with the framework until the caller gives them back. */
export function forgetOffer(state: MasterState, offer: OfferEntry): void {
  state.offers.delete(offer.id);
  state.frameworks.get(offer.frameworkId)?.offers.delete(offer.id);
  state.agents.get(offer.agentId)?.offers.delete(offer.id);
}

/** Ends an offer that the framework did not answer; tells it unless it is away or starting anew. */
export function withdrawOffer(state: MasterState, offer: OfferEntry, step: Step, options: { tell: boolean }): void {
  forgetOffer(state, offer);
  state.allocator.recover(offer.frameworkId, offer.agentId, offer.resources);
  const framework = state.frameworks.get(offer.frameworkId);
  if (framework === undefined) return;
  framework.counters.add('offers/rescinded');
  if (!options.tell || framework.streamId === undefined) return;
  framework.counters.add('events/rescind');
  step.out.push({
    kind: 'to_scheduler',
    streamId: framework.streamId,
    event: { type: 'RESCIND', rescind: { offer_id: { value: offer.id } } },
  });
}

export function withdrawOffers(state: MasterState, ids: Iterable<string>, step: Step, options: { tell: boolean }): void {
  for (const id of ids) {
    const offer = state.offers.get(id);
    if (offer !== undefined) withdrawOffer(state, offer, step, options);
  }
}
