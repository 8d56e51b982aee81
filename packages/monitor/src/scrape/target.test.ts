import { createRelabelRule, Labels, type RelabelOptions } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/config.ts';
import type { ScrapeConfig } from '../config/scrape.ts';
import { acceptHeader } from './accept.ts';
import { labelsOfSample } from './sample-labels.ts';
import { createTarget, type TargetOutcome } from './target.ts';

function config(text = ''): ScrapeConfig {
  return parseConfig(`scrape_configs: [{ job_name: j, scrape_interval: 15s, scrape_timeout: 10s, ${text} }]`, 'x.yml')
    .scrape_configs[0] as ScrapeConfig;
}

function f(found: Record<string, string>, text = '', rules: RelabelOptions[] = []): TargetOutcome {
  return createTarget(
    found,
    config(text),
    rules.map((rule) => createRelabelRule(rule)),
  );
}

describe('a discovered target', () => {
  it.each<[Record<string, string>, string, RelabelOptions[], string]>([
    [{ __address__: 'h:1' }, '', [], 'http://h:1/metrics'],
    [{ __address__: 'h:1' }, 'scheme: https, metrics_path: /m', [], 'https://h:1/m'],
    [{ __address__: 'h:1', __metrics_path__: 'x', __scheme__: 'https' }, '', [], 'https://h:1/x'],
    [{ __address__: 'h:1' }, 'params: { b: [2, 3], a: ["x y"] }', [], 'http://h:1/metrics?a=x+y&b=2&b=3'],
    [{ __address__: 'h:1', __param_b: '9', __param_c: '4' }, 'params: { b: [2, 3] }', [], 'http://h:1/metrics?b=9&b=3&c=4'],
    [{ __address__: 'h:1' }, '', [{ target_label: '__address__', replacement: 'proxy:2' }], 'http://proxy:2/metrics'],
  ])('%j with %j %j is scraped at %s', (found, text, rules, url) => {
    expect(f(found, text, rules)).toMatchObject({ kind: 'target', target: { url } });
  });

  it.each<[Record<string, string>, RelabelOptions[], string]>([
    [{}, [], 'no address'],
    [{ __address__: 'a/b' }, [], '"a/b" is not a valid hostname'],
    [{ __address__: 'h:1', __scrape_interval__: 'x' }, [], 'error parsing scrape interval or timeout'],
    [{ __address__: 'h:1', __scrape_interval__: '0' }, [], 'scrape interval cannot be 0'],
    [{ __address__: 'h:1', __scrape_interval__: '5s' }, [], 'scrape timeout cannot be greater than scrape interval (10s > 5s)'],
    [{ __address__: 'h:99999' }, [], 'not a valid URL'],
    [{ __address__: 'h:1' }, [{ target_label: '__address__', replacement: '' }], 'no address'],
  ])('%j is invalid with %j: %s', (found, rules, message) => {
    expect(f(found, '', rules)).toMatchObject({ kind: 'invalid', message: expect.stringContaining(message) as string });
  });

  it('gets its public labels, and keeps the others to itself', () => {
    const outcome = f({ __address__: 'h:1', __meta_x: 'm', team: 'a', empty: '' }, '', [
      { source_labels: ['__meta_x'], target_label: 'from_meta' },
    ]);
    expect(outcome.kind === 'target' && { ...outcome.target.labels.toObject() }).toEqual({
      from_meta: 'm',
      instance: 'h:1',
      job: 'j',
      team: 'a',
    });
    expect(outcome.kind === 'target' && outcome.target.discoveredLabels.get('__scrape_interval__')).toBe('15s');
    const own = f({ __address__: 'h:1', instance: 'i', job: 'other' });
    expect(own.kind === 'target' && { ...own.target.labels.toObject() }).toEqual({ instance: 'i', job: 'other' });
  });

  it('is dropped by relabeling with what it was', () => {
    const outcome = f({ __address__: 'h:1' }, '', [{ source_labels: ['__address__'], regex: 'h:1', action: 'drop' }]);
    expect(outcome).toMatchObject({ kind: 'dropped' });
  });

  it('is the same target when only metadata differs', () => {
    const keys = [{ __meta_a: '1' }, { __meta_a: '2' }, { team: 'x' }].map((more) => {
      const outcome = f({ __address__: 'h:1', ...more } as unknown as Record<string, string>);
      return outcome.kind === 'target' ? outcome.target.key : '';
    });
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).not.toBe(keys[2]);
  });
});

describe('labels of a sample', () => {
  const target = Labels.from({ job: 'j', instance: 'i' });
  it.each<[Record<string, string>, boolean, Record<string, string>]>([
    [{ a: '1' }, false, { a: '1', job: 'j', instance: 'i' }],
    [{ job: 'x' }, false, { job: 'j', instance: 'i', exported_job: 'x' }],
    [{ job: 'x', exported_job: 'y' }, false, { job: 'j', instance: 'i', exported_job: 'y', exported_exported_job: 'x' }],
    [{ job: 'x' }, true, { job: 'x', instance: 'i' }],
  ])('%j, honoured %s, are %j', (exposed, honor, expected) => {
    expect({ ...labelsOfSample(Labels.from(exposed), target, honor, [])?.toObject() }).toEqual(expected);
  });
});

it('asks for formats in the order of preference', () => {
  expect(acceptHeader(config().scrape_protocols, 'allow-utf-8')).toBe(
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
      'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  );
});
