/**
 * One library, one case, one fresh process: `child LIBRARY FOLDER CASE MS`. Prints operations a second, or bytes a series. The seconds are the
 * process' own (all its threads, the collector of garbage too), so that other work on the machine disturbs little.
 */
import { fill, load } from './cases.ts';

const [name = '', folder = '', wanted = '', durationMs = '600'] = process.argv.slice(2);
const { cases, library } = await load(name, folder);

async function speed(): Promise<number> {
  const operation = cases[wanted]?.();
  if (operation === undefined) return Number.NaN;
  const isScrape = wanted.startsWith('scrape');
  const rates: number[] = [];
  // The first of four passes warms up; the best of the others counts.
  for (let pass = 0; pass < 4; pass++) {
    const startedMs = performance.now();
    const startedCpu = process.cpuUsage();
    let done = 0;
    let nowMs = startedMs;
    while (nowMs - startedMs < Number(durationMs) / 3) {
      if (isScrape) {
        await operation(done);
        done++;
      } else {
        for (let i = 0; i < 1000; i++) operation(done + i);
        done += 1000;
      }
      nowMs = performance.now();
    }
    const { user, system } = process.cpuUsage(startedCpu);
    if (pass > 0) rates.push((done / (user + system)) * 1e6);
  }
  return Math.max(...rates);
}

/** Heap and array buffers together, after collection. */
function usedBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function bytesPerSeries(kind: 'counter' | 'histogram', series: number): number {
  if (library === undefined) return Number.NaN;
  fill(library, kind, 10);
  const before = usedBytes();
  const kept = fill(library, kind, series);
  const bytes = (usedBytes() - before) / series;
  return kept === undefined ? Number.NaN : bytes;
}

const result =
  wanted === 'memory: counter'
    ? bytesPerSeries('counter', 50_000)
    : wanted === 'memory: histogram'
      ? bytesPerSeries('histogram', 20_000)
      : await speed();
process.stdout.write(`${result}\n`);
