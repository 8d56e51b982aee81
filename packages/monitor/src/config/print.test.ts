import { expect, it } from 'vitest';
import { parseConfig } from './config.ts';
import { printConfig } from './print.ts';

const text = `
global: { scrape_interval: 15s, external_labels: { zone: eu } }
rule_files: [/etc/rules.yml]
scrape_configs:
- job_name: "a b"
  basic_auth: { username: u, password: hunter2 }
  params: { "x[]": ["1", yes, "true"] }
  http_headers: { X-Key: { secrets: [s3cret], values: [v] } }
  static_configs: [{ targets: ["h:1"], labels: { k: "" } }]
  relabel_configs: [{ target_label: gone, replacement: "" }]
  http_sd_configs: [{ url: "http://me:pw@sd/x" }]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["am:1"] }] }] }
`;

it('prints what reads back to the same configuration, without its secrets', () => {
  const config = parseConfig(text, '/etc/prometheus.yml');
  const printed = printConfig(config);
  expect(printed).not.toMatch(/hunter2|s3cret|pw@/);
  expect(printed).toContain('scrape_interval: 15s\n');
  expect(printed).toContain('password: <secret>\n');
  const again = parseConfig(printed, '/etc/prometheus.yml');
  const hide = (value: unknown): string =>
    JSON.stringify(value).replaceAll('hunter2', '<secret>').replaceAll('s3cret', '<secret>').replaceAll('pw@', 'xxxxx@');
  expect(JSON.parse(hide(again))).toEqual(JSON.parse(hide(config)));
});
