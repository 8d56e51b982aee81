import { Registry } from '@pronoia/client';
import { createRelabelRule, Labels, type RelabelOptions } from '@pronoia/model';
import { ManualClock, silentLogger } from '@pronoia/server';
import { describe, expect, it } from 'vitest';
import { BodyLimitError, type HttpRequest } from '../http-client.ts';
import { Recorder } from '../recorder.ts';
import { parserFor } from './accept.ts';
import { type LoopSettings, ScrapeLoop } from './loop.ts';
import { createScrapeMetrics } from './metrics.ts';

const settings: LoopSettings = {
  honorLabels: false,
  honorTimestamps: true,
  trackTimestampsStaleness: false,
  metricRules: [],
  sampleLimit: 0,
  labelLimit: 0,
  labelNameLengthLimit: 0,
  labelValueLengthLimit: 0,
  legacyNames: false,
  storesExemplars: false,
  accept: '*/*',
  acceptGzip: true,
  bodyLimitBytes: 0,
  extraMetrics: false,
  parserFor: (contentType) => parserFor(contentType, undefined),
  startAtOnce: false,
  timestampToleranceMs: 2,
};

interface Answer {
  status?: number;
  type?: string;
  body?: string;
  fails?: Error;
}

/** A target whose pages are given one after another; times in what is recorded count from the first scrape. */
class Play {
  readonly clock = new ManualClock(1_000_000_000_000);
  readonly recorder = new Recorder();
  readonly requests: HttpRequest[] = [];
  readonly loop: ScrapeLoop;
  next: Answer = {};

  constructor(over: Partial<LoopSettings> = {}, rules: RelabelOptions[] = [], offsetMs = 0) {
    const target = {
      key: 'k',
      labels: Labels.from({ job: 'j', instance: 'i' }),
      discoveredLabels: Labels.empty,
      url: 'http://i/metrics',
      intervalMs: 10_000,
      timeoutMs: 5000,
    };
    const deps = {
      clock: this.clock,
      log: silentLogger,
      appendable: this.recorder,
      metrics: createScrapeMetrics(new Registry()),
      userAgent: 'test',
      fetch: async (request: HttpRequest) => {
        this.requests.push(request);
        const { status = 200, type = 'text/plain', body = '', fails } = this.next;
        if (fails !== undefined) throw fails;
        return { status, header: () => type, body: Buffer.from(body) };
      },
    };
    this.loop = new ScrapeLoop(target, offsetMs, deps, { ...settings, ...over, metricRules: rules.map((rule) => createRelabelRule(rule)) });
  }

  /** One scrape; what it wrote, without the series of the report except `up`. */
  async scrape(body: string | Answer): Promise<string[]> {
    this.next = typeof body === 'string' ? { body } : body;
    await this.loop.scrape(this.clock.now());
    const lines = this.recorder.take(this.clock.now());
    await this.clock.advance(10_000);
    return lines.filter((line) => !line.startsWith('scrape_')).map((line) => line.replace('instance="i", job="j"', '…'));
  }
}

