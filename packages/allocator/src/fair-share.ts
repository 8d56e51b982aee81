/**
 * Who is next: hierarchical weighted dominant resource fairness (mesos.md §8.2, scheduling.md §5.1).
 *
 * A tree of roles with frameworks at its leaves. The *dominant share* of a node is the largest, over scalar names, of what it holds
 * divided by the cluster's total, divided by its weight. At each level the child with the least share comes first; ties go to
 * the one that was given less often, then to the name. A role that has frameworks of its own beside child roles competes with them
 * through a virtual leaf.
 *
 * Children are kept sorted: a change moves one child on each level of its path instead of sorting everything again.
 */
import type { Quantities } from '@pronoia/mesos';

interface Competitor {
  readonly name: string;
  weight: number;
  /** Dominant share over weight. */
  share: number;
  /** How many times something was given (less what was taken back). */
  grants: number;
  /** Thousandths by scalar name. */
  readonly held: Map<string, number>;
}

interface FrameworkLeaf extends Competitor {
  readonly kind: 'framework';
}

/** The frameworks that a role has itself. */
interface OwnLeaf extends Competitor {
  readonly kind: 'own';
  readonly role: string;
  readonly frameworks: SortedCompetitors<FrameworkLeaf>;
}

interface RoleNode extends Competitor {
  readonly kind: 'role';
  readonly path: string;
  readonly parent: RoleNode | undefined;
  readonly children: SortedCompetitors<RoleNode | OwnLeaf>;
  own: OwnLeaf | undefined;
}

