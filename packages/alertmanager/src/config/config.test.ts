import { ConfigError } from '@pronoia/server';
import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';

const receivers = 'receivers: [{ name: r }]';

function faults(text: string): string[] {
  try {
    parseConfig(text, 'am.yml');
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
}

describe('a configuration is refused with its place', () => {
  it.each([
    ['', ['am.yml:1:1: no route provided in config']],
    [`route: { receiver: r, colour: red }\n${receivers}`, ['am.yml:1:23: route: unknown key "colour"']],
    [`route: {}\n${receivers}`, ['am.yml:1:8: route: root route must specify a default receiver']],
    [`route: { receiver: x }\n${receivers}`, ['am.yml:1:20: route.receiver: undefined receiver "x" used in route']],
    [`route: { receiver: r, matchers: [a=b] }\n${receivers}`, ['am.yml:1:8: route: root route must not have any matchers']],
    [`route: { receiver: r, continue: true }\n${receivers}`, ['am.yml:1:33: route.continue: cannot have continue in root route']],
    [`route: { receiver: r, group_interval: 0s }\n${receivers}`, ['am.yml:1:39: route.group_interval: group_interval cannot be zero']],
    [`route: { receiver: r, group_by: [a, a] }\n${receivers}`, ['am.yml:1:33: route.group_by: duplicated label "a" in group_by']],
    [
      `route: { receiver: r, group_by: ['...', a] }\n${receivers}`,
      ['am.yml:1:33: route.group_by: cannot have wildcard group_by (`...`) and other labels at the same time'],
    ],
    [
      `route: { receiver: r, routes: [{ matchers: ['a'] }] }\n${receivers}`,
      ['am.yml:1:45: route.routes[0].matchers[0]: bad matcher format: a'],
    ],
    [
      `route: { receiver: r, routes: [{ mute_time_intervals: [x] }] }\n${receivers}`,
      ['am.yml:1:56: route.routes[0].mute_time_intervals[0]: undefined time interval "x" used in route'],
    ],
    [
      `route: { receiver: r }\nreceivers: [{ name: r }, { name: r }]`,
      ['am.yml:2:34: receivers[1].name: notification config name "r" is not unique'],
    ],
    [
      `route: { receiver: r }\nreceivers: [{ name: r, webhook_configs: [{}] }]`,
      ['am.yml:2:42: receivers[0].webhook_configs[0]: one of url or url_file must be configured'],
    ],
    [
      `route: { receiver: r }\nreceivers: [{ name: r, webhook_configs: [{ url: 'ftp://x' }] }]`,
      ['am.yml:2:42: receivers[0].webhook_configs[0]: unsupported scheme "ftp" for URL; use http or https'],
    ],
    [
      `route: { receiver: r }\nreceivers: [{ name: r, email_configs: [{ to: a@b }] }]`,
      ['am.yml:2:40: receivers[0].email_configs[0]: no global SMTP smarthost set'],
    ],
    [
      `route: { receiver: r }\nreceivers: [{ name: r, slack_configs: [{}] }]`,
      ['am.yml:2:40: receivers[0].slack_configs[0]: no Slack API URL nor App token set either inline or in a file'],
    ],
    [
      `global: { slack_api_url: a, slack_api_url_file: b }\nroute: { receiver: r }\n${receivers}`,
      ['am.yml:1:9: global: at most one of slack_api_url & slack_api_url_file must be configured'],
    ],
    [
      `global: { smtp_smarthost: mail }\nroute: { receiver: r }\n${receivers}`,
      ['am.yml:1:27: global.smtp_smarthost: address mail: missing port in address'],
    ],
    [
      `global: { http_config: { basic_auth: { username: a }, bearer_token: x } }\nroute: { receiver: r }\n${receivers}`,
      ['am.yml:1:24: global.http_config: at most one of basic_auth, oauth2, bearer_token & authorization must be configured'],
    ],
    [
      `route: { receiver: r }\n${receivers}\ninhibit_rules: [{ source_matchers: ['a=~('] }]`,
      ['am.yml:3:37: inhibit_rules[0].source_matchers[0]: error parsing regexp: missing closing ): `^(?:()$`'],
    ],
    [
      `route: { receiver: r }\n${receivers}\nreceivers: []`,
      ['am.yml:3:1: not valid YAML: the key "receivers" stands here twice; remove one'],
    ],
  ])('%s', (text, expected) => {
    const found = faults(text);
    expect(found.map((line) => line.replace('not valid YAML: ', ''))).toEqual(expected.map((line) => line.replace('not valid YAML: ', '')));
  });

  it('all faults of a file are told at once', () => {
    expect(faults('route: { receiver: x, continue: true, group_wait: soon }\nreceivers: [{ name: r, sms_configs: [] }]')).toHaveLength(2);
  });
});

describe('the echo', () => {
  const config = parseConfig(
    `global: { smtp_auth_password: pw, slack_api_url: 'https://hooks.slack.com/T/B/x' }
route:
  receiver: r
  routes:
    - matchers: ['a="b"', 'c=~"d.*"']
      repeat_interval: 2h
receivers:
  - name: r
    webhook_configs: [{ url: 'https://user:pw@example.org/secret/path' }]
    opsgenie_configs: [{ api_key: k, details: { url: 'https://wiki/x' } }]
`,
    'am.yml',
  );

  it('hides secrets and nothing else', () => {
    const { original } = config;
    for (const secret of ['pw', 'hooks.slack.com', 'secret/path']) expect(original).not.toContain(secret);
    expect(original).toContain('url: "https://example.org/<secret>"');
    expect(original).toContain('url: https://wiki/x');
    expect(original).toContain('smtp_auth_password: <secret>');
  });

  it('is a configuration, with the defaults filled in', () => {
    const again = parseConfig(config.original, 'echo.yml');
    expect(again.route.routes[0]?.matchers.map(String)).toEqual(['a="b"', 'c=~"d.*"']);
    expect(again.route.routes[0]?.repeat_interval).toBe(7_200_000);
    expect([again.route.group_wait, again.route.group_interval, again.global.resolve_timeout]).toEqual([30_000, 300_000, 300_000]);
  });
});
