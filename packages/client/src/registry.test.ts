import { describe, expect, it } from 'vitest';
import * as client from './index.ts';

const help = 'Help.';
const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';

/** What a collector of the user's own may say. */
const ownFamily: client.MetricObjectWithValues = {
  name: 'own',
  help,
  type: 'gauge',
  aggregator: 'sum',
  values: Array.from({ length: 60_000 }, (_, i) => ({ value: i, labels: { path: `/api/v1/resource/${i}` } })),
};

function large(series: number): client.Registry {
  const registry = new client.Registry();
  const counter = new client.Counter({ name: 'c_total', help, labelNames: ['path', 'code'], registers: [registry] });
  for (let i = 0; i < series; i++) counter.inc({ path: `/api/v1/resource/${i}`, code: 200 }, i + 0.5);
  return registry;
}

/** How often the event loop turned while `work` was under way: what else was waiting had so many chances to run. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  isOver = true;
  return turns;
}

async function drained(body: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of body) bytes += piece.length;
  return bytes;
}

async function gathered(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('a large registry', () => {
  const registry = large(60_000);

  it('streams the same text that it gives at once', async () => {
    const { contentType, body } = await registry.stream();
    expect(contentType).toBe(registry.contentType);
    const streamed = await gathered(body);
    expect(streamed).toBe(await registry.metrics());
    expect(streamed).toBe(registry.metricsSync());
    expect(streamed.split('\n')).toHaveLength(60_003);
  });

  it('streams in pieces', async () => {
    const sizes: number[] = [];
    for await (const piece of (await registry.stream()).body) sizes.push(piece.length);
    expect(sizes.length).toBeGreaterThan(20);
    expect(Math.max(...sizes)).toBeLessThan(200_000);
  });

  const own: client.Registry = new client.Registry();
  own.registerMetric({ name: 'own', help, type: 'gauge', aggregator: 'sum', get: () => ownFamily });

  // Large enough that a reader on any machine needs several times the slice after which it must pause.
  const larger = large(400_000);
  it.each<[how: string, read: () => Promise<unknown>]>([
    ['as one text', () => larger.metrics()],
    ['as bytes', () => larger.render()],
    ['in pieces', async () => drained((await larger.stream()).body)],
    ['as OpenMetrics', () => larger.render('application/openmetrics-text')],
    ['as protobuf', () => larger.render(PROTOBUF)],
    ["of a user's own collector, as one text", () => own.metrics()],
    ["of a user's own collector, as protobuf", () => own.render(PROTOBUF)],
  ])('lets others run while it is written, %s', async (_, read) => {
    // How long a hold lasts is the machine's business, and measured by hand; that there are several is ours.
    expect(await turnsDuring(read)).toBeGreaterThan(2);
  });

  it('never shows a series twice, whatever happens while it is read', async () => {
    const changing = large(20_000);
    const counter = changing.getSingleMetric('c_total') as client.Counter<'path' | 'code'>;
    let turns = 0;
    for await (const _ of (await changing.stream()).body) {
      if (turns++ === 1) {
        for (let i = 0; i < 15_000; i++) counter.remove({ path: `/api/v1/resource/${i}`, code: 200 });
        for (let i = 0; i < 15_000; i++) counter.inc({ path: `/api/v1/resource/${i}`, code: 200 });
      }
    }
    const text = await gathered((await changing.stream()).body);
    const names = text.split('\n').map((line) => line.split(' ')[0]);
    expect(names.filter((name) => name?.startsWith('c_total'))).toHaveLength(20_000);
    let isReset = false;
    const seen: string[] = [];
    for await (const piece of (await changing.stream()).body) {
      seen.push(
        ...Buffer.from(piece)
          .toString()
          .split('\n')
          .map((line) => line.split(' ')[0] as string)
          .filter((name) => name.endsWith('}')),
      );
      if (!isReset) counter.reset();
      isReset = true;
      for (let i = 19_999; i >= 0; i--) counter.inc({ path: `/api/v1/resource/${i}`, code: 200 });
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('stops reading when the reader leaves', async () => {
    const left = large(10_000);
    for await (const _ of (await left.stream()).body) break;
    const counter = left.getSingleMetric('c_total') as client.Counter<'path' | 'code'>;
    for (let i = 0; i < 9_990; i++) counter.remove({ path: `/api/v1/resource/${i}`, code: 200 });
    expect(counter.series.size).toBeLessThan(100);
  });
});

describe('a registry', () => {
  it('gives the metric that is there, or makes it', () => {
    const registry = new client.Registry();
    const make = () => registry.getOrCreate('a_total', (registers) => new client.Counter({ name: 'a_total', help, registers }));
    expect(make()).toBe(make());
    expect(registry.getMetricsAsArray()).toHaveLength(1);
  });

  it('says which metric cannot be read at once', () => {
    const registry = new client.Registry();
    new client.Gauge({ name: 'slow', help, registers: [registry], collect: async () => {} });
    expect(() => registry.metricsSync()).toThrow('The metric slow collects asynchronously; use metrics() instead of metricsSync()');
  });

  it('reports the failure of a collect function, and recovers with it', async () => {
    const registry = new client.Registry();
    let isBroken = true;
    new client.Gauge({
      name: 'g',
      help,
      registers: [registry],
      collect: () => {
        if (isBroken) throw new Error('sensor unplugged');
      },
    });
    await expect(registry.metrics()).rejects.toThrow('sensor unplugged');
    await expect(registry.getMetricsAsJSON()).rejects.toThrow('sensor unplugged');
    isBroken = false;
    expect(await registry.metrics()).toContain('g 0');
  });

  it("takes collectors of the user's own", async () => {
    const registry = new client.Registry();
    const values = [
      { value: 3, labels: { disk: 'sda' } },
      { value: NaN, labels: {} },
    ];
    registry.registerMetric({
      name: 'own',
      help,
      type: 'gauge',
      aggregator: 'sum',
      get: async () => ({ name: 'own', help, type: 'gauge', aggregator: 'sum', values }),
    });
    expect(await registry.metrics()).toBe('# HELP own Help.\n# TYPE own gauge\nown{disk="sda"} 3\nown NaN\n');
  });

  it('shows what several registries hold, merged', async () => {
    const [one, two] = [new client.Registry(), new client.Registry()];
    new client.Gauge({ name: 'a', help, registers: [one] }).set(1);
    new client.Gauge({ name: 'b', help, registers: [two] }).set(2);
    expect(await client.Registry.merge([one, two]).metrics()).toContain('b 2');
  });

  it('is the same metric in several registries', async () => {
    const registries = [new client.Registry(), new client.Registry()];
    new client.Counter({ name: 'a_total', help, registers: registries }).inc(4);
    expect(await Promise.all(registries.map((registry) => registry.getSingleMetricAsString('a_total')))).toEqual(
      Array(2).fill('# HELP a_total Help.\n# TYPE a_total counter\na_total 4'),
    );
  });
});

describe('aggregation', () => {
  it.each([
    ['sum', 6],
    ['first', 1],
    ['average', 2],
    ['min', 1],
    ['max', 3],
    ['omit', undefined],
  ] as const)('%s of 1, 2 and 3 is %s', async (aggregator, expected) => {
    const processes = await Promise.all(
      [1, 2, 3].map((value) => {
        const registry = new client.Registry();
        new client.Gauge({ name: 'g', help, labelNames: ['a', 'b'], aggregator, registers: [registry] }).set(
          value % 2 ? { a: 'x', b: 'y' } : { b: 'y', a: 'x' },
          value,
        );
        return registry.getMetricsAsJSON();
      }),
    );
    const json = await client.Registry.aggregate(processes).getMetricsAsJSON();
    expect(json[0]?.values.map(({ value }) => value)).toEqual(expected === undefined ? undefined : [expected]);
  });

  it('refuses an aggregator that does not exist', () => {
    const family = { name: 'g', help, type: 'gauge', aggregator: 'median' as never, values: [] } as const;
    expect(() => client.Registry.aggregate([[{ ...family, values: [] }]])).toThrow("'median' is not a defined aggregator.");
  });
});
