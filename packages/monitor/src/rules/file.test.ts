import { expect, it } from 'vitest';
import { parseRuleFile } from './file.ts';

const fault = (text: string): string => {
  try {
    parseRuleFile(text, '/etc/rules.yml');
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
};
const rule = (text: string): string => `groups:\n- name: g\n  rules:\n  - ${text}\n`;

it('reads groups, with labels of the group under those of the rule', () => {
  const [group] = parseRuleFile(
    `groups:
- name: g
  interval: 30s
  limit: 5
  query_offset: 10s
  labels: { team: a, env: x }
  rules:
  - record: job:up:sum
    expr: sum by(job)  (up)
    labels: { team: b }
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1m
    annotations: { summary: "{{ $labels.job }} is down" }
`,
    '/etc/rules.yml',
  );
  expect(group).toEqual({
    file: '/etc/rules.yml',
    name: 'g',
    intervalMs: 30_000,
    limit: 5,
    queryOffsetMs: 10_000,
    rules: [
      { kind: 'recording', record: 'job:up:sum', expr: 'sum by (job) (up)', labels: { team: 'b', env: 'x' } },
      {
        kind: 'alerting',
        alert: 'Down',
        expr: 'up == 0',
        forMs: 300_000,
        keepFiringForMs: 60_000,
        labels: { team: 'a', env: 'x' },
        annotations: { summary: '{{ $labels.job }} is down' },
      },
    ],
  });
});

it.each(['', '{}', 'groups: []', 'groups:'])('takes %j as no groups', (text) => {
  expect(parseRuleFile(text, 'x')).toEqual([]);
});

it.each<[string, string]>([
  [rule('{ record: a, alert: b, expr: up }'), 'only one of record and alert must be set'],
  [rule('{ expr: up }'), 'one of record or alert must be set'],
  [rule('{ alert: A }'), "field 'expr' must be set in rule"],
  [
    rule('{ alert: A, expr: "up{" }'),
    'rules.yml:4:23: groups[0].rules[0].expr: could not parse expression: 1:4: parse error: unexpected end of input inside braces',
  ],
  [rule('{ record: a, expr: up, for: 5m }'), "invalid field 'for' in recording rule"],
  [rule('{ record: a, expr: up, keep_firing_for: 5m }'), "invalid field 'keep_firing_for' in recording rule"],
  [rule('{ record: a, expr: up, annotations: { a: b } }'), 'invalid field annotations in recording rule'],
  [rule('{ record: "a{b}", expr: up }'), 'braces present in the recording rule name'],
  [rule('{ record: a, expr: up, labels: { __name__: b } }'), 'invalid label name: __name__'],
  [rule('{ alert: A, expr: up, annotations: { a: "{{ nope }}" } }'), 'template does not parse: '],
  [rule('{ alert: A, expr: up, labels: { a: "{{ if }}" } }'), 'template does not parse: '],
  ['groups: [{ name: "" }]', 'Groupname must not be empty'],
  ['groups: [{ name: g }, { name: g }]', 'groupname: "g" is repeated in the same file'],
  ['groups: [{ name: g, intervall: 5s }]', 'intervall'],
])('refuses %j', (text, message) => {
  expect(fault(text)).toContain(message);
});

it('takes experimental functions only when they are enabled', () => {
  const text = rule('{ record: a, expr: "sort_by_label(up, \\"a\\")" }');
  expect(fault(text)).toContain('function "sort_by_label" is not enabled');
  expect(parseRuleFile(text, 'x', { experimentalFunctions: true })).toHaveLength(1);
});
