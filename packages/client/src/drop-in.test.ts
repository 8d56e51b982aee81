/** The same programs against prom-client and ours: texts, JSON forms and errors must be equal. Allowed differences are named where they are made equal. */
import promClient from 'prom-client';
import { describe, expect, it } from 'vitest';
import * as ours from './node.ts';

/** The parts of prom-client's surface that the programs use; both libraries are called through it. */
type Library = typeof ours;
const theirs = promClient as unknown as Library;

interface Program {
  readonly name: string;
  readonly run: (library: Library, registry: ours.Registry) => unknown;
}

const names = ['method', 'code'];
const help = 'Help.';

const programs: Program[] = [
  { name: 'nothing registered', run: () => {} },
  { name: 'a counter without labels', run: (l, r) => new l.Counter({ name: 'a_total', help, registers: [r] }).inc() },
  { name: 'a counter never touched', run: (l, r) => new l.Counter({ name: 'a_total', help, registers: [r] }) },
  { name: 'a labelled counter never touched', run: (l, r) => new l.Counter({ name: 'a_total', help, labelNames: names, registers: [r] }) },
  {
    name: 'labels in declared, other and partial order, numbers as values',
    run: (l, r) => {
      const c = new l.Counter({ name: 'a_total', help, labelNames: names, registers: [r] });
      c.inc({ method: 'GET', code: 200 });
      c.inc({ code: '200', method: 'GET' }, 2.5);
      c.inc({ code: '404', method: 'POST' });
      c.inc({ method: 'PUT' }, 7);
      c.inc({ code: 500 });
      c.inc();
      c.inc(4);
      c.inc({}, 5);
      c.labels('GET', '200').inc();
      c.labels({ method: 'PUT' }).inc(3);
      c.inc({ method: '', code: '' });
    },
  },
  {
    name: 'values that need escaping',
    run: (l, r) => {
      const g = new l.Gauge({ name: 'g', help: 'back\\slash and\nnewline "quoted"', labelNames: ['a'], registers: [r] });
      for (const a of ['\\', '"', '\n', 'é', '日本', '😀', 'a\\"\nb', '{}', ',']) g.set({ a }, 1);
    },
  },
  {
    name: 'numbers of every size',
    run: (l, r) => {
      const g = new l.Gauge({ name: 'g', help, labelNames: ['n'], registers: [r] });
      const numbers = [
        0,
        -0,
        1,
        -1,
        0.1,
        0.5,
        1.5,
        1e-6,
        1e-7,
        123456.789,
        1e15,
        1e21,
        1e300,
        5e-324,
        2 ** 31,
        2 ** 31 - 1,
        -(2 ** 31),
        2 ** 53,
      ];
      numbers.push(1 / 3, 0.1 + 0.2, 4.35, 1.005, 999999.999999, 1234567890.12, 0.000123, 1e9, 10, 100, 1e10 + 0.5, Infinity, -Infinity);
      for (const [i, n] of numbers.entries()) g.set({ n: i }, n);
    },
  },
  {
    name: 'a gauge through all its verbs',
    run: (l, r) => {
      const g = new l.Gauge({ name: 'g', help, registers: [r] });
      g.set(5);
      g.inc();
      g.inc(2);
      g.dec();
      g.dec(0.5);
      const h = new l.Gauge({ name: 'h', help, labelNames: names, registers: [r] });
      h.labels('GET', '200').set(3);
      h.labels('GET', '200').inc();
      h.labels('GET', '200').dec(2);
      h.inc({ method: 'PUT' });
      h.dec({ method: 'PUT' }, 3);
    },
  },
  {
    name: 'a histogram without labels',
    run: (l, r) => {
      const h = new l.Histogram({ name: 'h', help, registers: [r] });
      for (const v of [0, 0.005, 0.0051, 1, 3, 10, 11, -1]) h.observe(v);
    },
  },
  {
    name: 'a histogram with labels and its own buckets',
    run: (l, r) => {
      const h = new l.Histogram({ name: 'h', help, labelNames: names, buckets: [0.1, 5, 15, 50, 1e6], registers: [r] });
      h.observe({ method: 'GET', code: 200 }, 0.1);
      h.observe({ method: 'GET', code: 200 }, 7);
      h.labels('PUT', '404').observe(1e9);
      h.labels({ code: '404' }).observe(3);
      h.zero({ method: 'GET', code: 500 });
      h.observe(2);
    },
  },
  {
    name: 'many buckets',
    run: (l, r) => {
      const h = new l.Histogram({ name: 'h', help, buckets: l.exponentialBuckets(0.001, 1.5, 40), registers: [r] });
      for (let i = 0; i < 500; i++) h.observe(Math.exp((i * 7919) % 17) / 1000);
    },
  },
  {
    name: 'a summary',
    run: (l, r) => {
      const s = new l.Summary({ name: 's', help, registers: [r] });
      for (let i = 1; i <= 100; i++) s.observe((i * 37) % 101);
      const t = new l.Summary({ name: 't', help, labelNames: names, percentiles: [0.5, 0.9], registers: [r] });
      t.observe({ method: 'GET' }, 3);
      t.observe({ method: 'GET' }, 3);
      t.observe({ method: 'GET' }, 5);
      t.labels('PUT', '200').observe(1);
      new l.Summary({ name: 'u', help, registers: [r] });
      new l.Summary({ name: 'v', help, percentiles: [], registers: [r] }).observe(1);
    },
  },
  {
    name: 'a sliding summary',
    run: (l, r) => {
      const s = new l.Summary({ name: 's', help, maxAgeSeconds: 600, ageBuckets: 5, registers: [r] });
      for (let i = 1; i <= 30; i++) s.observe(i);
    },
  },
  {
    name: 'reset, remove and handles that outlive both',
    run: (l, r) => {
      const c = new l.Counter({ name: 'a_total', help, labelNames: names, registers: [r] });
      const kept = c.labels('GET', '200');
      kept.inc(5);
      c.inc({ method: 'PUT', code: '200' });
      c.remove('GET', '200');
      c.inc({ method: 'HEAD', code: '200' });
      kept.inc();
      c.remove({ method: 'nobody' });
      const h = new l.Histogram({ name: 'h', help, registers: [r] });
      h.observe(1);
      h.reset();
      const s = new l.Summary({ name: 's', help, labelNames: ['x'], registers: [r] });
      s.observe({ x: 1 }, 5);
      s.reset();
      const g = new l.Gauge({ name: 'g', help, registers: [r] });
      g.set(4);
      g.reset();
      g.inc();
    },
  },
  {
    name: 'default labels',
    run: (l, r) => {
      r.setDefaultLabels({ env: 'prod', code: 'default', n: 5 });
      const c = new l.Counter({ name: 'a_total', help, labelNames: names, registers: [r] });
      c.inc({ method: 'GET', code: 200 });
      c.inc({ method: 'GET' });
      c.inc();
      new l.Gauge({ name: 'g', help, registers: [r] }).set(1);
      new l.Histogram({ name: 'h', help, labelNames: names, buckets: [1], registers: [r] }).observe({ code: 2 }, 0.5);
      new l.Histogram({ name: 'i', help, buckets: [1], registers: [r] }).observe(0.5);
      new l.Summary({ name: 's', help, labelNames: names, percentiles: [0.5], registers: [r] }).observe({ code: 2 }, 0.5);
    },
  },
  {
    name: 'collect, synchronous and not',
    run: (l, r) => {
      new l.Gauge({
        name: 'sync',
        help,
        registers: [r],
        collect() {
          this.set(42);
        },
      });
      new l.Counter({
        name: 'async_total',
        help,
        labelNames: ['a'],
        registers: [r],
        async collect() {
          await Promise.resolve();
          this.inc({ a: 'x' }, 2);
        },
      });
    },
  },
  {
    name: 'resetMetrics, removeSingleMetric',
    run: (l, r) => {
      new l.Counter({ name: 'a_total', help, registers: [r] }).inc(5);
      new l.Counter({ name: 'b_total', help, registers: [r] }).inc(5);
      r.resetMetrics();
      r.removeSingleMetric('b_total');
    },
  },
  {
    name: 'clear',
    run: (l, r) => {
      r.setDefaultLabels({ a: 'b' });
      new l.Counter({ name: 'a_total', help, registers: [r] }).inc(5);
      r.clear();
      new l.Counter({ name: 'a_total', help, registers: [r] }).inc(6);
    },
  },
];

