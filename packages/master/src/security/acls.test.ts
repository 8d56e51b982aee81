import { describe, expect, it } from 'vitest';
import { type Action, parseAcls } from './acls.ts';

const acls = {
  permissive: false,
  register_frameworks: [
    { principals: { values: ['alice'] }, roles: { values: ['eng', 'eng/%'] } },
    { principals: { type: 'SOME', values: ['bob'] }, roles: { type: 'ANY' } },
    { principals: { values: ['mallory'] }, roles: { type: 'NONE' } },
  ],
  run_tasks: [
    { principals: { type: 'NONE' }, users: { values: ['root'] } },
    { principals: { type: 'ANY' }, users: { type: 'ANY' } },
  ],
  view_flags: [{ principals: { type: 'ANY' }, flags: { type: 'ANY' } }],
  teardown_frameworks: [{ principals: { values: ['ops'] }, framework_principals: { values: ['alice'] } }],
};

const rows: readonly [action: Action, principal: string | undefined, object: string | undefined, allowed: boolean][] = [
  ['register_frameworks', 'alice', 'eng', true],
  ['register_frameworks', 'alice', 'eng/web', true],
  ['register_frameworks', 'alice', 'eng/', false],
  ['register_frameworks', 'alice', 'engine', false],
  ['register_frameworks', 'alice', '*', false],
  ['register_frameworks', 'bob', 'anything', true],
  ['register_frameworks', 'mallory', 'eng', false],
  ['register_frameworks', 'nobody', 'eng', false],
  ['register_frameworks', undefined, 'eng', false],
  ['run_tasks', 'alice', 'root', false],
  ['run_tasks', undefined, 'root', false],
  ['run_tasks', 'alice', 'www', true],
  ['run_tasks', undefined, 'www', true],
  ['view_flags', undefined, undefined, true],
  ['teardown_frameworks', 'ops', 'alice', true],
  ['teardown_frameworks', 'ops', 'bob', false],
  ['teardown_frameworks', 'ops', undefined, false],
  ['update_weights', 'ops', 'eng', false],
];

describe('rules', () => {
  const authorize = parseAcls(JSON.stringify(acls));
  it.each(rows)('%s by %s of %s: %s', (action, principal, object, allowed) => {
    expect(authorize(action, principal, object)).toBe(allowed);
  });

  it('allow what no entry is about, unless permissive is false', () => {
    expect([parseAcls('{}')('run_tasks', 'a', 'root'), parseAcls('{"permissive":false}')('run_tasks', 'a', 'root')]).toEqual([true, false]);
  });

  it('let the first entry that matches decide', () => {
    const entries = ['NONE', 'ANY'].map((type) => ({ principals: { values: ['a'] }, users: { type } }));
    expect(parseAcls(JSON.stringify({ run_tasks: entries }))('run_tasks', 'a', 'x')).toBe(false);
    expect(parseAcls(JSON.stringify({ run_tasks: entries.toReversed() }))('run_tasks', 'a', 'x')).toBe(true);
  });

  const faults: readonly [text: string, reason: RegExp][] = [
    ['{', /--acls: expected JSON/],
    ['[]', /expected a JSON object/],
    ['{"fly":[]}', /'fly' is no action/],
    ['{"run_tasks":{}}', /run_tasks must be a list/],
    ['{"run_tasks":[{"users":{"type":"ANY"}}]}', /run_tasks\[0\]\.principals is missing/],
    ['{"run_tasks":[{"principals":{"type":"ALL"},"users":{"type":"ANY"}}]}', /principals\.type must be ANY, NONE or SOME/],
  ];
  it.each(faults)('%s is refused', (text, reason) => {
    expect(() => parseAcls(text)).toThrow(reason);
  });

  it('of agents are passed over', () => {
    expect(() => parseAcls('{"access_sandboxes":[],"launch_nested_containers_as_user":[],"create_mount_disks":[]}')).not.toThrow();
  });
});
