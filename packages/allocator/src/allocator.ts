/**
 * Which framework is offered what (mesos.md §8). Pure: time and randomness come with each call, nothing is awaited or sent.
 *
 * The master tells every change as it happens; `allocate` then hands out what is free on the agents that changed, or on all of them.
 * Offered counts as held. Unlike the original, resources that come back are worth an allocation at once, not at the next batch.
 */
import type { Attribute, DomainInfo, FrameworkInfoCapabilityType, OfferConstraints, Quantities } from '@pronoia/mesos';
import { Resources } from '@pronoia/mesos';
import { type CompiledConstraints, compileConstraints } from './constraints.ts';
import { FairShare, type Sorters } from './fair-share.ts';
import { OfferFilters, refuseMs } from './offer-filter.ts';
import { type Quota, QuotaBooks } from './quota.ts';

export interface AllocatorOptions {
  /** An offer must hold at least one of these bundles (thousandths). Mesos: `cpus:0.01|mem:32`. */
  readonly minAllocatable: readonly Quantities[];
  readonly allocationIntervalMs: number;
  readonly fairSharingExcluded?: ReadonlySet<string>;
  /** Default: fair share of both. */
  readonly sorters?: Sorters;
  /** Agents with GPUs are offered only to frameworks with GPU_RESOURCES. Default true. */
  readonly filterGpuResources?: boolean;
  /** Where the master is: agents of other regions are offered only to frameworks with REGION_AWARE. */
  readonly domain?: DomainInfo;
}

export interface FrameworkTerms {
  readonly roles: readonly string[];
  readonly capabilities: ReadonlySet<FrameworkInfoCapabilityType>;
  /** By role, in place of the allocator's own; an empty list means that anything is enough. */
  readonly minAllocatable?: ReadonlyMap<string, readonly Quantities[]>;
  readonly constraints?: OfferConstraints;
}

export interface AgentTerms {
  /** Without allocation marks. */
  readonly total: Resources;
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
  readonly domain?: DomainInfo;
}

export interface Grant {
  readonly framework: string;
  readonly role: string;
  readonly agent: string;
  /** Marked as allocated to `role`. */
  readonly resources: Resources;
}

/** Why a framework is not offered an agent's resources in a role; the first test that fails. */
export type Refusal =
  | { readonly kind: 'framework_inactive' }
  | { readonly kind: 'role_suppressed' }
  | { readonly kind: 'agent_inactive' }
  | { readonly kind: 'gpu_agent' }
  | { readonly kind: 'other_region' }
  | { readonly kind: 'constraints' }
  | { readonly kind: 'nothing_free' }
  | { readonly kind: 'too_small'; readonly free: Resources }
  /** Its role is at its limit, or what is free is kept for the guarantees of others. */
  | { readonly kind: 'quota'; readonly allowed: Resources }
  | { readonly kind: 'filtered'; readonly untilMs: number };

interface Framework {
  readonly id: string;
  terms: FrameworkTerms;
  constraints: CompiledConstraints;
  isActive: boolean;
  readonly suppressed: Set<string>;
  readonly filters: OfferFilters;
  /** Roles in which it competes: those of its terms and those in which it still holds something. */
  readonly competesIn: Set<string>;
}

interface Agent {
  readonly id: string;
  terms: AgentTerms;
  isActive: boolean;
  free: Resources;
  /** More is held than there is: the agent came back smaller. */
  isOvercommitted: boolean;
  /** What each framework was offered or uses here, with allocation marks. */
  readonly held: Map<string, Resources>;
  /** Nobody wanted what is free, and nothing but time can change that before `untilMs`, while `epoch` is the allocator's. */
  settled: { readonly epoch: number; readonly untilMs: number } | undefined;
}

/** Time and chance of one call. */
interface Moment {
  readonly nowMs: number;
  readonly random: () => number;
}

