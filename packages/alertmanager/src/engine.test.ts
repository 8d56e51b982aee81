import { describe, expect, it } from 'vitest';
import { perform } from './play.ts';

const simple = `
config
  route: { receiver: hook, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h }
  receivers: [{ name: hook, webhook_configs: [{ url: 'http://x/' }] }]
`;

const plays: readonly (readonly [string, string])[] = [
  [
    'a group waits, tells once, and repeats after repeat_interval',
    `${simple}
    0s      fire alertname=down job=a
    30s     > hook firing: down/a (first notification)
    1h30s   > hook firing: down/a (repeat interval elapsed)
    2h      end`,
  ],
  [
    'alerts that come while the group waits are told together',
    `${simple}
    0s    fire alertname=down job=b
    10s   fire alertname=down job=a
    29s   fire alertname=up job=c
    30s   > hook firing: down/a down/b (first notification)
    59s   > hook firing: up/c (first notification)
    1m    end`,
  ],
  [
    'a new alert in a group is told at the next interval, with the old ones',
    `${simple}
    0s    fire alertname=down job=a
    30s   > hook firing: down/a (first notification)
    31s   fire alertname=down job=b
    5m30s > hook firing: down/a down/b (new alerts added)
    20m   end`,
  ],
  [
    'a resolved alert is told once, and the group ends',
    `${simple}
    0s     fire alertname=down job=a
    30s    > hook firing: down/a (first notification)
    1m     resolve alertname=down job=a
    5m30s  > hook resolved: down/a✓ (all alerts resolved)
    10m    fire alertname=down job=a
    10m30s > hook firing: down/a (first notification)
    15m    end`,
  ],
  [
    'a resolved one among firing ones is told with them',
    `${simple}
    0s    fire alertname=down job=a
    0s    fire alertname=down job=b
    30s   > hook firing: down/a down/b (first notification)
    1m    resolve alertname=down job=a
    5m30s > hook firing: down/a✓ down/b (some alerts resolved)
    12m   end`,
  ],
  [
    'an alert that is resolved before the group was told of it is never told',
    `${simple}
    0s   fire alertname=down job=a
    10s  resolve alertname=down job=a
    20m  end`,
  ],
  [
    'an alert ends by itself at its endsAt',
    `${simple}
    0s    fire-until 2m alertname=down job=a
    30s   > hook firing: down/a (first notification)
    5m30s > hook resolved: down/a✓ (all alerts resolved)
    20m   end`,
  ],
  [
    'an alert that is repeated by its sender is told only once',
    `${simple}
    0s    fire-until 2m alertname=down job=a
    30s   > hook firing: down/a (first notification)
    1m    fire-until 4m alertname=down job=a
    4m    fire-until 4m alertname=down job=a
    7m    fire-until 4m alertname=down job=a
    15m30s > hook resolved: down/a✓ (all alerts resolved)
    30m   end`,
  ],
  [
    'an old alert does not wait again',
    `${simple}
    0s  fire-since 2m alertname=down job=a
    0s  > hook firing: down/a (first notification)
    1m  end`,
  ],
  [
    'a failing receiver is tried again within the flush, a refusing one at the next',
    `${simple}
    0s     receiver hook down
    0s     fire alertname=down
    30s    > hook firing: down (first notification, down)
    30.5s  > hook firing: down (first notification, down)
    30.9s  receiver hook well
    31.25s > hook firing: down (first notification)
    1m     receiver hook refusing
    1m     fire alertname=down job=b
    5m30s  > hook firing: down/b down (new alerts added, refusing)
    6m     receiver hook well
    10m30s > hook firing: down/b down (new alerts added)
    20m    end`,
  ],
  [
    'a receiver that never answers is given up at the interval and asked again',
    `${simple}
    0s     receiver hook silent
    0s     fire alertname=down
    5m     receiver hook well
    5m30s  > hook firing: down (first notification)
    20m    end`,
  ],
  [
    'a silenced alert is not told, and is told when the silence ends',
    `${simple}
    0s     silence 1h alertname="down"
    0s     fire alertname=down
    0s     fire alertname=up
    30s    > hook firing: up (first notification)
    7m     unsilence
    10m30s > hook firing: down (first notification)
    11m    silence 1h job=~".+"
    20m    end`,
  ],
  [
    'a silence hides only what it matches in a group',
    `${simple}
    0s    silence 1h job="a"
    0s    fire alertname=down job=a
    0s    fire alertname=down job=b
    30s   > hook firing: down/b (first notification)
    10m   end`,
  ],
  [
    'a reload tells nothing twice, and the groups of a route that stays keep their times',
    `${simple}
    0s    fire alertname=down
    30s   > hook firing: down (first notification)
    1m    reload
    2m    fire alertname=up
    2m1s  reload
    2m30s > hook firing: up (first notification)
    3m    fire alertname=down job=b
    3m1s  reload
    5m30s > hook firing: down/b down (new alerts added)
    50m   end`,
  ],
  [
    'without send_resolved the end is not told, but is known',
    `
    config
      route: { receiver: hook, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h }
      receivers: [{ name: hook, webhook_configs: [{ url: 'http://x/', send_resolved: false }] }]
    0s     fire alertname=down
    30s    > hook firing: down (first notification)
    1m     resolve alertname=down
    10m    fire alertname=down
    10m30s > hook firing: down (first notification)
    30m    end`,
  ],
  [
    'an inhibited alert is not told while its cause fires',
    `
    config
      route: { receiver: hook, group_by: ['...'], group_wait: 10s, group_interval: 1m, repeat_interval: 1h }
      receivers: [{ name: hook, webhook_configs: [{ url: 'http://x/' }] }]
      inhibit_rules: [{ source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [node] }]
    0s    fire alertname=down node=n1 severity=critical
    0s    fire alertname=slow node=n1 severity=warning
    0s    fire alertname=slow node=n2 severity=warning
    10s   > hook firing: down/n1/critical (first notification)
    10s   > hook firing: slow/n2/warning (first notification)
    2m    resolve alertname=down node=n1 severity=critical
    2m10s > hook resolved: down/n1/critical✓ (all alerts resolved)
    2m10s > hook firing: slow/n1/warning (first notification)
    5m    end`,
  ],
  [
    'an alert does not inhibit itself, nor its mirror',
    `
    config
      route: { receiver: hook, group_by: ['...'], group_wait: 10s }
      receivers: [{ name: hook, webhook_configs: [{ url: 'http://x/' }] }]
      inhibit_rules: [{ source_matchers: ['kind="x"'], target_matchers: ['kind="x"'], equal: [node] }]
    0s    fire alertname=a node=n kind=x
    0s    fire alertname=b node=n kind=x
    10s   > hook firing: a/x/n (first notification)
    10s   > hook firing: b/x/n (first notification)
    11s   end`,
  ],
  [
    'routes: the first child that matches, further ones after continue, else the parent',
    `
    config
      route:
        receiver: root
        group_wait: 1s
        routes:
          - { receiver: all, matchers: ['severity=~"warning|critical"'], continue: true }
          - { receiver: critical, matchers: ['severity="critical"'] }
          - { receiver: never, matchers: ['severity="critical"'] }
      receivers:
        - { name: root, webhook_configs: [{ url: 'http://x/' }] }
        - { name: all, webhook_configs: [{ url: 'http://x/' }] }
        - { name: critical, webhook_configs: [{ url: 'http://x/' }, { url: 'http://y/' }] }
        - { name: never, webhook_configs: [{ url: 'http://x/' }] }
    0s  fire alertname=a severity=critical
    0s  fire alertname=b severity=warning
    0s  fire alertname=c severity=info
    1s  > all firing: a/critical b/warning (first notification)
    1s  > critical firing: a/critical (first notification)
    1s  > critical[1] firing: a/critical (first notification)
    1s  > root firing: c/info (first notification)
    2s  end`,
  ],
  [
    'one broken receiver does not hold up the others, nor the group its news',
    `
    config
      route: { receiver: root, group_wait: 1s, group_interval: 1m, routes: [{ receiver: a, continue: true }, { receiver: b }] }
      receivers:
        - { name: root }
        - { name: a, webhook_configs: [{ url: 'http://x/' }] }
        - { name: b, webhook_configs: [{ url: 'http://x/' }] }
    0s    receiver a silent
    0s    fire alertname=down
    1s    > b firing: down (first notification)
    30s   resolve alertname=down
    1m1s  > b resolved: down✓ (all alerts resolved)
    5m    end`,
  ],
  [
    'muted and inactive times keep still, and tell when they end',
    `
    config
      route:
        receiver: hook
        routes: [{ receiver: hook, group_wait: 1m, group_interval: 30m, mute_time_intervals: [morning], matchers: ['team="m"'] },
                 { receiver: hook, group_wait: 1m, group_interval: 30m, active_time_intervals: [monday-noon], matchers: ['team="n"'] }]
      receivers: [{ name: hook, webhook_configs: [{ url: 'http://x/' }] }]
      time_intervals:
        - { name: morning, time_intervals: [{ times: [{ start_time: '06:00', end_time: '09:00' }] }] }
        - { name: monday-noon, time_intervals: [{ weekdays: [monday], times: [{ start_time: '09:30', end_time: '12:00' }] }] }
    # the play begins on a Monday at 08:00 UTC
    0s     fire alertname=a team=m
    0s     fire alertname=b team=n
    1h1m   > hook firing: a/m (first notification)
    1h31m  > hook firing: b/n (first notification)
    2h     end`,
  ],
];

describe('the engine plays', () => {
  it.each(plays)('%s', async (_title, play) => {
    const { expected, happened } = await perform(play);
    expect(happened).toEqual(expected);
  });
});