function compare(a: Competitor, b: Competitor): number {
  if (a.share !== b.share) return a.share - b.share;
  if (a.grants !== b.grants) return a.grants - b.grants;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** A sorted array in which one member at a time changes its place. */
class SortedCompetitors<C extends Competitor> {
  readonly byName = new Map<string, C>();
  sorted: C[] = [];

  add(member: C): void {
    this.byName.set(member.name, member);
    this.sorted.splice(this.#placeOf(member), 0, member);
  }

  remove(member: C): void {
    this.byName.delete(member.name);
    this.sorted.splice(this.sorted.indexOf(member), 1);
  }

  /** Applies `change`, which may touch the member's share and grants, and puts it where it now belongs. */
  reposition(member: C, change: () => void): void {
    const from = this.#placeOf(member);
    if (this.sorted[from] !== member) throw new Error(`BUG: ${member.name} is not at its place ${from} in the fair share order`);
    change();
    const before = this.sorted[from - 1];
    const after = this.sorted[from + 1];
    if ((before === undefined || compare(before, member) < 0) && (after === undefined || compare(member, after) < 0)) return;
    this.sorted.splice(from, 1);
    this.sorted.splice(this.#placeOf(member), 0, member);
  }

  sort(): void {
    this.sorted.sort(compare);
  }

  #placeOf(member: C): number {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.sorted[middle] as C, member) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** `random`: in place of the fair share, an order is drawn by weight each time (mesos.md §8.2). */
export interface Sorters {
  readonly roles: 'drf' | 'random';
  readonly frameworks: 'drf' | 'random';
}

/** Twice the weight, twice the chance to be first (Efraimidis and Spirakis: the largest of u^(1/weight)). */
function drawn<C extends Competitor>(members: readonly C[], random: () => number): C[] {
  return members
    .map((member) => ({ member, key: random() ** (1 / member.weight) }))
    .sort((a, b) => b.key - a.key)
    .map(({ member }) => member);
}

const newCompetitor = (name: string, weight: number): Competitor => ({ name, weight, share: 0, grants: 0, held: new Map() });

export class FairShare {
  readonly #root: RoleNode = {
    kind: 'role',
    path: '',
    parent: undefined,
    own: undefined,
    children: new SortedCompetitors(),
    ...newCompetitor('', 1),
  };
  readonly #roles = new Map<string, RoleNode>();
  readonly #weights = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  /** Totals changed and shares were not computed anew yet: registering ten thousand agents sorts once, not ten thousand times. */
  #isStale = false;
  /** Names that do not count for the dominant share (`--fair_sharing_excluded_resource_names`). */
  readonly #excluded: ReadonlySet<string>;

  readonly #sorters: Sorters;

  constructor(excluded: ReadonlySet<string> = new Set(), sorters: Sorters = { roles: 'drf', frameworks: 'drf' }) {
    this.#excluded = excluded;
    this.#sorters = sorters;
  }

  setWeight(role: string, weight: number): void {
    this.#weights.set(role, weight);
    const node = this.#roles.get(role);
    if (node === undefined) return;
    node.weight = weight;
    this.#isStale = true;
  }

  /** The cluster grew or shrank: every share changes. */
  changeTotals(added: Quantities, removed: Quantities): void {
    for (const [name, milli] of added) this.#totals.set(name, (this.#totals.get(name) ?? 0) + milli);
    for (const [name, milli] of removed) this.#totals.set(name, (this.#totals.get(name) ?? 0) - milli);
    this.#isStale = true;
  }

  /** The framework takes part in the role's competition (with nothing yet). */
  add(role: string, framework: string): void {
    const node = this.#roleNode(role);
    let own = node.own;
    if (own === undefined) {
      own = { kind: 'own', role, frameworks: new SortedCompetitors(), ...newCompetitor('.', 1) };
      node.own = own;
      node.children.add(own);
    }
    if (!own.frameworks.byName.has(framework)) own.frameworks.add({ kind: 'framework', ...newCompetitor(framework, 1) });
  }

  /** The framework leaves; what it still holds must have been taken back before. */
  remove(role: string, framework: string): void {
    const node = this.#roles.get(role);
    const leaf = node?.own?.frameworks.byName.get(framework);
    if (node?.own === undefined || leaf === undefined) return;
    for (const milli of leaf.held.values()) {
      if (milli !== 0) throw new Error(`BUG: framework ${framework} leaves role ${role} holding ${[...leaf.held].join(' ')}`);
    }
    node.own.frameworks.remove(leaf);
    if (node.own.frameworks.sorted.length === 0) {
      node.children.remove(node.own);
      node.own = undefined;
    }
    this.#prune(node);
  }

  has(role: string, framework: string): boolean {
    return this.#roles.get(role)?.own?.frameworks.byName.has(framework) ?? false;
  }

  give(role: string, framework: string, amount: Quantities): void {
    this.#change(role, framework, amount, 1);
  }

  take(role: string, framework: string, amount: Quantities): void {
    this.#change(role, framework, amount, -1);
  }

  /** Roles in the order in which they are served, each with its frameworks in order. A snapshot: giving while walking is safe. */
  order(random: () => number = () => 0): { readonly role: string; readonly frameworks: readonly string[] }[] {
    const result: { role: string; frameworks: string[] }[] = [];
    for (const [role, framework] of this.walk(random)) {
      const last = result.at(-1);
      if (last?.role === role) last.frameworks.push(framework);
      else result.push({ role, frameworks: [framework] });
    }
    return result;
  }

  /** The same one by one, of the order as it is: nothing may be given or taken while walking. */
  *walk(random: () => number): Generator<readonly [role: string, framework: string]> {
    this.#refresh();
    yield* this.#walkNode(this.#root, random);
  }

  *#walkNode(node: RoleNode, random: () => number): Generator<readonly [role: string, framework: string]> {
    for (const child of this.#sorters.roles === 'random' ? drawn(node.children.sorted, random) : node.children.sorted) {
      if (child.kind === 'role') yield* this.#walkNode(child, random);
      else {
        const { sorted } = child.frameworks;
        for (const leaf of this.#sorters.frameworks === 'random' ? drawn(sorted, random) : sorted) yield [child.role, leaf.name];
      }
    }
  }

  /** Dominant share of a role (with its descendants), not divided by weight; for the metrics. */
  dominantShare(role: string): number {
    this.#refresh();
    const node = this.#roles.get(role);
    return node === undefined ? 0 : node.share * node.weight;
  }

  #change(role: string, framework: string, amount: Quantities, sign: 1 | -1): void {
    const node = this.#roles.get(role);
    const leaf = node?.own?.frameworks.byName.get(framework);
    if (node?.own === undefined || leaf === undefined) throw new Error(`BUG: framework ${framework} does not compete in role ${role}`);
    const own = node.own;
    const apply = (competitor: Competitor): void => {
      for (const [name, milli] of amount) competitor.held.set(name, (competitor.held.get(name) ?? 0) + sign * milli);
      competitor.grants += sign;
      competitor.share = this.#shareOf(competitor);
    };
    if (this.#isStale) {
      apply(leaf);
      apply(own);
      for (let at: RoleNode = node; at.parent !== undefined; at = at.parent) apply(at);
      return;
    }
    own.frameworks.reposition(leaf, () => apply(leaf));
    node.children.reposition(own, () => apply(own));
    for (let at: RoleNode = node; at.parent !== undefined; at = at.parent) {
      const current = at;
      at.parent.children.reposition(current, () => apply(current));
    }
  }

  #refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const refresh = (node: RoleNode): void => {
      for (const child of node.children.sorted) {
        child.share = this.#shareOf(child);
        if (child.kind === 'role') refresh(child);
        else {
          for (const leaf of child.frameworks.sorted) leaf.share = this.#shareOf(leaf);
          child.frameworks.sort();
        }
      }
      node.children.sort();
    };
    refresh(this.#root);
  }

  #shareOf(competitor: Competitor): number {
    let share = 0;
    for (const [name, milli] of competitor.held) {
      const total = this.#totals.get(name) ?? 0;
      if (total > 0 && !this.#excluded.has(name)) share = Math.max(share, milli / total);
    }
    return share / competitor.weight;
  }

  #roleNode(path: string): RoleNode {
    const known = this.#roles.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf('/');
    const parent = slash < 0 ? this.#root : this.#roleNode(path.slice(0, slash));
    const node: RoleNode = {
      kind: 'role',
      path,
      parent,
      own: undefined,
      children: new SortedCompetitors(),
      ...newCompetitor(path.slice(slash + 1), this.#weights.get(path) ?? 1),
    };
    this.#roles.set(path, node);
    parent.children.add(node);
    return node;
  }

  #prune(node: RoleNode): void {
    for (let at: RoleNode = node; at.parent !== undefined && at.children.sorted.length === 0; at = at.parent) {
      at.parent.children.remove(at);
      this.#roles.delete(at.path);
    }
  }
}
