import type { AttributeConstraint, OfferConstraints } from '@pronoia/mesos';
import { parseAttributes } from '@pronoia/mesos';
import { expect, it } from 'vitest';
import { compileConstraints } from './constraints.ts';

const agent = {
  hostname: 'node-7.example',
  attributes: parseAttributes('rack:r1;level:10;empty:'.replace(';empty:', '')),
  domain: { fault_domain: { region: { name: 'eu' }, zone: { name: 'a' } } },
};

type Predicate = AttributeConstraint['predicate'];
const rack = { attribute_name: 'rack' } as const;
const level = { attribute_name: 'level' } as const;
const none = { attribute_name: 'none' } as const;

const rows: readonly [selector: AttributeConstraint['selector'], predicate: Predicate, holds: boolean][] = [
  [rack, { exists: {} }, true],
  [none, { exists: {} }, false],
  [rack, { not_exists: {} }, false],
  [none, { not_exists: {} }, true],
  [rack, { text_equals: { value: 'r1' } }, true],
  [rack, { text_equals: { value: 'r2' } }, false],
  [none, { text_equals: { value: 'r1' } }, false],
  [level, { text_equals: { value: 'r1' } }, true],
  [rack, { text_not_equals: { value: 'r1' } }, false],
  [none, { text_not_equals: { value: 'r1' } }, true],
  [level, { text_not_equals: { value: '10' } }, true],
  [rack, { text_matches: { regex: 'r[0-9]' } }, true],
  [rack, { text_matches: { regex: 'r' } }, false],
  [none, { text_matches: { regex: '.*' } }, false],
  [rack, { text_not_matches: { regex: 'r.*' } }, false],
  [none, { text_not_matches: { regex: 'r.*' } }, true],
  [{ pseudoattribute_type: 'HOSTNAME' }, { text_matches: { regex: 'node-\\d+\\.example' } }, true],
  [{ pseudoattribute_type: 'REGION' }, { text_equals: { value: 'eu' } }, true],
  [{ pseudoattribute_type: 'ZONE' }, { text_equals: { value: 'b' } }, false],
];

it.each(rows)('%j %j: %s', (selector, predicate, holds) => {
  const test = compileConstraints({ role_constraints: { r: { groups: [{ attribute_constraints: [{ selector, predicate }] }] } } }).get('r');
  expect(test?.(agent)).toBe(holds);
});

it('groups are alternatives, constraints of a group all must hold, other roles are free', () => {
  const yes: AttributeConstraint = { selector: rack, predicate: { exists: {} } };
  const no: AttributeConstraint = { selector: none, predicate: { exists: {} } };
  const test = (groups: readonly (readonly AttributeConstraint[])[]): boolean | undefined => {
    const constraints: OfferConstraints = {
      role_constraints: { r: { groups: groups.map((group) => ({ attribute_constraints: group })) } },
    };
    expect(compileConstraints(constraints).has('other')).toBe(false);
    return compileConstraints(constraints).get('r')?.(agent);
  };
  expect(test([[yes, no], [yes]])).toBe(true);
  expect(test([[yes, no], [no]])).toBe(false);
});

it('refuses patterns that are none, or long', () => {
  const compile = (regex: string): unknown =>
    compileConstraints({
      role_constraints: { r: { groups: [{ attribute_constraints: [{ selector: rack, predicate: { text_matches: { regex } } }] }] } },
    });
  expect(() => compile('(')).toThrow(/missing/);
  expect(() => compile('a(?=b)')).toThrow(/invalid/);
  expect(() => compile('a'.repeat(1001))).toThrow(/longer than 1000/);
});
