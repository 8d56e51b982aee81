import { ConfigError } from '@pronoia/server';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';

const parse = (text: string, env: Record<string, string> = {}) => parseConfig(text, '/etc/monitor/prometheus.yml', { env });
function failureOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
const fault = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  return 'no fault';
};

describe('prometheus.yml', () => {
  it('may be empty', () => {
    for (const text of ['', '{}', '# only a comment\n']) {
      const config = parse(text);
      expect(config.scrape_configs).toEqual([]);
      expect(config.global).toMatchObject({ scrape_interval: 60_000, scrape_timeout: 10_000, evaluation_interval: 60_000 });
    }
  });

  it('fills every job from global, and lets the job win', () => {
    const config = parse(
      `
global:
  scrape_interval: 15s
  sample_limit: 100
  external_labels: { zone: "$ZONE", host: "\${HOST}", price: "$$5", gone: "$UNSET" }
scrape_configs:
- job_name: quick
  scrape_interval: 5s
  sample_limit: 7
  static_configs: [{ targets: ["a:1", "b:2"], labels: { team: x } }]
- job_name: plain
  mesos_sd_configs: [{ master: "http://127.0.0.1:5050" }]
  relabel_configs: [{ source_labels: [__meta_mesos_role], regex: task, action: keep }]
`,
      { ZONE: 'eu', HOST: 'h1' },
    );
    expect(config.global.external_labels).toEqual({ zone: 'eu', host: 'h1', price: '$5' });
    expect(config.scrape_configs[0]).toMatchObject({
      scrape_interval: 5000,
      scrape_timeout: 5000,
      sample_limit: 7,
      metrics_path: '/metrics',
      scheme: 'http',
      honor_timestamps: true,
    });
    expect(config.scrape_configs[1]).toMatchObject({ scrape_interval: 15_000, scrape_timeout: 10_000, sample_limit: 100 });
    expect(config.scrape_configs[1]?.mesos_sd_configs).toEqual([
      { master: 'http://127.0.0.1:5050', refresh_interval: 1000, follow_redirects: true, enable_http2: true },
    ]);
  });

  it('means relative paths from its own folder', () => {
    const config = parse(`
rule_files: ["rules/*.yml", "/abs/x.yml"]
scrape_configs:
- job_name: a
  basic_auth: { username: u, password_file: secret }
  file_sd_configs: [{ files: ["targets/*.json"] }]
`);
    expect(config.rule_files).toEqual(['/etc/monitor/rules/*.yml', '/abs/x.yml']);
    expect(config.scrape_configs[0]?.basic_auth).toEqual({ username: 'u', password_file: '/etc/monitor/secret' });
    expect(config.scrape_configs[0]?.file_sd_configs[0]).toEqual({ files: ['/etc/monitor/targets/*.json'], refresh_interval: 300_000 });
  });

  it('reads alertmanagers', () => {
    const { alerting } = parse(`
alerting:
  alert_relabel_configs: [{ regex: replica, action: labeldrop }]
  alertmanagers:
  - path_prefix: /am
    static_configs: [{ targets: ["am:9093"] }]
`);
    expect(alerting.alertmanagers[0]).toMatchObject({ path_prefix: '/am', scheme: 'http', timeout: 10_000, api_version: 'v2' });
  });

  it('folds bearer_token into authorization', () => {
    expect(parse('scrape_configs: [{ job_name: a, bearer_token: x }]').scrape_configs[0]?.authorization).toEqual({
      type: 'Bearer',
      credentials: 'x',
    });
  });

  it.each<[string, string]>([
    ['scrape_configs:\n- job_name: ""', 'prometheus.yml:2:13: scrape_configs[0].job_name: job_name is empty'],
    [
      'scrape_configs:\n- job_name: a\n- job_name: a',
      'prometheus.yml:3:13: scrape_configs[1].job_name: found multiple scrape configs with job name "a"',
    ],
    [
      'scrape_configs: [{ job_name: a, scrape_interval: 5s, scrape_timeout: 6s }]',
      'scrape timeout greater than scrape interval for scrape config with job name "a"',
    ],
    ['global: { scrape_interval: 5s, scrape_timeout: 6s }', 'global scrape timeout greater than scrape interval'],
    ['scrape_configs: [null]', 'empty or null scrape config section'],
    ['scrape_configs: [{ job_name: a, static_configs: [null] }]', 'empty or null section in static_configs'],
    ['scrape_configs: [{ job_name: a, relabel_configs: [null] }]', 'empty or null target relabeling rule'],
    ['scrape_configs: [{ job_name: a, relabel_configs: [{ action: nope }] }]', 'unknown relabel action "nope"'],
    ['scrape_configs: [{ job_name: a, static_configs: [{ targets: ["http://x"] }] }]', '"http://x" is not a valid hostname'],
    [
      'scrape_configs: [{ job_name: a, basic_auth: {}, authorization: {} }]',
      'at most one of basic_auth, oauth2 & authorization must be configured',
    ],
    ['scrape_configs: [{ job_name: a, tls_config: { cert: x } }]', 'exactly one of key or key_file must be configured'],
    ['scrape_configs: [{ job_name: a, http_headers: { host: { values: [x] } } }]', 'setting header "host" is not allowed'],
    ['scrape_configs: [{ job_name: a, consul_sd_configs: [{}] }]', 'not implemented yet: service discovery by consul'],
    ['scrape_configs: [{ job_name: a, file_sd_configs: [{ files: ["a.txt"] }] }]', 'is not valid for file discovery'],
    ['scrape_configs: [{ job_name: a, scrape_protocols: [Nope] }]', 'unknown scrape protocol Nope'],
    ['scrape_configs: [{ job_name: a, scrape_native_histograms: true }]', 'not implemented yet: native histograms in scrapes'],
    ['scrape_configs: [{ job_nam: a }]', 'job_nam'],
    ['remote_write: [{ url: "http://x" }]', 'prometheus.yml:1:15: remote_write: not implemented yet: remote_write'],
    ['tracing: {}', 'not implemented yet: tracing'],
    ['storage: { tsdb: { retention: { time: 1d } } }', 'storage.tsdb.retention: not implemented yet: retention by configuration'],
    ['storage: { keep: ["{job=x} 2y"] }', 'prometheus.yml:1:19: storage.keep[0]: "{job=x}"'],
    ['storage: { keep: ["up"] }', '"up": a selector and a duration are expected, as in {job="audit"} 2y'],
    ['storage: { keep: ["up 2x"] }', 'storage.keep[0]'],
    ['storage: { exemplars: { max_exemplars: 1 } }', 'not implemented yet: storage.exemplars'],
    ['storage: { tsdb: { out_of_order_time_window: 5x } }', 'prometheus.yml:1:46: storage.tsdb.out_of_order_time_window'],
    ['rule_files: ["a*/b"]', 'invalid rule file path "/etc/monitor/a*/b"'],
    ['alerting: { alertmanagers: [{ api_version: v1 }] }', 'expected Alertmanager api version to be one of [v2] but got v1'],
    ['nope: 1', 'nope'],
    ['global: [', 'prometheus.yml:1'],
  ])('refuses %j', (text, message) => {
    expect(fault(text)).toContain(message);
  });

  it('answers anything at all with a configuration or with a list of faults', () => {
    const keys = [
      'global',
      'scrape_configs',
      'job_name',
      'static_configs',
      'targets',
      'labels',
      'alerting',
      'alertmanagers',
      'rule_files',
      'relabel_configs',
      'x',
    ];
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, 0, -1, 1.5, '', '5s', 'a', 'http://x', '${x}', '*'),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    const text = fc.oneof(
      value.map((tree) => JSON.stringify(tree)),
      fc.string({ unit: 'binary', maxLength: 100 }),
    );
    fc.assert(
      fc.property(text, (document) => {
        const failure = failureOf(() => parse(document));
        expect(failure === undefined || failure instanceof ConfigError, `${document}: ${String(failure)}`).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('lists every fault at once', () => {
    const text = fault('global: { scrape_interval: 5x }\nscrape_configs: [{ job_name: a, scheme: ftp }]\nwrong: 1');
    expect(text.split('\n').filter((line) => line.includes('prometheus.yml:')).length).toBe(3);
  });
});
