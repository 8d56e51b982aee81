import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as client from './index.ts';

const help = 'Help.';
const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';
const PROTOBUF = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited';

async function rendered(registry: client.Registry, accept: string): Promise<string> {
  return new TextDecoder().decode((await registry.render(accept)).body);
}

function registryOf(fill: (registers: [client.Registry]) => void, options?: client.RegistryOptions): client.Registry {
  const registry = new client.Registry(undefined, options);
  fill([registry]);
  return registry;
}

describe('time', () => {
  beforeEach(() => vi.useFakeTimers({ now: 1_700_000_000_250 }));
  afterEach(() => {
    vi.useRealTimers();
  });

  it('of creation is shown in OpenMetrics when the registry or the metric wants it', async () => {
    const registry = registryOf(
      (registers) => {
        new client.Counter({ name: 'a_total', help, registers }).inc(2);
        new client.Histogram({ name: 'h', help, buckets: [1], labelNames: ['x'], registers }).observe({ x: 'y' }, 0.5);
        new client.Summary({ name: 's', help, percentiles: [], registers });
        new client.Gauge({ name: 'g', help, registers });
        new client.Counter({ name: 'quiet_total', help, created: false, registers });
      },
      { created: true },
    );
    expect(await rendered(registry, OPENMETRICS)).toBe(
      `# HELP a Help.
# TYPE a counter
a_total 2
a_created 1700000000.25
# HELP h Help.
# TYPE h histogram
h_bucket{le="1.0",x="y"} 1
h_bucket{le="+Inf",x="y"} 1
h_sum{x="y"} 0.5
h_count{x="y"} 1
h_created{x="y"} 1700000000.25
# HELP s Help.
# TYPE s summary
s_sum 0
s_count 0
s_created 1700000000.25
# HELP g Help.
# TYPE g gauge
g 0
# HELP quiet Help.
# TYPE quiet counter
quiet_total 0
# EOF
`,
    );
    expect(await registry.metrics()).not.toContain('_created');
  });

  it('stands behind exemplars, which OpenMetrics alone shows', async () => {
    const registry = registryOf((registers) => {
      const counter = new client.Counter({ name: 'a_total', help, labelNames: ['x'], registers });
      counter.inc({ x: '1' }, 3, { trace_id: 'abc"' });
      counter.labels('2').inc(1, { trace_id: 'def' });
      const histogram = new client.Histogram({ name: 'h', help, buckets: [1, 2], registers });
      histogram.observe(0.5, { trace_id: 'old' });
      histogram.observe(0.6, { trace_id: 'new' });
      histogram.observe(7, { trace_id: 'big' });
    });
    expect((await rendered(registry, OPENMETRICS)).split('\n').filter((line) => line.includes(' # {'))).toEqual([
      'a_total{x="1"} 3 # {trace_id="abc\\""} 3 1700000000.25',
      'a_total{x="2"} 1 # {trace_id="def"} 1 1700000000.25',
      'h_bucket{le="1.0"} 2 # {trace_id="new"} 0.6 1700000000.25',
      'h_bucket{le="+Inf"} 3 # {trace_id="big"} 7 1700000000.25',
    ]);
    expect(await registry.metrics()).not.toContain('trace_id');
  });
});

