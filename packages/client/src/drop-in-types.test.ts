/** A program as users of prom-client's types write it; that it compiles is the test. */
import { expect, it } from 'vitest';
import client, {
  type Aggregator,
  AggregatorRegistry,
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  type DefaultMetricsCollectorConfiguration,
  Gauge,
  Histogram,
  type LabelValues,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
  type OpenMetricsContentType,
  type PrometheusContentType,
  Pushgateway,
  Registry,
  register,
  Summary,
} from './node.ts';

type Label = 'method' | 'code';

it('typed as with prom-client', async () => {
  const openMetrics: Registry<OpenMetricsContentType> = new Registry<OpenMetricsContentType>(Registry.OPENMETRICS_CONTENT_TYPE);
  const plain: Registry<PrometheusContentType> = new Registry<PrometheusContentType>();
  const aggregator: Aggregator = 'max';
  const configuration: CounterConfiguration<Label> = {
    name: 'a_total',
    help: 'A.',
    labelNames: ['method', 'code'] as const,
    registers: [openMetrics, plain],
    aggregator,
  };
  const counter = new Counter(configuration);
  const labels: LabelValues<Label> = { method: 'GET', code: 200 };
  counter.inc(labels);
  // @ts-expect-error a label that was not declared
  expect(() => counter.inc({ path: '/' })).toThrow('Added label "path"');
  const gauge = new client.Gauge<'room'>({ name: 'g', help: 'G.', labelNames: ['room'], registers: [plain] });
  const end: (labels?: LabelValues<'room'>) => number = gauge.startTimer({ room: 'a' });
  end();
  const histogram = new Histogram({
    name: 'h',
    help: 'H.',
    labelNames: ['x'],
    registers: [plain],
    collect() {
      this.observe({ x: 'collected' }, 1);
    },
  });
  const metrics: Metric[] = [counter, gauge, histogram, new Summary({ name: 's', help: 'S.', registers: [plain] })];
  const json: MetricObjectWithValues<MetricValue<string>>[] = await plain.getMetricsAsJSON();
  const own: MetricObjectWithValues<MetricValue<Label>> = await counter.get();
  const found = plain.getSingleMetric('g') as Gauge<'room'>;
  expect([metrics.length, json.length, own.values[0]?.labels.method, found instanceof Gauge]).toEqual([4, 4, 'GET', true]);
  const settings: DefaultMetricsCollectorConfiguration<PrometheusContentType> = { register: plain, prefix: 'p_' };
  collectDefaultMetrics(settings).stop();
  const gateway: Pushgateway<PrometheusContentType> = new Pushgateway('http://127.0.0.1:1', { timeout: 5 }, plain);
  expect(gateway.registry).toBe(plain);
  const aggregated: Registry = AggregatorRegistry.aggregate([json]);
  expect(Registry.merge([plain, aggregated].slice(0, 1)).contentType).toBe(register.contentType);
});
