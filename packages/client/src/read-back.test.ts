/** Every format is read by readers that are not the writer: our own parsers, Python's prometheus_client, and a protobuf decoder. */
import { execFileSync, spawnSync } from 'node:child_process';
import { parseOpenMetrics, parseTextFormat, type SampleLine } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as client from './index.ts';

const python = '/usr/bin/python3';
const hasPython = spawnSync(python, ['-c', 'import prometheus_client']).status === 0;
if (!hasPython) process.stderr.write('SKIPPED: no python3-prometheus-client; its parsers do not read our exposition here\n');

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';
const UTF8 = 'text/plain;version=1.0.0;escaping=allow-utf-8';

/** Samples as `[name, sorted label pairs, value]`, in a form that NaN and infinities survive. */
type Sample = [string, [string, string][], string];

function sample(name: string, labels: Readonly<Record<string, unknown>>, value: number): Sample {
  const pairs = Object.entries(labels).map(([label, text]): [string, string] => [label, canonical(label, String(text))]);
  // An empty value says the same as no label.
  return [name, pairs.filter(([, text]) => text !== '').sort(([a], [b]) => (a < b ? -1 : 1)), Object.is(value, -0) ? '0' : String(value)];
}

/** Readers print whole numbers in `le` and `quantile` in different ways. */
function canonical(label: string, text: string): string {
  return label === 'le' || label === 'quantile' ? String(Number(text.replace('+Inf', 'Infinity'))) : text;
}

async function written(registry: client.Registry, isOpenMetrics: boolean): Promise<Sample[]> {
  const families = await registry.getMetricsAsJSON();
  return families.flatMap(({ name, type, values }) =>
    values.map(({ metricName, labels, value }) => {
      const plain = isOpenMetrics && type === 'counter' ? `${name.replace(/_total$/, '')}_total` : name;
      return sample(metricName ?? plain, labels, value);
    }),
  );
}

function readByOurs(bytes: Uint8Array, parse: (bytes: Uint8Array, sink: { sample(line: SampleLine): void }) => void): Sample[] {
  const samples: Sample[] = [];
  parse(bytes, {
    sample: (line) => {
      const labels = Object.fromEntries(pairs(line.labels().pairs));
      const { __name__: name = '', ...rest } = labels;
      samples.push(sample(name, rest, line.value));
    },
  });
  return samples;
}

function* pairs(flat: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
}

const script = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
pages = json.load(sys.stdin)
out = []
for kind, page in pages:
    samples = []
    for family in (openmetrics if kind == 'openmetrics' else text)(page):
        for s in family.samples:
            samples.append([s.name, s.labels, repr(float(s.value)), s.exemplar and [s.exemplar.labels, s.exemplar.value]])
    out.append(samples)
