import { expect, it } from 'vitest';
import { agentId, containerIdFault, frameworkId, idFault, uuidBytes, uuidText } from './ids.ts';
import { ancestorsOf, isStrictDescendant, roleFault, topLevelRole } from './roles.ts';

it('ids carry the master’s id and a count', () => {
  expect(frameworkId('m', 7)).toBe('m-0007');
  expect(frameworkId('m', 12345)).toBe('m-12345');
  expect(agentId('m', 0)).toBe('m-S0');
});

const ids: readonly [id: string, fault: RegExp][] = [
  ['a', /^none$/],
  ['a.b c:d', /^none$/],
  ['x'.repeat(255), /^none$/],
  ['x'.repeat(256), /longer than 255/],
  ['', /empty/],
  ['.', /not a valid/],
  ['..', /not a valid/],
  ['a/b', /'\/'/],
  ['a\\b', /'\\'/],
  ['a\nb', /control character \(U\+000A\)/],
];
it.each(ids)('the id %j', (id, fault) => {
  expect(idFault(id) ?? 'none').toMatch(fault);
});

it('container ids are shorter and have no dots or spaces', () => {
  expect(containerIdFault('a-b')).toBeUndefined();
  for (const id of ['a.b', 'a b', 'x'.repeat(243), '']) expect([id, containerIdFault(id) === undefined]).toEqual([id, false]);
});

it('uuids are version 4 and repeat with the same randomness', () => {
  expect(uuidText(() => 0)).toBe('00000000-0000-4000-8000-000000000000');
  expect(uuidText(() => 0.999999999999)).toMatch(/^ffffffff-ffff-4fff-bfff-ffffffffffff$/);
  expect(uuidBytes(Math.random)).toHaveLength(16);
});

const roles: readonly [role: string, isValid: boolean][] = [
  ['*', true],
  ['eng', true],
  ['eng/web', true],
  ['a-b', true],
  ['', false],
  ['-a', false],
  ['/a', false],
  ['a/', false],
  ['a//b', false],
  ['a/./b', false],
  ['a/../b', false],
  ['a/*', false],
  ['a b', false],
  ['a\u007f', false],
];
it.each(roles)('the role %j is valid: %s', (role, isValid) => {
  expect(roleFault(role) === undefined).toBe(isValid);
});

it('knows the tree of roles', () => {
  expect(ancestorsOf('a/b/c')).toEqual(['a', 'a/b']);
  expect(isStrictDescendant('a/b', 'a')).toBe(true);
  expect(isStrictDescendant('ab', 'a')).toBe(false);
  expect(isStrictDescendant('a', 'a')).toBe(false);
  expect(topLevelRole('a/b/c')).toBe('a');
});