describe('exemplars', () => {
  it('come in one object with enableExemplars, as in prom-client', async () => {
    const registry = new client.Registry(client.openMetricsContentType);
    const counter = new client.Counter({ name: 'a_total', help, labelNames: ['x'], enableExemplars: true, registers: [registry] });
    counter.inc({ labels: { x: '1' }, value: 5, exemplarLabels: { trace_id: 'abc' } });
    counter.inc({ labels: { x: '1' } });
    const histogram = new client.Histogram({ name: 'h', help, buckets: [1], enableExemplars: true, registers: [registry] });
    histogram.observe({ value: 0.5, exemplarLabels: { trace_id: 'def' } });
    histogram.startTimer({}, { span: '1' })({}, { trace_id: 'end' });
    const text = await registry.metrics();
    expect(text).toMatch(/a_total\{x="1"\} 6 # \{trace_id="abc"\} 5 [\d.]+\n/);
    expect(text).toMatch(/h_bucket\{le="1\.0"\} 2 # \{span="1",trace_id="end"\} [\d.e-]+ [\d.]+\n/);
  });

  it('are refused when their labels are too long, and the increment stays', async () => {
    const counter = new client.Counter({ name: 'a_total', help, registers: [] });
    expect(() => counter.inc(1, { trace_id: 'x'.repeat(121) })).toThrow(
      new RangeError('Label set size must be smaller than 128 UTF-8 chars'),
    );
    counter.inc(1, { trace_id: 'x'.repeat(120) });
    expect((await counter.get()).values[0]?.value).toBe(2);
  });

  it('leave with their series', async () => {
    const counter = new client.Counter({ name: 'a_total', help, labelNames: ['x'], registers: [] });
    for (let i = 0; i < 100; i++) counter.inc({ x: i }, 1, { n: i });
    for (let i = 0; i < 90; i++) counter.remove({ x: i });
    counter.inc({ x: 'new' });
    const { values } = await counter.get();
    expect(values.map(({ labels, exemplar }) => [labels.x, exemplar?.labelSet.n])).toEqual([
      ...Array.from({ length: 10 }, (_, i) => [90 + i, 90 + i]),
      ['new', undefined],
    ]);
  });
});

describe('info, state sets, units and functions', () => {
  const registry = registryOf((registers) => {
    new client.Info({ name: 'build', help, labelNames: ['version', 'commit'], registers }).set({ version: '1.2', commit: 'abc' });
    const state = new client.StateSet({ name: 'mode', help, states: ['on', 'off', 'auto'], registers });
    state.set('on');
    state.toggle('auto', true);
    new client.StateSet({ name: 'door', help, states: ['open', 'shut'], labelNames: ['room'], registers }).set({ room: 'a' }, 'shut');
    new client.GaugeFunc({ name: 'size_bytes', help, unit: 'bytes', value: () => 42, registers });
    new client.CounterFunc({ name: 'reads_total', help, value: async () => 7, registers });
  });

  it('in OpenMetrics', async () => {
    expect(await rendered(registry, OPENMETRICS)).toBe(
      `# HELP build Help.
# TYPE build info
build_info{version="1.2",commit="abc"} 1
# HELP mode Help.
# TYPE mode stateset
mode{mode="on"} 1
mode{mode="off"} 0
mode{mode="auto"} 1
# HELP door Help.
# TYPE door stateset
door{room="a",door="open"} 0
door{room="a",door="shut"} 1
# HELP size_bytes Help.
# TYPE size_bytes gauge
# UNIT size_bytes bytes
size_bytes 42
# HELP reads Help.
# TYPE reads counter
reads_total 7
# EOF
`,
    );
  });

  it('in the old text format, as gauges', async () => {
    const text = await registry.metrics();
    expect(text).toContain('# TYPE build_info gauge\nbuild_info{version="1.2",commit="abc"} 1\n');
    expect(text).toContain('# TYPE mode gauge\nmode{mode="on"} 1\n');
  });

  it('refuse what is not declared', () => {
    const state = new client.StateSet({ name: 'mode', help, states: ['on', 'off'], registers: [] });
    expect(() => state.set('of' as never)).toThrow('mode has no state of; its states are on, off');
    const info = new client.Info({ name: 'a', help, labelNames: ['x'], registers: [] });
    info.set({ x: '1' });
    expect(() => info.set({ y: '1' } as never)).toThrow(/Added label "y"/);
    expect(info.series.live).toBe(1);
    expect(() => new client.Gauge({ name: 'a', help, unit: 'seconds', registers: [] })).toThrow(
      'The name a must end with its unit _seconds',
    );
  });
});

describe('names that clash in OpenMetrics alone', () => {
  it('are kept apart by leaving the counter its whole name', async () => {
    const registry = registryOf((registers) => {
      new client.Counter({ name: 'jobs_total', help, registers }).inc();
      new client.Gauge({ name: 'jobs', help, registers }).set(2);
    });
    expect(await rendered(registry, OPENMETRICS)).toBe(
      '# HELP jobs_total Help.\n# TYPE jobs_total unknown\njobs_total 1\n# HELP jobs Help.\n# TYPE jobs gauge\njobs 2\n# EOF\n',
    );
    expect(await registry.metrics()).toContain('# TYPE jobs_total counter\n');
  });
});

describe('names outside the old alphabet', () => {
  const registry = registryOf((registers) => {
    const names = { utf8Names: true, registers } as const;
    new client.Gauge({ name: 'http.server', help, labelNames: ['http.status', 'x_y'], ...names }).set(
      { 'http.status': '200', x_y: 'v' },
      1,
    );
    new client.Counter({ name: '日_total', help, ...names }).inc();
    new client.Histogram({ name: 'lat ency', help, buckets: [1], ...names }).observe(2);
    new client.Gauge({ name: 'plain_name', help, registers });
  });

  it.each([
    ['text/plain;version=1.0.0;escaping=allow-utf-8', '# TYPE "http.server" gauge\n{"http.server","http.status"="200",x_y="v"} 1\n'],
    ['text/plain;version=1.0.0;escaping=allow-utf-8', '{"lat ency_bucket",le="1"} 0\n'],
    ['text/plain;version=1.0.0;escaping=allow-utf-8', '{"日_total"} 1\n'],
    [`${OPENMETRICS};escaping=allow-utf-8`, '# TYPE "日" counter\n{"日_total"} 1\n'],
    ['text/plain;version=0.0.4', '# TYPE http_server gauge\nhttp_server{http_status="200",x_y="v"} 1\n'],
    ['text/plain;version=0.0.4', '\nlat_ency_bucket{le="1"} 0\n'],
    ['text/plain;version=0.0.4;escaping=dots', '\nhttp_dot_server{http_dot_status="200",x__y="v"} 1\n'],
    ['text/plain;version=0.0.4;escaping=dots', '\nplain__name 0\n'],
    ['text/plain;version=0.0.4;escaping=values', '\nU__http_2e_server{U__http_2e_status="200",x_y="v"} 1\n'],
    ['text/plain;version=0.0.4;escaping=values', '\nU___65e5___total 1\n'],
    ['text/plain;version=0.0.4;escaping=values', '\nU__lat_20_ency_bucket{le="1"} 0\n'],
    ['text/plain;version=0.0.4;escaping=values', '\nplain_name 0\n'],
  ])('%s: %j', async (accept, piece) => {
    expect(await rendered(registry, accept)).toContain(piece);
  });

  it('need to be asked for', () => {
    expect(() => new client.Gauge({ name: 'http.server', help, registers: [] })).toThrow('Invalid metric name');
    expect(() => new client.Gauge({ name: '\ud800', help, utf8Names: true, registers: [] })).toThrow('Invalid metric name');
  });
});

/** Any protobuf message: what each field number holds, in order; varints as numbers. */
function fieldsOf(bytes: Uint8Array): [field: number, value: number | Uint8Array][] {
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const fields: [number, number | Uint8Array][] = [];
  while (at < bytes.length) {
    const key = varint();
    const length = (key & 7) === 0 ? 0 : (key & 7) === 1 ? 8 : varint();
    fields.push([key >> 3, (key & 7) === 0 ? varint() : bytes.subarray(at, at + length)]);
    at += length;
  }
  return fields;
}

function messages(bytes: Uint8Array, ...path: number[]): Uint8Array[] {
  return path.reduce(
    (all, wanted) => all.flatMap((one) => fieldsOf(one).flatMap(([field, value]) => (field === wanted ? [value as Uint8Array] : []))),
    [bytes],
  );
}

it('protobuf carries the exemplars of native histograms in their own list', async () => {
  const registry = new client.Registry();
  const histogram = new client.Histogram({ name: 'h', help, native: { factor: 2 }, registers: [registry] });
  for (const value of [1, 2, 300]) histogram.observe(value, { trace_id: `t${value}` });
  const { body } = await registry.render(PROTOBUF);
  let length = 0;
  while ((body[length++] as number) >= 128);
  // MetricFamily.metric.histogram.exemplars.label.value
  const values = messages(body.subarray(length), 4, 7, 16, 1, 2).map((value) => new TextDecoder().decode(value));
  expect(values).toEqual(['t1', 't2', 't300']);
});

describe('Accept', () => {
  const registry = new client.Registry();
  const text = 'text/plain; version=0.0.4; charset=utf-8';
  const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores';
  const protobuf = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores';

  it.each([
    [undefined, text],
    ['', text],
    ['*/*', text],
    ['text/html', text],
    ['text/plain', text],
    ['text/plain;version=0.0.4', text],
    ['text/plain;version=9', text],
    ['text/plain;version=1.0.0', 'text/plain; version=1.0.0; charset=utf-8; escaping=underscores'],
    ['text/plain;version=1.0.0;escaping=allow-utf-8', 'text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8'],
    ['application/openmetrics-text', openMetrics],
    ['application/openmetrics-text; version=0.0.1', 'application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores'],
    ['application/openmetrics-text;version=2.0.0,text/plain', text],
    [PROTOBUF, protobuf],
    ['application/vnd.google.protobuf;proto=other;encoding=delimited', text],
    ['application/openmetrics-text;q=0.5,text/plain;q=0.7', text],
    ['application/openmetrics-text;q=0', text],
    // Prometheus 2.42, without and with native histograms.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      openMetrics,
    ],
    [`${PROTOBUF},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`, protobuf],
    // Prometheus 3.
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
    ],
    [';;;=,,q=x;q', text],
  ])('%j gets %s', async (accept, contentType) => {
    expect((await registry.render(accept)).contentType).toBe(contentType);
  });

  it('left open gets what the registry is set to', async () => {
    expect((await new client.Registry(client.openMetricsContentType).render('*/*')).contentType).toBe(openMetrics);
  });
});