json.dump(out, sys.stdout)
`;

function readByPython(pages: [kind: 'text' | 'openmetrics', page: string][]): Sample[][] {
  const output = execFileSync(python, ['-c', script], { input: JSON.stringify(pages), encoding: 'utf8', maxBuffer: 1 << 28 });
  const numbers: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: NaN };
  return (JSON.parse(output) as [string, Record<string, string>, string][][]).map((samples) =>
    samples.map(([name, labels, value]) => sample(name, labels, numbers[value] ?? Number(value))),
  );
}

function byText(samples: Sample[]): string[] {
  return samples.map((each) => JSON.stringify(each)).sort();
}

/** Something of everything. */
function showcase(): client.Registry {
  const registry = new client.Registry(undefined, { created: false });
  const registers = [registry];
  registry.setDefaultLabels({ zone: 'eu"1', code: 'default' });
  const counter = new client.Counter({
    name: 'requests_total',
    help: 'Requests,\n"quoted" and \\ slashed.',
    labelNames: ['method', 'code'],
    registers,
  });
  counter.inc({ method: 'GET', code: 200 }, 3, { trace_id: 'abc' });
  counter.inc({ method: 'PUT\n"x"\\', code: '' }, 2.5);
  const gauge = new client.Gauge({ name: 'g', help: 'Odd numbers.', labelNames: ['n'], registers });
  for (const [n, value] of [NaN, Infinity, -Infinity, 0, -0, 1e-9, 1e300, 0.1, -17.5].entries()) gauge.set({ n }, value);
  const histogram = new client.Histogram({
    name: 'h_seconds',
    help: 'Times.',
    unit: 'seconds',
    labelNames: ['a'],
    buckets: [0.1, 1, 10],
    registers,
  });
  for (const value of [0.05, 0.5, 5, 50]) histogram.observe({ a: 'é日😀' }, value, { trace_id: `t${value}` });
  const summary = new client.Summary({ name: 's', help: 'Quantiles.', registers, percentiles: [0.5, 0.99] });
  for (let i = 0; i < 50; i++) summary.observe(i);
  new client.Info({ name: 'build', help: 'What it is.', labelNames: ['version'], registers }).set({ version: '1.0' });
  new client.StateSet({ name: 'mode', help: 'Which.', states: ['a', 'b'], registers }).set('b');
  new client.Counter({ name: 'untouched_total', help: 'Nothing yet.', labelNames: ['x'], registers });
  return registry;
}

describe('what was written is read back', () => {
  it('by our parser of the text format', async () => {
    const registry = showcase();
    const { body } = await registry.render();
    expect(byText(readByOurs(body, parseTextFormat))).toEqual(byText(await written(registry, false)));
  });

  it('by our parser of OpenMetrics, at its strictest', async () => {
    const registry = showcase();
    const { body } = await registry.render(OPENMETRICS);
    const strict = (bytes: Uint8Array, sink: { sample(line: SampleLine): void }) => parseOpenMetrics(bytes, sink, { strict: true });
    expect(byText(readByOurs(body, strict))).toEqual(byText(await written(registry, true)));
  });

  it('with created timestamps and exemplars, by our strictest parser', async () => {
    const registry = new client.Registry(undefined, { created: true });
    new client.Counter({ name: 'a_total', help: 'A.', registers: [registry] }).inc(1, { trace_id: 'x' });
    new client.Histogram({ name: 'h', help: 'H.', registers: [registry] }).observe(1, { trace_id: 'y' });
    const exemplars: unknown[] = [];
    const sink = { sample: (line: SampleLine) => void (line.hasExemplar && exemplars.push(line.exemplar(0)?.labels.pairs)) };
    parseOpenMetrics((await registry.render(OPENMETRICS)).body, sink, { strict: true });
    expect(exemplars).toEqual([
      ['trace_id', 'x'],
      ['trace_id', 'y'],
    ]);
  });

  it('with names in quotes, by our parser', async () => {
    const registry = new client.Registry();
    const names = { utf8Names: true, registers: [registry] };
    new client.Gauge({ name: 'http.server', help: 'Dots.', labelNames: ['a b', '日'], ...names }).set({ 'a b': '1', 日: '2' }, 3);
    expect(readByOurs((await registry.render(UTF8)).body, parseTextFormat)).toEqual([
      [
        'http.server',
        [
          ['a b', '1'],
          ['日', '2'],
        ],
        '3',
      ],
    ]);
  });

  it.skipIf(!hasPython)("by Python's parsers of both formats", async () => {
    const registry = showcase();
    const decode = async (accept: string) => new TextDecoder().decode((await registry.render(accept)).body);
    const [plain, open] = readByPython([
      ['text', await decode('text/plain')],
      ['openmetrics', await decode(OPENMETRICS)],
    ]);
    expect(byText(plain as Sample[])).toEqual(byText(await written(registry, false)));
    expect(byText(open as Sample[])).toEqual(byText(await written(registry, true)));
  });

  it.skipIf(!hasPython)('by Python, for any label values and numbers', async () => {
    const pages: [kind: 'text' | 'openmetrics', page: string][] = [];
    const expected: Sample[][] = [];
    const value = fc.oneof(fc.double(), fc.integer());
    // Python's text parser strips what it takes for white space around values and treats these as line ends; our own parser reads them (next test).
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !/[\p{Cc}\u2028\u2029]/u.test(each));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, text, value), { maxLength: 10 }), async (rows) => {
        const registry = new client.Registry();
        const gauge = new client.Gauge({ name: 'g', help: 'Any.', labelNames: ['a', 'b'], registers: [registry] });
        for (const [a, b, number] of rows) gauge.set({ a, b }, number);
        const { body } = await registry.render(OPENMETRICS);
        pages.push(['openmetrics', new TextDecoder().decode(body)], ['text', await registry.metrics()]);
        const samples = await written(registry, true);
        expected.push(samples, samples);
      }),
      { numRuns: 100 },
    );
    for (const [i, read] of readByPython(pages).entries()) expect(byText(read)).toEqual(byText(expected[i] as Sample[]));
  });

  it('by our parsers, for any label values and numbers', async () => {
    const row = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.double());
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 10 }), async (rows) => {
        const registry = new client.Registry();
        const gauge = new client.Gauge({ name: 'g', help: 'Any.', labelNames: ['a', 'b'], registers: [registry] });
        for (const [a, b, number] of rows) gauge.set({ a, b }, number);
        const samples = byText(await written(registry, true));
        expect(byText(readByOurs((await registry.render(OPENMETRICS)).body, parseOpenMetrics))).toEqual(samples);
        expect(byText(readByOurs((await registry.render()).body, parseTextFormat))).toEqual(samples);
      }),
    );
  });
});
