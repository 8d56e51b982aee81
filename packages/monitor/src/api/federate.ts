/** `/federate`: the newest sample of every selected series, as another server scrapes it (prometheus-server.md §6.10). */
import { setImmediate } from 'node:timers/promises';
import { compareBytes, formatFloat, Labels, type Queryable, SampleBatch, type Series } from '@pronoia/model';
import { matchParameters } from './parameters.ts';

export interface FederateDeps {
  readonly queryable: Queryable;
  readonly nowMs: number;
  readonly lookbackMs: number;
  readonly externalLabels: Labels;
  readonly signal: AbortSignal;
}

interface LastSample {
  readonly labels: Labels;
  readonly tMs: number;
  readonly value: number;
}

/** So many series are read or written between two looks at the clock. */
const batchSeries = 256;
const sliceMs = 5;

/** Gives others their turn every few milliseconds: tens of thousands of series are federated at once. */
class Breath {
  #until = performance.now() + sliceMs;
  #count = 0;

  take(signal: AbortSignal): Promise<void> | undefined {
    if (++this.#count % batchSeries !== 0 || performance.now() < this.#until) return undefined;
    return setImmediate().then(() => {
      signal.throwIfAborted();
      this.#until = performance.now() + sliceMs;
    });
  }
}

/** The page in the text format. Throws a CodedError for a bad selector. Native histograms are left out: the text format cannot say them. */
export async function federate(params: URLSearchParams, deps: FederateDeps): Promise<string> {
  const breath = new Breath();
  const selectors = matchParameters(params);
  const querier = deps.queryable.querier(deps.nowMs - deps.lookbackMs, deps.nowMs);
  const lastByKey = new Map<string, LastSample>();
  try {
    const batch = new SampleBatch();
    for (const matchers of selectors) {
      const { series } = await querier.select(matchers, { startMs: deps.nowMs - deps.lookbackMs, endMs: deps.nowMs }, deps.signal);
      for (const one of series) {
        const pause = breath.take(deps.signal);
        if (pause !== undefined) await pause;
        const last = lastSample(one, batch);
        if (last !== undefined) lastByKey.set(one.labels.key(), last);
      }
    }
  } finally {
    querier.close();
  }
  return printPage([...lastByKey.values()], deps, breath);
}

function lastSample(series: Series, batch: SampleBatch): LastSample | undefined {
  const { labels } = series;
  const reader = series.samples();
  let last: LastSample | undefined;
  for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
    const i = count - 1;
    const isHistogram = batch.hasHistograms && batch.histograms[i] !== undefined;
    last = batch.stale[i] === 1 || isHistogram ? undefined : { labels, tMs: batch.times[i] as number, value: batch.values[i] as number };
  }
  return last;
}

async function printPage(samples: LastSample[], { externalLabels, signal }: FederateDeps, breath: Breath): Promise<string> {
  samples.sort((a, b) => compareBytes(a.labels.get('__name__'), b.labels.get('__name__')) || Labels.compare(a.labels, b.labels));
  let page = '';
  let family: string | undefined;
  for (const { labels, tMs, value } of samples) {
    const pause = breath.take(signal);
    if (pause !== undefined) await pause;
    const name = labels.get('__name__');
    if (name === '') continue;
    if (name !== family) {
      family = name;
      page += `# TYPE ${isPlain(name) ? name : quote(name)} untyped\n`;
    }
    page += `${printSeries(name, labels, externalLabels)} ${formatFloat(value)} ${tMs}\n`;
  }
  return page;
}

/** With our own labels where it has none; without any instance it says so, so that an honouring scraper does not add its own. */
function printSeries(name: string, labels: Labels, externalLabels: Labels): string {
  const own = [...labels].filter(([label]) => label !== '__name__');
  const external = [...externalLabels].filter(([label]) => !labels.has(label));
  const hasInstance = labels.has('instance') || externalLabels.has('instance');
  const all: [string, string][] = [...own, ...external, ...(hasInstance ? [] : [['instance', ''] as [string, string]])];
  all.sort(([a], [b]) => compareBytes(a, b));
  const printed = all.map(([label, value]) => `${isPlain(label) ? label : quote(label)}=${quote(value)}`).join(',');
  return isPlain(name) ? `${name}{${printed}}` : `{${quote(name)},${printed}}`;
}

function isPlain(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