describe('one scrape', () => {
  it('stores samples with the labels of the target, and a report', async () => {
    const play = new Play();
    play.next = { body: '# TYPE a counter\n# HELP a Helps.\na{x="1"} 2\nb 3\n' };
    await play.loop.scrape(play.clock.now());
    expect(play.recorder.take(play.clock.now())).toEqual([
      'a{instance="i", job="j", x="1"} 2 @0',
      'b{instance="i", job="j"} 3 @0',
      'up{instance="i", job="j"} 1 @0',
      'scrape_duration_seconds{instance="i", job="j"} 0 @0',
      'scrape_samples_scraped{instance="i", job="j"} 2 @0',
      'scrape_samples_post_metric_relabeling{instance="i", job="j"} 2 @0',
      'scrape_series_added{instance="i", job="j"} 2 @0',
    ]);
    expect(play.loop.cache.metadata.get('a')).toMatchObject({ type: 'counter', help: 'Helps.' });
    expect(play.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'gzip', 'x-prometheus-scrape-timeout-seconds': '5' });
    expect(play.loop.health).toMatchObject({ health: 'up', lastError: '' });
  });

  it('marks what was there before and is missing now', async () => {
    const play = new Play();
    expect(await play.scrape('a 1\nb 2\n')).toEqual(['a{…} 1 @0', 'b{…} 2 @0', 'up{…} 1 @0']);
    expect(await play.scrape('b 3\n')).toEqual(['b{…} 3 @0', 'a{…} stale @0', 'up{…} 1 @0']);
    expect(await play.scrape('b 3\n')).toEqual(['b{…} 3 @0', 'up{…} 1 @0']);
    expect(await play.scrape('a 4\nb 3\n')).toEqual(['a{…} 4 @0', 'b{…} 3 @0', 'up{…} 1 @0']);
    expect(await play.scrape('b 5\na 6\n')).toEqual(['b{…} 5 @0', 'a{…} 6 @0', 'up{…} 1 @0']);
  });

  it.each<[string, Answer, string]>([
    ['a bad status', { status: 404 }, 'server returned HTTP status 404 Not Found'],
    ['a refused connection', { fails: new Error('connection refused') }, 'connection refused'],
    ['an unknown format', { type: 'text/html', body: '<p>' }, 'received unsupported Content-Type "text/html"'],
    ['no format', { type: '' }, 'sending blank Content-Type'],
    ['a page that is damaged in the middle', { body: 'a 1\nc 7\nb {\n' }, 'line 3'],
    ['a page that is too large', { fails: new BodyLimitError() }, 'body size limit exceeded'],
    ['OpenMetrics that was cut off', { type: 'application/openmetrics-text', body: 'a 1\n' }, '# EOF'],
  ])('takes %s as the end of every series', async (_, answer, message) => {
    const play = new Play();
    await play.scrape('a 1\nb 2\n');
    expect(await play.scrape(answer)).toEqual(['a{…} stale @0', 'b{…} stale @0', 'up{…} 0 @0']);
    expect(play.loop.health).toMatchObject({ health: 'down' });
    expect(play.loop.health.lastError).toContain(message);
    expect(await play.scrape(answer)).toEqual(['up{…} 0 @0']);
    expect(await play.scrape('a 1\n')).toEqual(['a{…} 1 @0', 'up{…} 1 @0']);
  });

  it('fails when storage fails, and goes on when it works again', async () => {
    const play = new Play();
    await play.scrape('a 1\n');
    play.recorder.failure = new Error('disk full');
    expect(await play.scrape('a 2\n')).toEqual([]);
    expect(play.loop.health.lastError).toBe('disk full');
    play.recorder.failure = undefined;
    expect(await play.scrape('a 3\n')).toEqual(['a{…} 3 @0', 'up{…} 1 @0']);
  });

  it('keeps a series with its own timestamp out of staleness, unless asked', async () => {
    const own = new Play();
    await own.scrape('a 1 1000\nb 2\n');
    expect(await own.scrape('')).toEqual(['b{…} stale @0', 'up{…} 1 @0']);
    const tracked = new Play({ trackTimestampsStaleness: true });
    await tracked.scrape('a 1 1000\n');
    expect(await tracked.scrape('')).toEqual(['a{…} stale @0', 'up{…} 1 @0']);
    const ignored = new Play({ honorTimestamps: false });
    expect(await ignored.scrape('a 1 1000\n')).toEqual(['a{…} 1 @0', 'up{…} 1 @0']);
  });

  it('lets the target win over the page, or the page over the target', async () => {
    expect(await new Play().scrape('a{job="x",exported_job="y"} 1\n')).toEqual([
      'a{exported_exported_job="x", exported_job="y", …} 1 @0',
      'up{…} 1 @0',
    ]);
    expect(await new Play({ honorLabels: true }).scrape('a{job="x"} 1\n')).toEqual(['a{instance="i", job="x"} 1 @0', 'up{…} 1 @0']);
  });

  it('relabels samples, and counts before and after', async () => {
    const play = new Play({}, [{ source_labels: ['__name__'], regex: 'b', action: 'drop' }]);
    play.next = { body: 'a 1\nb 2\n' };
    for (const added of [1, 0]) {
      await play.loop.scrape(play.clock.now());
      const lines = play.recorder.take().map((line) => line.replace(/\{.*\}|@.*/g, '').trim());
      expect(lines).toContain('a 1');
      expect(lines.some((line) => line.startsWith('b'))).toBe(false);
      expect(lines).toContain('scrape_samples_scraped 2');
      expect(lines).toContain('scrape_samples_post_metric_relabeling 1');
      expect(lines).toContain(`scrape_series_added ${added}`);
      await play.clock.advance(10_000);
    }
  });

  it.each<[Partial<LoopSettings>, string, string]>([
    [{ sampleLimit: 1 }, 'a 1\nb 2\n', 'sample limit exceeded'],
    [{ labelLimit: 3 }, 'a{x="1"} 1\n', 'label_limit exceeded (metric: a, number of labels: 4, limit: 3)'],
    [{ labelNameLengthLimit: 8 }, 'a{xxxxxxxxx="1"} 1\n', 'label_name_length_limit exceeded'],
    [{ labelValueLengthLimit: 3 }, 'a{x="ää"} 1\n', 'label_value_length_limit exceeded'],
    [{ legacyNames: true }, '{"a.b"} 1\n', 'not a valid metric name in the legacy scheme'],
  ])('fails the whole scrape over the limit %j', async (limits, body, message) => {
    const play = new Play(limits);
    expect(await play.scrape(body)).toEqual(['up{…} 0 @0']);
    expect(play.loop.health.lastError).toContain(message);
  });

  it('takes the first of two samples of one series', async () => {
    expect(await new Play().scrape('a 1\na 2\n')).toEqual(['a{…} 1 @0', 'up{…} 1 @0']);
  });

  it('fetches nothing while an error is forced on it', async () => {
    const play = new Play();
    play.loop.forcedError = 'target_limit exceeded (number of targets: 2, limit: 1)';
    expect(await play.scrape('a 1\n')).toEqual(['up{…} 0 @0']);
    expect(play.requests).toEqual([]);
  });
});

