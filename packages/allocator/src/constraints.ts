/** Offer constraints: which agents a framework wants to see in a role (mesos.md §2.11). */
import type {
  Attribute,
  AttributeConstraint,
  AttributeConstraintPredicate,
  AttributeConstraintSelector,
  DomainInfo,
  OfferConstraints,
} from '@pronoia/mesos';
import { RE2JS } from 're2js';

export interface ConstrainedAgent {
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
  readonly domain?: DomainInfo;
}

type AgentTest = (agent: ConstrainedAgent) => boolean;
/** By role; a role that is missing is not constrained. */
export type CompiledConstraints = ReadonlyMap<string, AgentTest>;

/** A pattern longer than this is refused: the original limits the compiled program, to the same end. */
const patternLimit = 1000;

/** The attribute's text, `other` when it is there but not text, undefined when it is not there. */
function selected(selector: AttributeConstraintSelector, agent: ConstrainedAgent): { text: string } | 'other' | undefined {
  if (selector.attribute_name !== undefined) {
    const attribute = agent.attributes.find((candidate) => candidate.name === selector.attribute_name);
    if (attribute === undefined) return undefined;
    return attribute.type === 'TEXT' ? { text: attribute.text?.value ?? '' } : 'other';
  }
  const domain = agent.domain?.fault_domain;
  switch (selector.pseudoattribute_type) {
    case 'HOSTNAME':
      return { text: agent.hostname };
    case 'REGION':
      return domain === undefined ? undefined : { text: domain.region.name };
    case 'ZONE':
      return domain === undefined ? undefined : { text: domain.zone.name };
    case 'UNKNOWN':
    case undefined:
      return undefined;
  }
}

/** A text that is not there satisfies only the negations; one that is not text satisfies everything (mesos.md §2.11). */
function compilePredicate(predicate: AttributeConstraintPredicate): (value: { text: string } | 'other' | undefined) => boolean {
  const onText = (test: (text: string) => boolean, whenAbsent: boolean) => (value: { text: string } | 'other' | undefined) =>
    value === undefined ? whenAbsent : value === 'other' ? true : test(value.text);
  if (predicate.exists !== undefined) return (value) => value !== undefined;
  if (predicate.not_exists !== undefined) return (value) => value === undefined;
  if (predicate.text_equals !== undefined) {
    const { value } = predicate.text_equals;
    return onText((text) => text === value, false);
  }
  if (predicate.text_not_equals !== undefined) {
    const { value } = predicate.text_not_equals;
    return onText((text) => text !== value, true);
  }
  if (predicate.text_matches !== undefined) {
    const pattern = compilePattern(predicate.text_matches.regex);
    return onText((text) => pattern.matches(text), false);
  }
  if (predicate.text_not_matches !== undefined) {
    const pattern = compilePattern(predicate.text_not_matches.regex);
    return onText((text) => !pattern.matches(text), true);
  }
  throw new Error('a constraint has no predicate');
}

function compilePattern(regex: string): RE2JS {
  if (regex.length > patternLimit) throw new Error(`the pattern of ${regex.length} characters is longer than ${patternLimit}`);
  return RE2JS.compile(regex);
}

function compileConstraint({ selector, predicate }: AttributeConstraint): AgentTest {
  const test = compilePredicate(predicate);
  return (agent) => test(selected(selector, agent));
}

/** Groups are alternatives; within one, all must hold. Throws on a pattern that is none, with a sentence. */
export function compileConstraints(constraints: OfferConstraints | undefined): CompiledConstraints {
  const compiled = new Map<string, AgentTest>();
  for (const [role, { groups = [] }] of Object.entries(constraints?.role_constraints ?? {})) {
    const tests = groups.map((group) => (group.attribute_constraints ?? []).map(compileConstraint));
    compiled.set(role, (agent) => tests.some((group) => group.every((test) => test(agent))));
  }
  return compiled;
}
