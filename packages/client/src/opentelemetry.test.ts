import { metrics } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { Registry } from './index.ts';
import { RegistryMeterProvider } from './opentelemetry.ts';

function meterOf(scope = '', options = {}) {
  const registry = new Registry();
  return { registry, meter: new RegistryMeterProvider({ registry, ...options }).getMeter(scope, scope && '1.0') };
}

describe('instruments of the OpenTelemetry API', () => {
  it('become metrics, named and typed as Prometheus would', async () => {
    const { registry, meter } = meterOf();
    meter.createCounter('http.server.requests', { description: 'Requests.', unit: '{request}' }).add(2, { 'http.method': 'GET', ok: true });
    meter.createUpDownCounter('queue.length').add(-3);
    meter.createGauge('room', { unit: 'Cel' }).record(21.5, { room: 'a' });
    meter.createGauge('cpu.load', { unit: '1' }).record(0.5);
    meter.createHistogram('latency', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } }).record(0.5, { codes: [1, 2] });
    meter.createCounter('bytes', { unit: 'By' }).add(5);
    meter.createCounter('disk.speed', { unit: 'By/s' }).add(1);
    expect((await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('# HELP'))).toEqual([
      '# TYPE http_server_requests_total counter',
      'http_server_requests_total{http_method="GET",ok="true"} 2',
      '# TYPE queue_length gauge',
      'queue_length -3',
      '# TYPE room_celsius gauge',
      'room_celsius{room="a"} 21.5',
      '# TYPE cpu_load_ratio gauge',
      'cpu_load_ratio 0.5',
      '# TYPE latency_seconds histogram',
      'latency_seconds_bucket{le="0.1",codes="[1,2]"} 0',
      'latency_seconds_bucket{le="1",codes="[1,2]"} 1',
      'latency_seconds_bucket{le="+Inf",codes="[1,2]"} 1',
      'latency_seconds_sum{codes="[1,2]"} 0.5',
      'latency_seconds_count{codes="[1,2]"} 1',
      '# TYPE bytes_total counter',
      'bytes_total 5',
      '# TYPE disk_speed_bytes_per_second_total counter',
      'disk_speed_bytes_per_second_total 1',
    ]);
  });

  it('may have different attributes each time, in one family', async () => {
    const { registry, meter } = meterOf('lib');
    const counter = meter.createCounter('a');
    counter.add(1);
    counter.add(1, { x: 1 });
    counter.add(1, { y: 2, x: 1 });
    counter.add(1, { x: 1, gone: undefined });
    expect((await registry.metrics()).split('\n').slice(1)).toEqual([
      '# TYPE a_total counter',
      'a_total{otel_scope_name="lib",otel_scope_version="1.0"} 1',
      'a_total{x="1",otel_scope_name="lib",otel_scope_version="1.0"} 2',
      'a_total{y="2",x="1",otel_scope_name="lib",otel_scope_version="1.0"} 1',
      '',
    ]);
  });

  it('are asked when the registry is read: callbacks of one and of several instruments', async () => {
    const { registry, meter } = meterOf();
    const temperature = meter.createObservableGauge('temperature');
    const callback = async (result: { observe(value: number, attributes?: { room: string }): void }) => result.observe(20, { room: 'a' });
    temperature.addCallback(callback);
    const [reads, writes] = [meter.createObservableCounter('reads'), meter.createObservableUpDownCounter('writes')];
    let asked = 0;
    const batch = (result: { observe(instrument: typeof reads, value: number): void }) => {
      asked++;
      result.observe(reads, 100 * asked);
      result.observe(writes, -asked);
      result.observe(temperature, 99);
    };
    meter.addBatchObservableCallback(batch, [reads, writes]);
    await registry.metrics();
    const text = await registry.metrics();
    expect(asked).toBe(2);
    expect(text).toContain('temperature{room="a"} 20\n');
    expect(text).toContain('reads_total 200\n');
    expect(text).toContain('writes -2\n');
    expect(text).not.toContain('99');
    meter.removeBatchObservableCallback(batch, [reads, writes]);
    temperature.removeCallback(callback);
    await registry.metrics();
    expect(asked).toBe(2);
  });

  it('are bounded, and never throw at the instrumented library', async () => {
    const { registry, meter } = meterOf('', { maxSeries: 10 });
    const counter = meter.createCounter('a');
    for (let i = 0; i < 100; i++) counter.add(1, { i });
    counter.add(-5);
    counter.add(NaN);
    meter.createHistogram('h').record(Infinity);
    expect((await registry.metrics()).split('\n').filter((line) => line.startsWith('a_total'))).toHaveLength(10);
  });

  it('serve as the global provider', async () => {
    const registry = new Registry();
    metrics.setGlobalMeterProvider(new RegistryMeterProvider({ registry }));
    metrics.getMeter('app').createCounter('global').add(1);
    expect(await registry.metrics()).toContain('global_total{otel_scope_name="app"} 1');
    metrics.disable();
  });
});
