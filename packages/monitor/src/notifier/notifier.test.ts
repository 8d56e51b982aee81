import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import { ManualClock, silentLogger } from '@pronoia/server';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../config/config.ts';
import type { HttpRequest } from '../http-client.ts';
import type { AlertMessage } from './alert-message.ts';
import { jobOfEntry, Notifier } from './manager.ts';
import { createNotifierMetrics } from './metrics.ts';

const alert = (name: string): AlertMessage => ({
  labels: Labels.from({ alertname: name, replica: 'r1' }),
  annotations: Labels.from({ summary: 's' }),
  startsAtMs: 1_700_000_000_000,
  endsAtMs: 1_700_000_060_000,
  generatorUrl: 'http://m/graph',
});

/** Alertmanagers that answer what the test says. */
class Play {
  readonly clock = new ManualClock();
  readonly registry = new Registry();
  readonly requests: HttpRequest[] = [];
  /** Statuses of the next answers; 0 = no connection; none left = 200. */
  statuses: number[] = [];
  readonly notifier: Notifier;

  constructor(settings = { capacity: 5, batchSize: 2 }) {
    this.notifier = new Notifier({
      clock: this.clock,
      log: silentLogger,
      metrics: createNotifierMetrics(this.registry),
      settings,
      drainOnStop: true,
      createClient: () => ({
        fetch: async (request) => {
          this.requests.push(request);
          const status = this.statuses.shift() ?? 200;
          if (status === 0) throw new Error('connection refused');
          return { status, header: () => '', body: Buffer.from('because') };
        },
        close: async () => undefined,
      }),
    });
  }

  async configure(alerting: string, addresses: readonly string[], external: Record<string, string> = {}): Promise<void> {
    await this.notifier.configure(parseConfig(`alerting: ${alerting}`, 'x.yml').alerting, Labels.from(external));
    this.notifier.apply(
      new Map([[jobOfEntry(0), [{ source: 's', labels: {}, targets: addresses.map((address) => ({ __address__: address })) }]]]),
    );
  }

  get bodies(): { labels: Record<string, string> }[][] {
    return this.requests.map(({ body }) => JSON.parse(body as string) as { labels: Record<string, string> }[]);
  }

  async metric(name: string): Promise<number> {
    const line = (await this.registry.metrics()).split('\n').find((text) => text.startsWith(`prometheus_notifications_${name}{`));
    return Number(line?.split(' ').at(-1) ?? 0);
  }
}

describe('the notifier', () => {
  it('posts what Alertmanagers understand, to each of them', async () => {
    const play = new Play();
    await play.configure('{ alertmanagers: [{ path_prefix: /am/, scheme: https }] }', ['a:1', 'b:2'], { zone: 'eu', replica: 'other' });
    play.notifier.send([alert('A')]);
    await play.clock.settle();
    expect(play.requests.map(({ url }) => url)).toEqual(['https://a:1/am/api/v2/alerts', 'https://b:2/am/api/v2/alerts']);
    expect(play.requests[0]).toMatchObject({ method: 'POST', timeoutMs: 10_000, headers: { 'content-type': 'application/json' } });
    expect(play.bodies[0]).toEqual([
      {
        annotations: { summary: 's' },
        endsAt: '2023-11-14T22:14:20.000Z',
        startsAt: '2023-11-14T22:13:20.000Z',
        generatorURL: 'http://m/graph',
        labels: { alertname: 'A', replica: 'r1', zone: 'eu' },
      },
    ]);
  });

  it('relabels alerts for all, then for one group, and Alertmanagers themselves', async () => {
    const play = new Play();
    await play.configure(
      `{ alert_relabel_configs: [{ regex: replica, action: labeldrop }],
         alertmanagers: [{ alert_relabel_configs: [{ source_labels: [alertname], regex: Quiet, action: drop }],
                           relabel_configs: [{ source_labels: [__address__], regex: "b:.*", action: drop }] }] }`,
      ['a:1', 'b:2'],
    );
    expect(play.notifier.activeUrls).toEqual(['http://a:1/api/v2/alerts']);
    expect(play.notifier.droppedUrls).toEqual(['http://b:2/api/v2/alerts']);
    play.notifier.send([alert('A'), alert('Quiet')]);
    await play.clock.settle();
    expect(play.bodies[0]?.map(({ labels }) => labels)).toEqual([{ alertname: 'A' }]);
  });

  it('sends in batches, in order', async () => {
    const play = new Play();
    await play.configure('{ alertmanagers: [{}] }', ['a:1']);
    play.notifier.send(['1', '2', '3', '4', '5'].map(alert));
    await play.clock.settle();
    expect(play.bodies.map((body) => body.map(({ labels }) => labels.alertname).join())).toEqual(['1,2', '3,4', '5']);
    expect(await play.metric('sent_total')).toBe(5);
  });

  it('drops the oldest when too many wait', async () => {
    const play = new Play();
    await play.configure('{ alertmanagers: [{}] }', ['a:1']);
    play.statuses = [0];
    play.notifier.send(['1', '2'].map(alert));
    await play.clock.settle();
    play.notifier.send(['3', '4', '5', '6', '7', '8', '9'].map(alert));
    await play.clock.advance(500);
    expect(play.bodies.map((body) => body.map(({ labels }) => labels.alertname).join())).toEqual(['1,2', '1,2', '5,6', '7,8', '9']);
    expect(await play.metric('dropped_total')).toBe(2);
  });

  it('tries again while the Alertmanager restarts, and gives up in the end', async () => {
    const play = new Play();
    await play.configure('{ alertmanagers: [{}] }', ['a:1']);
    play.statuses = [0, 503];
    play.notifier.send([alert('A')]);
    await play.clock.advance(3000);
    expect(play.requests).toHaveLength(3);
    expect(await play.metric('sent_total')).toBe(1);
    play.statuses = [0, 0, 0, 0];
    play.notifier.send([alert('B')]);
    await play.clock.advance(20_000);
    expect(play.requests).toHaveLength(7);
    expect(await play.metric('errors_total')).toBe(1);
    play.statuses = [400];
    play.notifier.send([alert('C')]);
    await play.clock.advance(20_000);
    expect(play.requests).toHaveLength(8);
    expect(await play.metric('errors_total')).toBe(2);
    expect(play.clock.pendingTimers).toBe(0);
  });

  it('keeps the queues of entries that did not change, and drains at the end', async () => {
    const play = new Play();
    await play.configure('{ alertmanagers: [{}] }', ['a:1']);
    play.statuses = [0];
    play.notifier.send([alert('A')]);
    await play.clock.settle();
    await play.configure('{ alertmanagers: [{}] }', ['a:1']);
    await play.notifier.stop();
    expect(play.requests).toHaveLength(2);
    play.notifier.send([alert('B')]);
    expect(play.requests).toHaveLength(2);
  });
});
