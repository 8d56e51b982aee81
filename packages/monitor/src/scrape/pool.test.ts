import { Registry } from '@pronoia/client';
import { ManualClock, silentLogger } from '@pronoia/server';
import { expect, it } from 'vitest';
import { parseConfig } from '../config/config.ts';
import type { ScrapeConfig } from '../config/scrape.ts';
import type { TargetGroup } from '../discovery/discoverer.ts';
import { Recorder } from '../recorder.ts';
import { ScrapeManager } from './manager.ts';
import { createScrapeMetrics } from './metrics.ts';

function jobs(text: string): readonly ScrapeConfig[] {
  return parseConfig(`global: { scrape_interval: 10s }\nscrape_configs: ${text}`, 'x.yml').scrape_configs;
}

function groups(...addresses: string[]): readonly TargetGroup[] {
  return [{ source: 's', labels: {}, targets: addresses.map((address) => ({ __address__: address })) }];
}

/** Jobs whose targets all show `a 1`. */
class Play {
  readonly clock = new ManualClock(1_000_000_000_000);
  readonly recorder = new Recorder();
  asked: string[] = [];
  readonly manager = new ScrapeManager({
    clock: this.clock,
    log: silentLogger,
    appendable: this.recorder,
    metrics: createScrapeMetrics(new Registry()),
    userAgent: 'test',
    timestampToleranceMs: 2,
    storesExemplars: false,
    offsetSeed: () => 0,
    createClient: () => ({
      fetch: async ({ url }) => {
        this.asked.push(url);
        return { status: 200, header: () => 'text/plain', body: Buffer.from('a 1\n') };
      },
      close: async () => undefined,
    }),
  });

  /** Moves on; which targets were scraped, in order of name, and how often markers were written. */
  async advance(seconds: number): Promise<{ asked: string[]; stale: number; added: number }> {
    this.asked = [];
    await this.clock.advance(seconds * 1000);
    const lines = this.recorder.take();
    const added = lines.filter((line) => line.startsWith('scrape_series_added') && line.includes('} 1 ')).length;
    return { asked: [...new Set(this.asked)].sort(), stale: lines.filter((line) => line.includes(' stale ')).length, added };
  }
}

it('scrapes new targets, leaves those that are gone, and counts a target once', async () => {
  const play = new Play();
  await play.manager.configure(jobs('[{ job_name: j }]'));
  play.manager.apply(new Map([['j', groups('h:1', 'h:2', 'h:2')]]));
  expect(await play.advance(10)).toEqual({ asked: ['http://h:1/metrics', 'http://h:2/metrics'], stale: 0, added: 2 });
  play.manager.apply(new Map([['j', groups('h:2', 'h:3')]]));
  expect(await play.advance(10)).toEqual({ asked: ['http://h:2/metrics', 'http://h:3/metrics'], stale: 0, added: 1 });
  expect((await play.advance(20)).stale).toBe(6);
  await play.manager.stop();
  expect(play.clock.pendingTimers).toBe(0);
});

it('scrapes nothing of a job with too many targets, and says so', async () => {
  const play = new Play();
  await play.manager.configure(jobs('[{ job_name: j, target_limit: 1 }]'));
  play.manager.apply(new Map([['j', groups('h:1', 'h:2')]]));
  expect((await play.advance(10)).asked).toEqual([]);
  expect(play.manager.pools[0]?.loops[0]?.health.lastError).toBe('target_limit exceeded (number of targets: 2, limit: 1)');
  play.manager.apply(new Map([['j', groups('h:1')]]));
  expect((await play.advance(10)).asked).toEqual(['http://h:1/metrics']);
  await play.manager.stop();
});

it('remembers dropped targets, as many as asked', async () => {
  const play = new Play();
  const drop = 'relabel_configs: [{ source_labels: [__address__], regex: "h:.", action: drop }]';
  await play.manager.configure(jobs(`[{ job_name: j, keep_dropped_targets: 1, ${drop} }]`));
  play.manager.apply(new Map([['j', groups('h:1', 'h:2', 'x:3')]]));
  const [pool] = play.manager.pools;
  expect(pool?.dropped.count).toBe(2);
  expect(pool?.dropped.kept.map((labels) => labels.get('__address__'))).toEqual(['h:1']);
  expect(pool?.loops).toHaveLength(1);
  await play.manager.stop();
});

it.each<[string, number]>([
  ['scrape_timeout: 9s', 0],
  ['sample_limit: 9', 0],
  ['honor_labels: true', 1],
])('keeps what it knows of a target over a reload, unless labels are decided otherwise: %s', async (change, added) => {
  const play = new Play();
  await play.manager.configure(jobs('[{ job_name: j }, { job_name: other }]'));
  play.manager.apply(new Map([['j', groups('h:1')]]));
  await play.advance(10);
  await play.manager.configure(jobs(`[{ job_name: j, ${change} }, { job_name: other }]`));
  play.manager.apply(new Map([['j', groups('h:1')]]));
  expect((await play.advance(10)).added).toBe(added);
  await play.manager.stop();
});

it('ends the series of a job that is removed', async () => {
  const play = new Play();
  await play.manager.configure(jobs('[{ job_name: j }]'));
  play.manager.apply(new Map([['j', groups('h:1')]]));
  await play.advance(10);
  await play.manager.configure([]);
  expect(await play.advance(21)).toEqual({ asked: [], stale: 6, added: 0 });
  await play.manager.stop();
  expect(play.clock.pendingTimers).toBe(0);
});