export class Allocator {
  readonly #options: AllocatorOptions;
  readonly #frameworks = new Map<string, Framework>();
  readonly #agents = new Map<string, Agent>();
  readonly #fairShare: FairShare;
  readonly #quotas = new Map<string, Quota>();
  /** Agents on which something became free or somebody new may be served. */
  readonly #touched = new Set<string>();
  #touchedAll = false;
  /** The last call stopped at its budget: the order of the rest is drawn already. */
  #isMidRun = false;
  /** Grows when a framework may want what it did not want before. */
  #epoch = 0;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#fairShare = new FairShare(options.fairSharingExcluded, options.sorters);
  }

  // Frameworks

  addFramework(id: string, terms: FrameworkTerms, options: { isActive: boolean; suppressed: Iterable<string> }): void {
    if (this.#frameworks.has(id)) throw new Error(`BUG: framework ${id} is added twice`);
    const framework: Framework = {
      id,
      terms,
      constraints: compileConstraints(terms.constraints),
      isActive: options.isActive,
      suppressed: new Set(options.suppressed),
      filters: new OfferFilters(),
      competesIn: new Set(),
    };
    this.#frameworks.set(id, framework);
    // Agents may have told of its tasks before it was known here.
    for (const agent of this.#agents.values()) this.#countHeld(framework, agent.held.get(id), 1);
    this.#compete(framework);
    if (framework.isActive) this.#touchAll();
  }

  /** New terms after a re-subscription or UPDATE_FRAMEWORK; `suppressed` replaces what was suppressed. */
  updateFramework(id: string, terms: FrameworkTerms, suppressed: Iterable<string>): void {
    const framework = this.#framework(id);
    framework.terms = terms;
    framework.constraints = compileConstraints(terms.constraints);
    framework.suppressed.clear();
    for (const role of suppressed) framework.suppressed.add(role);
    this.#compete(framework);
    if (framework.isActive) this.#touchAll();
  }

  activateFramework(id: string): void {
    const framework = this.#framework(id);
    framework.isActive = true;
    framework.filters.clear();
    this.#touchAll();
  }

  /** Gets no more offers; what it holds it keeps. Its filters are forgotten. */
  deactivateFramework(id: string): void {
    const framework = this.#framework(id);
    framework.isActive = false;
    framework.filters.clear();
  }

  /** Everything that it held must have been recovered before. */
  removeFramework(id: string): void {
    const framework = this.#framework(id);
    for (const role of framework.competesIn) this.#fairShare.remove(role, id);
    this.#frameworks.delete(id);
  }

  /** No more offers for these roles (all when none is named). */
  suppress(id: string, roles: readonly string[]): void {
    const framework = this.#framework(id);
    for (const role of roles.length === 0 ? framework.terms.roles : roles) framework.suppressed.add(role);
  }

  /** Filters of these roles (all when none is named) are forgotten and offers come again. */
  revive(id: string, roles: readonly string[]): void {
    const framework = this.#framework(id);
    if (roles.length === 0) {
      framework.filters.clear();
      framework.suppressed.clear();
    }
    for (const role of roles) {
      framework.filters.clearRole(role);
      framework.suppressed.delete(role);
    }
    this.#touchAll();
  }

  isSuppressed(id: string, role: string): boolean {
    return this.#frameworks.get(id)?.suppressed.has(role) ?? false;
  }

  // Agents

  /** `held`: what frameworks use there already (with allocation marks), after a re-registration. */
  addAgent(id: string, terms: AgentTerms, held: ReadonlyMap<string, Resources>): void {
    if (this.#agents.has(id)) throw new Error(`BUG: agent ${id} is added twice`);
    const agent: Agent = { id, terms, isActive: true, free: terms.total, isOvercommitted: false, held: new Map(), settled: undefined };
    this.#agents.set(id, agent);
    this.#fairShare.changeTotals(terms.total.quantities(), new Map());
    for (const [framework, resources] of held) this.#hold(agent, framework, resources);
    this.#recountFree(agent);
    this.#touch(id);
  }

  updateAgent(id: string, terms: AgentTerms): void {
    const agent = this.#agent(id);
    this.#fairShare.changeTotals(terms.total.quantities(), agent.terms.total.quantities());
    agent.terms = terms;
    this.#recountFree(agent);
    this.#touch(id);
  }

  /** What frameworks still hold there goes with it. */
  removeAgent(id: string): void {
    const agent = this.#agent(id);
    for (const [frameworkId, resources] of new Map(agent.held)) this.#release(agent, frameworkId, resources);
    this.#agents.delete(id);
    this.#touched.delete(id);
    this.#fairShare.changeTotals(new Map(), agent.terms.total.quantities());
    for (const framework of this.#frameworks.values()) framework.filters.clearAgent(id);
  }

  activateAgent(id: string): void {
    this.#agent(id).isActive = true;
    this.#touch(id);
  }

  deactivateAgent(id: string): void {
    this.#agent(id).isActive = false;
  }

  // Resources

  /**
   * The framework gives back what it was offered or used. `refuseSeconds` given: it also refuses to be offered the same for that long.
   * A refusal of 0 seconds waits for the next batch, or it would be offered again at once for ever.
   */
  recover(frameworkId: string, agentId: string, resources: Resources, options: { refuseSeconds?: number; nowMs?: number } = {}): void {
    if (resources.isEmpty) return;
    const agent = this.#agents.get(agentId);
    if (agent === undefined) return;
    agent.settled = undefined;
    this.#release(agent, frameworkId, resources);
    const framework = this.#frameworks.get(frameworkId);
    if (options.refuseSeconds === undefined || framework === undefined) {
      this.#touch(agentId);
      return;
    }
    const lifeMs = refuseMs(options.refuseSeconds, this.#options.allocationIntervalMs);
    if (lifeMs === 0 || options.nowMs === undefined) return;
    const untilMs = options.nowMs + lifeMs;
    for (const [role, part] of resources.byAllocationRole()) framework.filters.add(role, agentId, part.unallocated, untilMs);
    this.#touch(agentId);
  }

  /** The framework uses this on the agent already, as the agent tells. It must be free there. */
  hold(frameworkId: string, agentId: string, resources: Resources): void {
    const agent = this.#agent(agentId);
    if (!agent.free.contains(resources.unallocated)) {
      throw new Error(`BUG: ${resources.toString()} is not free on agent ${agentId}, which has ${agent.free.toString()}`);
    }
    this.#hold(agent, frameworkId, resources);
  }

  /** What a framework holds changed its form (reserved, made into a volume): the agent's total changes with it. */
  convert(frameworkId: string, agentId: string, before: Resources, after: Resources): void {
    const agent = this.#agent(agentId);
    this.#release(agent, frameworkId, before);
    const total = agent.terms.total.minus(before.unallocated).plus(after.unallocated);
    this.#fairShare.changeTotals(total.quantities(), agent.terms.total.quantities());
    agent.terms = { ...agent.terms, total };
    agent.free = agent.free.minus(before.unallocated).plus(after.unallocated);
    this.#hold(agent, frameworkId, after);
  }

  /** The same for what nobody holds: an operator reserved it, or made a volume. It must be free. */
  convertFree(agentId: string, before: Resources, after: Resources): void {
    const agent = this.#agent(agentId);
    if (!agent.free.contains(before)) throw new Error(`BUG: ${before.toString()} is not free on agent ${agentId}`);
    const total = agent.terms.total.minus(before).plus(after);
    this.#fairShare.changeTotals(total.quantities(), agent.terms.total.quantities());
    agent.terms = { ...agent.terms, total };
    agent.free = agent.free.minus(before).plus(after);
    this.#touch(agentId);
  }

  setWeight(role: string, weight: number): void {
    this.#epoch++;
    this.#fairShare.setWeight(role, weight);
  }

  /** Of a top-level role; undefined: neither guarantee nor limit. Takes effect with the next batch. */
  setQuota(role: string, quota: Quota | undefined): void {
    this.#epoch++;
    if (quota === undefined) this.#quotas.delete(role);
    else this.#quotas.set(role, quota);
  }

  // Looking

  /** What a top-level role and its descendants hold or have reserved. */
  consumed(role: string): Quantities {
    return this.#books(new Map([[role, { guarantees: new Map(), limits: new Map() }]])).consumed(role);
  }

  freeOn(agent: string): Resources {
    return this.#agents.get(agent)?.free ?? Resources.empty;
  }

  heldOn(agent: string): ReadonlyMap<string, Resources> {
    return this.#agents.get(agent)?.held ?? new Map();
  }

  dominantShare(role: string): number {
    return this.#fairShare.dominantShare(role);
  }

  activeFilters(nowMs: number): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const framework of this.#frameworks.values()) {
      for (const [role, count] of framework.filters.countByRole(nowMs)) counts.set(role, (counts.get(role) ?? 0) + count);
    }
    return counts;
  }

  /** Whether `allocate({ agents: 'touched' })` has anything to look at. */
  get isTouched(): boolean {
    return this.#touchedAll || this.#touched.size > 0;
  }

  /** Why `framework` is not being offered `agent` in `role` at this moment; undefined when only the order of fair share decides. */
  explain(frameworkId: string, role: string, agentId: string, nowMs: number): Refusal | undefined {
    const books = this.#quotas.size === 0 ? undefined : this.#books(this.#quotas);
    const outcome = this.#bundleFor(
      this.#framework(frameworkId),
      role,
      this.#agent(agentId),
      nowMs,
      (bundle) => books?.underQuota(role, bundle) ?? bundle,
    );
    return outcome instanceof Resources ? undefined : outcome;
  }

  // Allocating

  /**
   * Hands out what is free. `touched`: only on agents that changed since the last call; `all`: everywhere, as the batch does.
   * The grants are held by their frameworks when this returns. With a `budget` it stops after about so many looks of a framework at an
   * agent (a grant counts as fifty) and leaves the other agents touched: who must answer others meanwhile goes on in slices.
   */
  allocate(options: { agents: 'touched' | 'all'; nowMs: number; random: () => number; budget?: number }): Grant[] {
    const { budget = Number.POSITIVE_INFINITY } = options;
    if (options.agents === 'all' || this.#touchedAll) this.#touchUnsettled(options);
    else if (!this.#isMidRun) this.#shuffleTouched([...this.#touched], options.random);
    const grants: Grant[] = [];
    if (this.#frameworks.size === 0) {
      this.#touched.clear();
      return grants;
    }
    const candidates: Agent[] = [];
    const quotas = this.#quotas.size > 0;
    let work = 0;
    for (const id of this.#touched) {
      const agent = this.#agents.get(id);
      // With quotas the two stages go over the agents one after the other, so a slice is chosen before its cost is known.
      if (agent?.isActive === true && !agent.free.isEmpty) {
        if (quotas) {
          candidates.push(agent);
          work += 50;
        } else work += this.#serveAll(agent, undefined, options, grants);
      }
      this.#touched.delete(id);
      if (work >= budget) break;
    }
    this.#isMidRun = this.#touched.size > 0;
    if (!quotas || candidates.length === 0) return grants;
    const books = this.#books(this.#quotas);
    for (const agent of candidates) this.#serveGuarantees(agent, books, options, grants);
    for (const agent of shuffled(candidates, options.random)) this.#serveAll(agent, books, options, grants);
    return grants;
  }

  /** Every agent where something may have changed, in random order. */
  #touchUnsettled({ nowMs, random }: { nowMs: number; random: () => number }): void {
    this.#touchedAll = false;
    const ids: string[] = [];
    for (const agent of this.#agents.values()) {
      const { settled } = agent;
      if (settled !== undefined && settled.epoch === this.#epoch && nowMs < settled.untilMs && this.#quotas.size === 0) continue;
      ids.push(agent.id);
    }
    this.#shuffleTouched(ids, random);
  }

  #shuffleTouched(ids: string[], random: () => number): void {
    this.#touched.clear();
    for (const id of shuffled(ids, random)) this.#touched.add(id);
  }

  #touch(id: string): void {
    this.#touched.add(id);
    const agent = this.#agents.get(id);
    if (agent !== undefined) agent.settled = undefined;
  }

  #touchAll(): void {
    this.#touchedAll = true;
    this.#epoch++;
  }

  #books(quotas: ReadonlyMap<string, Quota>): QuotaBooks {
    const agents = [...this.#agents.values()];
    return new QuotaBooks(
      quotas,
      agents.map((agent) => ({ free: agent.isActive ? agent.free : Resources.empty, held: agent.held.values() })),
    );
  }

  /** Stage 1: roles whose guarantee is not met, in the order of fair share. */
  #serveGuarantees(agent: Agent, books: QuotaBooks, { nowMs, random }: Moment, grants: Grant[]): void {
    for (const { role, frameworks } of this.#fairShare.order(random)) {
      for (const id of frameworks) {
        if (agent.free.isEmpty) return;
        if (!books.hasUnmetGuarantee(role)) break;
        const bundle = this.#bundleFor(
          this.#framework(id),
          role,
          agent,
          nowMs,
          (whole) => books.towardsGuarantee(role, whole) ?? Resources.empty,
        );
        if (bundle instanceof Resources) this.#grant(agent, id, role, bundle, books, grants);
      }
    }
  }

  /** Stage 2: everybody in the order of fair share, each takes all that is left for its role. Answers how much work that was. */
  #serveAll(agent: Agent, books: QuotaBooks | undefined, { nowMs, random }: Moment, grants: Grant[]): number {
    let work = 0;
    let isTaken = false;
    let untilMs = Number.POSITIVE_INFINITY;
    let order: Iterator<readonly [role: string, framework: string]> = this.#fairShare.walk(random);
    for (let next = order.next(); next.done !== true && !agent.free.isEmpty; next = order.next()) {
      const [role, id] = next.value;
      work++;
      const bundle = this.#bundleFor(this.#framework(id), role, agent, nowMs, (whole) => books?.underQuota(role, whole) ?? whole);
      if (!(bundle instanceof Resources)) {
        if (bundle.kind === 'filtered') untilMs = Math.min(untilMs, bundle.untilMs);
        continue;
      }
      // A grant changes the order; the others on this agent are still served in the one that was.
      if (!bundle.equals(agent.free)) order = [...remaining(order)][Symbol.iterator]();
      this.#grant(agent, id, role, bundle, books, grants);
      isTaken = true;
      work += 50;
    }
    agent.settled = isTaken ? undefined : { epoch: this.#epoch, untilMs };
    return work;
  }

  #grant(agent: Agent, framework: string, role: string, bundle: Resources, books: QuotaBooks | undefined, grants: Grant[]): void {
    books?.given(role, bundle);
    const resources = bundle.allocatedTo(role);
    this.#hold(agent, framework, resources);
    // A guarantee met in stage 1 and a fair share in stage 2 are one offer.
    const earlier =
      books === undefined
        ? -1
        : grants.findIndex((grant) => grant.agent === agent.id && grant.framework === framework && grant.role === role);
    const known = grants[earlier];
    if (known === undefined) grants.push({ framework, role, agent: agent.id, resources });
    else grants[earlier] = { ...known, resources: known.resources.plus(resources) };
  }

  /** What the framework would be given of the agent in this role, or why nothing (mesos.md §8.3). `cut` applies quota. */
  #bundleFor(framework: Framework, role: string, agent: Agent, nowMs: number, cut: (whole: Resources) => Resources): Resources | Refusal {
    if (!framework.isActive || !framework.terms.roles.includes(role)) return { kind: 'framework_inactive' };
    if (framework.suppressed.has(role)) return { kind: 'role_suppressed' };
    if (!agent.isActive) return { kind: 'agent_inactive' };
    const { capabilities } = framework.terms;
    if (this.#options.filterGpuResources !== false && !capabilities.has('GPU_RESOURCES') && agent.terms.total.milli('gpus') > 0) {
      return { kind: 'gpu_agent' };
    }
    if (!capabilities.has('REGION_AWARE') && this.#isElsewhere(agent)) return { kind: 'other_region' };
    if (framework.constraints.get(role)?.(agent.terms) === false) return { kind: 'constraints' };
    const whole = agent.free
      .allocatableTo(role)
      .filter(
        (kind) =>
          (kind.revocable === undefined || capabilities.has('REVOCABLE_RESOURCES')) &&
          (kind.shared === undefined || capabilities.has('SHARED_RESOURCES')) &&
          ((kind.reservations?.length ?? 0) < 2 || capabilities.has('RESERVATION_REFINEMENT')),
      );
    if (whole.isEmpty) return { kind: 'nothing_free' };
    const least = framework.terms.minAllocatable?.get(role) ?? this.#options.minAllocatable;
    if (!isEnough(whole, least)) return { kind: 'too_small', free: whole };
    const bundle = cut(whole);
    if (bundle.isEmpty || (bundle !== whole && !isEnough(bundle, least))) return { kind: 'quota', allowed: bundle };
    const untilMs = framework.filters.blockedUntilMs(role, agent.id, bundle, nowMs);
    return untilMs === undefined ? bundle : { kind: 'filtered', untilMs };
  }

  #isElsewhere(agent: Agent): boolean {
    const here = this.#options.domain?.fault_domain?.region.name;
    const there = agent.terms.domain?.fault_domain?.region.name;
    return here !== undefined && there !== undefined && here !== there;
  }

  // Accounts

  #hold(agent: Agent, frameworkId: string, resources: Resources): void {
    if (resources.isEmpty) return;
    agent.held.set(frameworkId, (agent.held.get(frameworkId) ?? Resources.empty).plus(resources));
    agent.free = agent.free.minus(resources.unallocated);
    const framework = this.#frameworks.get(frameworkId);
    if (framework !== undefined) this.#countHeld(framework, resources, 1);
  }

  #release(agent: Agent, frameworkId: string, resources: Resources): void {
    const held = agent.held.get(frameworkId) ?? Resources.empty;
    if (!held.contains(resources)) {
      throw new Error(`BUG: framework ${frameworkId} gives back ${resources.toString()} on agent ${agent.id} but holds ${held.toString()}`);
    }
    const left = held.minus(resources);
    if (left.isEmpty) agent.held.delete(frameworkId);
    else agent.held.set(frameworkId, left);
    // An agent that shrank below what is held there must not get more free than it has: what comes back may no longer exist.
    if (agent.isOvercommitted) this.#recountFree(agent);
    else agent.free = agent.free.plus(resources.unallocated);
    const framework = this.#frameworks.get(frameworkId);
    if (framework !== undefined) this.#countHeld(framework, resources, -1);
  }

  /** Free is the total less all that is held, which costs a look at every framework on the agent. */
  #recountFree(agent: Agent): void {
    let held = Resources.empty;
    for (const resources of agent.held.values()) held = held.plus(resources.unallocated);
    agent.isOvercommitted = !agent.terms.total.contains(held);
    agent.free = agent.terms.total.minus(held);
  }

  #countHeld(framework: Framework, resources: Resources | undefined, sign: 1 | -1): void {
    if (resources === undefined) return;
    for (const [role, part] of resources.byAllocationRole()) {
      if (!framework.competesIn.has(role)) {
        framework.competesIn.add(role);
        this.#fairShare.add(role, framework.id);
      }
      if (sign > 0) this.#fairShare.give(role, framework.id, part.quantities());
      else this.#fairShare.take(role, framework.id, part.quantities());
    }
  }

  /** A role that was left keeps its place in the tree while something is held in it, so that shares stay true. */
  #compete(framework: Framework): void {
    for (const role of framework.terms.roles) {
      if (framework.competesIn.has(role)) continue;
      framework.competesIn.add(role);
      this.#fairShare.add(role, framework.id);
    }
  }

  #framework(id: string): Framework {
    const framework = this.#frameworks.get(id);
    if (framework === undefined) throw new Error(`BUG: framework ${id} is not known to the allocator`);
    return framework;
  }

  #agent(id: string): Agent {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw new Error(`BUG: agent ${id} is not known to the allocator`);
    return agent;
  }
}

function isEnough(bundle: Resources, alternatives: readonly Quantities[]): boolean {
  if (alternatives.length === 0) return true;
  const amounts = bundle.quantities();
  return alternatives.some((wanted) => [...wanted].every(([name, milli]) => (amounts.get(name) ?? 0) >= milli));
}

function* remaining<T>(iterator: Iterator<T>): Generator<T> {
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value;
}

function shuffled<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const item = items[i] as T;
    items[i] = items[j] as T;
    items[j] = item;
  }
  return items;
}
