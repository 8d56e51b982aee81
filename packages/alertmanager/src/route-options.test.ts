/** What a route may ask for beyond the original, as plays. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from './config/config.ts';
import { perform } from './play.ts';

const config = (options: string): string => `
config
  route: { receiver: hook, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 10m, ${options} }
  receivers:
    - { name: hook, webhook_configs: [{ url: 'http://x/' }] }
    - { name: boss, webhook_configs: [{ url: 'http://x/' }] }
    - { name: chief, webhook_configs: [{ url: 'http://x/' }] }
`;

const plays: readonly (readonly [string, string])[] = [
  [
    'with resolve_delay an end that does not last is not told',
    `${config('resolve_delay: 2m')}
    0s      fire alertname=a
    10s     > hook firing: a (first notification)
    1m      resolve alertname=a
    2m30s   fire alertname=a
    4m      resolve alertname=a
    6m10s   > hook resolved: a✓ (all alerts resolved)
    9m      end`,
  ],
  [
    'with flap_damping the end of an alert that flaps is told when it has kept still',
    `${config('flap_damping: { flaps: 2, within: 5m }')}
    0s      fire alertname=a
    10s     > hook firing: a (first notification)
    20s     resolve alertname=a
    1m10s   > hook resolved: a✓ (all alerts resolved)
    # The group is gone after maintenance, what flaps is remembered.
    2m      fire alertname=a
    2m10s   > hook firing: a (first notification)
    2m20s   resolve alertname=a
    3m      fire alertname=a
    # Twice within five minutes: from here it flaps, until 7m.
    4m      resolve alertname=a
    5m      fire alertname=a
    6m      resolve alertname=a
    # The firings of 3m and 5m are less than five minutes apart, until 8m.
    8m10s   > hook resolved: a✓ (all alerts resolved)
    20m     end`,
  ],
  [
    'what nobody acknowledges is passed on, step by step, and its end is told to whom it was passed on',
    `${config('escalate: [{ after: 3m, receiver: boss }, { after: 5m, receiver: chief }]')}
    0s      fire alertname=a
    10s     > hook firing: a (first notification)
    3m10s   > boss firing: a (first notification)
    5m10s   > chief firing: a (first notification)
    6m      resolve alertname=a
    6m10s   > hook resolved: a✓ (all alerts resolved)
    6m10s   > boss resolved: a✓ (all alerts resolved)
    6m10s   > chief resolved: a✓ (all alerts resolved)
    9m      end`,
  ],
  [
    'an acknowledged alert is neither passed on nor repeated, until it fires again',
    `${config('escalate: [{ after: 3m, receiver: boss }]')}
    0s      fire alertname=a job=1
    0s      fire alertname=a job=2
    10s     > hook firing: a/1 a/2 (first notification)
    1m      acknowledge alertname=a job=1
    3m10s   > boss firing: a/2 (first notification)
    4m      acknowledge alertname=a job=2
    # Both are acknowledged: no repeat at 10m10s, nor at 13m10s.
    14m     resolve alertname=a job=1
    14m     resolve alertname=a job=2
    14m10s  > hook resolved: a/1✓ a/2✓ (all alerts resolved)
    14m10s  > boss resolved: a/2✓ (all alerts resolved)
    20m     fire alertname=a job=1
    20m10s  > hook firing: a/1 (first notification)
    23m10s  > boss firing: a/1 (first notification)
    24m     end`,
  ],
  [
    'a rule with several sources inhibits while for each of them an alert fires',
    `${config('').replace('receivers:', `inhibit_rules: [{ sources: [{ matchers: [alertname=link] }, { matchers: ['alertname=~"power|battery"'] }], target_matchers: [alertname=web], equal: [site] }]\n  receivers:`)}
    0s      fire alertname=link site=x
    0s      fire alertname=web site=x
    10s     > hook firing: link/x (first notification)
    10s     > hook firing: web/x (first notification)
    1m      fire alertname=power site=x
    1m      fire alertname=battery site=y
    1m      fire alertname=web site=y
    1m10s   > hook firing: power/x (first notification)
    1m10s   > hook firing: battery/y (first notification)
    # web/x is quiet from here, as both its sources fire; web/y has one only.
    1m10s   > hook firing: web/y (new alerts added)
    9m      end`,
  ],
];

describe('options of a route', () => {
  it.each(plays)('%s', async (_title, play) => {
    const { expected, happened } = await perform(play);
    expect(happened).toEqual(expected);
  });

  it('are inherited, and checked', () => {
    const text = (route: string): string => `route: { receiver: a, ${route} }\nreceivers: [{ name: a }, { name: b }]`;
    const faults: readonly [route: string, fault: RegExp][] = [
      ['escalate: [{ after: 1m, receiver: c }]', /undefined receiver "c" used in escalate/],
      ['escalate: [{ after: 1m, receiver: a }]', /"a" is told already/],
      ['routes: [{ escalate: [{ after: 1m, receiver: a }] }]', /route\.routes\[0\]\.escalate\[0\]\.receiver/],
      ['flap_damping: { flaps: 0, within: 1m }', /0 is too small/],
      ['flap_damping: { flaps: 3 }', /"within" is missing/],
    ];
    for (const [route, fault] of faults) expect(() => parseConfig(text(route), 'am.yml')).toThrow(fault);
    const both = 'inhibit_rules: [{ source_matchers: [a=b], sources: [{ matchers: [c=d] }] }]';
    expect(() => parseConfig(`${text('')}\n${both}`, 'am.yml')).toThrow(/at most one of source_matchers and sources/);
    // The echo is what the original's tools read.
    const { original } = parseConfig(`${text('resolve_delay: 1m')}\ninhibit_rules: [{ sources: [{ matchers: [a=b] }] }]`, 'am.yml');
    expect(original).not.toMatch(/resolve_delay|sources/);
  });
});