describe.each(programs)('$name', ({ run }) => {
  it('reads the same in the text format', async () => {
    const texts = await both(run, (registry) => registry.metrics());
    // prom-client misspells NaN; Prometheus reads it all the same (spec 6.2).
    expect(texts.ours).toBe(texts.theirs.replaceAll(' Nan', ' NaN'));
  });

  it('reads the same as JSON', async () => {
    const json = await both(run, (registry) => registry.getMetricsAsJSON());
    expect(json.ours).toEqual(json.theirs);
  });

  it('reads the same in OpenMetrics', async () => {
    const texts = await both(run, (registry) => registry.metrics(), ours.openMetricsContentType);
    // Whole numbers in le and quantile have a canonical form, help texts escape quotes (OpenMetrics 1.0; spec 6.2). An empty registry of prom-client begins with an empty line.
    const canonical = texts.theirs
      .replace(/(le|quantile)="(\d+)"/g, '$1="$2.0"')
      .replace(/^# HELP .*$/gm, (line) => line.replaceAll('"', '\\"'))
      .replace(/^\n/, '');
    expect(texts.ours).toBe(canonical);
  });
});

async function both<R>(run: Program['run'], read: (registry: ours.Registry) => Promise<R>, contentType?: ours.RegistryContentType) {
  const result = async (library: Library) => {
    const registry = new library.Registry(contentType);
    await run(library, registry);
    return read(registry);
  };
  return { ours: await result(ours), theirs: await result(theirs) };
}

/** Programs that must fail in the same way. */
const faults: Program[] = [
  { name: 'no configuration', run: (l) => new l.Counter(undefined as never) },
  { name: 'no help', run: (l) => new l.Counter({ name: 'a' } as never) },
  { name: 'no name', run: (l) => new l.Gauge({ help } as never) },
  { name: 'a wrong name', run: (l, r) => new l.Counter({ name: '1a', help, registers: [r] }) },
  { name: 'an empty name', run: (l, r) => new l.Counter({ name: '', help, registers: [r] }) },
  { name: 'a wrong label name', run: (l, r) => new l.Counter({ name: 'a', help, labelNames: ['a-b'], registers: [r] }) },
  { name: 'a collect that is no function', run: (l, r) => new l.Counter({ name: 'a', help, collect: 5 as never, registers: [r] }) },
  { name: 'le on a histogram', run: (l, r) => new l.Histogram({ name: 'a', help, labelNames: ['le'], registers: [r] }) },
  { name: 'quantile on a summary', run: (l, r) => new l.Summary({ name: 'a', help, labelNames: ['quantile'], registers: [r] }) },
  {
    name: 'a name twice',
    run: (l, r) => {
      new l.Counter({ name: 'a', help, registers: [r] });
      new l.Gauge({ name: 'a', help, registers: [r] });
    },
  },
  { name: 'a counter going down', run: (l, r) => new l.Counter({ name: 'a', help, registers: [r] }).inc(-1) },
  {
    name: 'a labelled counter going down',
    run: (l, r) => new l.Counter({ name: 'a', help, labelNames: ['x'], registers: [r] }).inc({ x: 1 }, -1),
  },
  { name: 'a counter to infinity', run: (l, r) => new l.Counter({ name: 'a', help, registers: [r] }).inc(Infinity) },
  { name: 'a counter by a text', run: (l, r) => new l.Counter({ name: 'a', help, registers: [r] }).inc('five' as never) },
  {
    name: 'an undeclared label',
    run: (l, r) => new l.Counter({ name: 'a', help, labelNames: ['x', 'y'], registers: [r] }).inc({ z: 1 } as never),
  },
  { name: 'a label where none is declared', run: (l, r) => new l.Gauge({ name: 'a', help, registers: [r] }).set({ z: 1 } as never, 1) },
  {
    name: 'a wrong label and a wrong value',
    run: (l, r) => new l.Histogram({ name: 'a', help, registers: [r] }).observe({ z: 1 } as never, NaN),
  },
  { name: 'too few label values', run: (l, r) => new l.Counter({ name: 'a', help, labelNames: ['x', 'y'], registers: [r] }).labels('1') },
  { name: 'too many label values', run: (l, r) => new l.Gauge({ name: 'a', help, labelNames: ['x'], registers: [r] }).labels('1', '2') },
  {
    name: 'removing with too few values',
    run: (l, r) => new l.Gauge({ name: 'a', help, labelNames: ['x', 'y'], registers: [r] }).remove('1'),
  },
  {
    name: 'an undeclared label in labels()',
    run: (l, r) => new l.Gauge({ name: 'a', help, labelNames: ['x'], registers: [r] }).labels({ y: 1 } as never),
  },
  { name: 'a gauge set to nothing', run: (l, r) => new l.Gauge({ name: 'a', help, registers: [r] }).set(undefined as never) },
  { name: 'a gauge set to a text', run: (l, r) => new l.Gauge({ name: 'a', help, registers: [r] }).set('5' as never) },
  { name: 'a gauge moved by a text', run: (l, r) => new l.Gauge({ name: 'a', help, registers: [r] }).inc('5' as never) },
  {
    name: 'a labelled gauge set to a list',
    run: (l, r) => new l.Gauge({ name: 'a', help, labelNames: ['x'], registers: [r] }).set({ x: 1 }, [1] as never),
  },
  { name: 'observing NaN', run: (l, r) => new l.Histogram({ name: 'a', help, registers: [r] }).observe(NaN) },
  { name: 'observing infinity', run: (l, r) => new l.Histogram({ name: 'a', help, registers: [r] }).observe(Infinity) },
  { name: 'observing a text', run: (l, r) => new l.Histogram({ name: 'a', help, registers: [r] }).observe('1' as never) },
  {
    name: 'observing nothing',
    run: (l, r) => new l.Histogram({ name: 'a', help, labelNames: ['x'], registers: [r] }).observe({ x: 1 }, undefined as never),
  },
  {
    name: 'a summary of labels alone',
    run: (l, r) => new l.Summary({ name: 'a', help, labelNames: ['x'], registers: [r] }).observe({ x: 1 } as never),
  },
  { name: 'a summary of NaN', run: (l, r) => new l.Summary({ name: 'a', help, labelNames: ['x'], registers: [r] }).observe({ x: 1 }, NaN) },
  { name: 'an unknown content type', run: (l) => new l.Registry('text/html' as never) },
  { name: 'setting an unknown content type', run: (_, r) => r.setContentType('text/html' as never) },
  { name: 'merging different content types', run: (l) => l.Registry.merge([new l.Registry(), new l.Registry(l.openMetricsContentType)]) },
  {
    name: 'exemplars in a registry that cannot show them',
    run: (l, r) => new l.Counter({ name: 'a', help, enableExemplars: true, registers: [r] }),
  },
  { name: 'no linear buckets', run: (l) => l.linearBuckets(0, 1, 0) },
  { name: 'no exponential buckets', run: (l) => l.exponentialBuckets(1, 2, 0) },
  { name: 'exponential buckets from zero', run: (l) => l.exponentialBuckets(0, 2, 3) },
  { name: 'exponential buckets that do not grow', run: (l) => l.exponentialBuckets(1, 1, 3) },
  { name: 'default metrics of a number', run: (l) => l.collectDefaultMetrics(5 as never) },
];

describe('the same faults with the same words', () => {
  it.each(faults)('$name', ({ run }) => {
    const [mine, their] = [ours, theirs].map((library) => {
      try {
        run(library, new library.Registry());
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message}`;
      }
      return 'no error';
    });
    expect(their).not.toBe('no error');
    expect(mine).toBe(their);
  });
});

describe('what differs on purpose (docs/guides/from-prom-client.md)', () => {
  const registry = () => ({ help, registers: [new ours.Registry()] });

  it('a counter takes no NaN', async () => {
    const counter = new ours.Counter({ name: 'a', ...registry() });
    for (const wrong of [NaN, '1', false, {}]) expect(() => counter.labels().inc(wrong as never)).toThrow(TypeError);
    expect((await counter.get()).values[0]?.value).toBe(0);
  });

  it('a wrong label is named when the handle is made', () => {
    expect(() => new ours.Counter({ name: 'a', labelNames: ['x'], ...registry() }).labels({ y: 1 } as never)).toThrow('Added label "y"');
  });

  it('a refused histogram leaves its name free', () => {
    const { registers } = registry();
    expect(() => new ours.Histogram({ name: 'a', help, labelNames: ['le'], registers })).toThrow('le is a reserved label keyword');
    new ours.Histogram({ name: 'a', help, registers });
  });

  it('buckets are put in order', () => {
    expect(new ours.Histogram({ name: 'a', buckets: [5, 1, Infinity, 5, 2], ...registry() }).buckets).toEqual([1, 2, 5]);
    expect(() => new ours.Histogram({ name: 'a', buckets: [1, NaN], ...registry() })).toThrow('Value is not a valid number: NaN');
  });

  it('an undefined label value is no label', async () => {
    const gauge = new ours.Gauge({ name: 'a', labelNames: ['x', 'y'], ...registry() });
    gauge.set({ x: undefined, y: 1 }, 5);
    gauge.inc({ y: 1 });
    expect((await gauge.get()).values).toEqual([{ value: 6, labels: { y: 1 } }]);
  });

  it('all of it comes as one object too', () => {
    expect(new ours.default.Counter({ name: 'a', ...registry() })).toBeInstanceOf(ours.Counter);
  });
});

describe('default metrics', () => {
  it('have the same names, types, help texts, aggregators and label names', async () => {
    const families = await both(
      (library, register) => {
        library.collectDefaultMetrics({ register, prefix: 'x_', labels: { zone: 'b' } });
      },
      async (registry) => {
        const json = await registry.getMetricsAsJSON();
        return json.map(({ name, help: text, type, aggregator, values }) => ({
          name,
          text,
          type,
          aggregator,
          labels: values.at(-1)?.labels.zone,
        }));
      },
    );
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const more = process.platform === 'linux' ? ['x_process_threads', 'x_process_virtual_memory_max_bytes'] : [];
    expect(families.ours.filter(({ name }) => more.includes(name))).toHaveLength(more.length);
    const same = families.ours.filter(({ name }) => !more.includes(name));
    expect(same.sort(byName)).toEqual(families.theirs.sort(byName));
  });

  it.runIf(process.platform === 'linux')("count threads and know the address space's limit", async () => {
    const register = new ours.Registry();
    ours.collectDefaultMetrics({ register }).stop();
    const json = await register.getMetricsAsJSON();
    const value = (wanted: string) => json.find(({ name }) => name === wanted)?.values[0]?.value ?? Number.NaN;
    expect(value('process_threads')).toBeGreaterThan(1);
    expect(value('process_virtual_memory_max_bytes')).toBeGreaterThan(value('process_virtual_memory_bytes'));
  });

  it('list the same collectors, and the one of 0.16', () => {
    const own = ours.collectDefaultMetrics.metricsList.filter((name) => name !== 'eventLoopUtilization');
    expect(own).toEqual(theirs.collectDefaultMetrics.metricsList);
  });

  it('measure the utilization of the event loop when asked, and stop when told', async () => {
    const register = new ours.Registry();
    const metrics = ours.collectDefaultMetrics({ register, eventLoopUtilizationTimeout: 5, eventLoopUtilizationBuckets: [0.5, 1] });
    const count = async () => {
      const json = await register.getMetricsAsJSON();
      return json.find(({ name }) => name === 'nodejs_eventloop_utilization_histogram')?.values.at(-1)?.value ?? 0;
    };
    while ((await count()) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    metrics.stop();
    const stopped = await count();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await count()).toBe(stopped);
  });
});