describe('the loop', () => {
  const times = (play: Play): number[] =>
    play.recorder
      .take(1_000_000_000_000)
      .filter((line) => line.startsWith('up{'))
      .map((line) => Number(line.split('@')[1]));

  it('scrapes on its slot of the grid', async () => {
    const play = new Play({}, [], 3000);
    play.loop.start();
    await play.clock.advance(35_000);
    expect(times(play)).toEqual([3000, 13_000, 23_000, 33_000]);
    await play.loop.kill();
    expect(play.clock.pendingTimers).toBe(0);
  });

  it('starts at once where targets are short-lived', async () => {
    const play = new Play({ startAtOnce: true }, [], 3000);
    play.loop.start();
    await play.clock.advance(14_000);
    expect(times(play)).toEqual([0, 3000, 13_000]);
    await play.loop.kill();
  });

  it('leaves markers when its target is gone, at the slot that was not scraped, after one more', async () => {
    const play = new Play();
    play.next = { body: 'a 1\n' };
    play.loop.start();
    await play.clock.advance(11_000);
    play.recorder.take();
    const stopped = play.loop.stop('target_gone');
    await play.clock.advance(19_000);
    expect(play.recorder.take()).toEqual([]);
    await play.clock.advance(2000);
    await stopped;
    const lines = play.recorder.take(1_000_000_000_000);
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe('a{instance="i", job="j"} stale @20000');
    expect(lines[1]).toBe('up{instance="i", job="j"} stale @20000');
  });

  it('leaves no markers when it is handed over or killed', async () => {
    for (const end of ['handed_over', 'kill', 'gone_then_kill'] as const) {
      const play = new Play();
      play.next = { body: 'a 1\n' };
      play.loop.start();
      await play.clock.advance(11_000);
      play.recorder.take();
      if (end === 'gone_then_kill') void play.loop.stop('target_gone');
      await (end === 'handed_over' ? play.loop.stop('handed_over') : play.loop.kill());
      await play.clock.advance(60_000);
      expect(play.recorder.take()).toEqual([]);
      expect(play.clock.pendingTimers).toBe(0);
    }
  });
});
