/** The series of bench `promql` and their samples, the same in every run: made slice of time by slice of time, as a server would meet them. */

import { encodeRequest, encodeSample, encodeSeries, encodeSeriesHead, varint } from '../../test/system/remote-write.ts';

export const intervalMs = 15_000;
/** A multiple of two hours, so that blocks of the original begin here too. */
const dayStartMs = 1_699_992_000_000;
export const endMs = dayStartMs + 24 * 3_600_000;
export const wideStartMs = endMs - 2 * 3_600_000;
/** Samples lie off every grid of steps: windows are left-open in 3.x and closed in 2.42. */
const offsetMs = 137;

export interface Sizes {
  /** Series with two hours of samples. */
  readonly wide: number;
  /** Series with a whole day. */
  readonly long: number;
}

export interface BenchSeries {
  readonly labels: readonly (readonly [string, string])[];
  readonly fromMs: number;
  /** The next sample's value. */
  readonly next: () => number;
}

export function createSeries({ wide, long }: Sizes): BenchSeries[] {
  const list: BenchSeries[] = [];
  const add = (fromMs: number, name: string, rest: Readonly<Record<string, string>>, next: () => number): void => {
    const labels = Object.entries({ __name__: name, ...rest, job: 'bench' }).sort(([a], [b]) => (a < b ? -1 : 1));
    list.push({ labels, fromMs, next });
  };
  const [counters, gauges, joined, hosts] = [
    Math.round(wide * 0.3),
    Math.round(wide * 0.3),
    Math.round(wide * 0.195),
    Math.round(wide * 0.005),
  ];
  const pod = (i: number): Record<string, string> => ({ host: `h${i % hosts}`, pod: `p${i}` });
  for (let i = 0; i < counters; i++) add(wideStartMs, 'c', pod(i), counter(i));
  for (let i = 0; i < gauges; i++) add(wideStartMs, 'g', pod(i), gauge(i + 1e6));
  for (let i = 0; i < joined; i++) add(wideStartMs, 'a', pod(i), gauge(i + 2e6));
  for (let i = 0; i < hosts; i++) add(wideStartMs, 'n', { host: `h${i}` }, gauge(i + 3e6));
  const bounds = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '+Inf'];
  for (let i = list.length; i < wide; i += bounds.length) {
    const random = generator(i + 4e6);
    const totals = bounds.map(() => 0);
    for (const [b, le] of bounds.entries()) {
      add(wideStartMs, 'b_bucket', { host: `h${i % hosts}`, pod: `p${i}`, le }, () => {
        totals[b] = Math.max((totals[b] as number) + Math.floor(random() * 3), b === 0 ? 0 : (totals[b - 1] as number));
        return totals[b] as number;
      });
    }
  }
  for (let i = 0; i < long / 2; i++) add(dayStartMs, 'dc', pod(i), counter(i + 5e6));
  for (let i = 0; i < long / 2; i++) add(dayStartMs, 'dg', pod(i), gauge(i + 6e6));
  return list;
}

/** Seconds of CPU for one in two, requests for the other; some start anew. */
function counter(seed: number): () => number {
  const random = generator(seed);
  const pace = 1 + random() * 20;
  let value = 0;
  const grow = seed % 2 === 0 ? () => random() * pace : () => Math.round(random() * pace);
  return () => (value = random() < 0.0005 ? 0 : value + grow());
}

/** A random walk with two decimals. */
function gauge(seed: number): () => number {
  const random = generator(seed);
  let hundredths = Math.floor(random() * 10_000);
  return () => {
    hundredths += Math.round((random() - 0.5) * 200);
    return hundredths / 100;
  };
}

/** mulberry32 */
function generator(start: number): () => number {
  let state = start | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bodies of remote write, ascending in time over all series. */
export function* writeRequests(series: readonly BenchSeries[], samplesPerRequest = 10_000): Generator<{ body: Buffer; samples: number }> {
  const heads = series.map(({ labels }) => encodeSeriesHead(labels));
  // So many samples of one series lie in one request.
  const run = 8;
  for (let fromMs = dayStartMs; fromMs < endMs; fromMs += run * intervalMs) {
    let parts: Buffer[] = [];
    let samples = 0;
    for (const [s, { fromMs: firstMs, next }] of series.entries()) {
      if (firstMs > fromMs) continue;
      const message: Buffer[] = [heads[s] as Buffer];
      for (let i = 0; i < run; i++) message.push(encodeSample(next(), fromMs + i * intervalMs + offsetMs));
      parts.push(encodeSeries(message));
      samples += run;
      if (samples < samplesPerRequest) continue;
      yield { body: encodeRequest(parts), samples };
      [parts, samples] = [[], 0];
    }
    if (samples > 0) yield { body: encodeRequest(parts), samples };
  }
}

/**
 * Samples that arrive while queries run: `count` series of their own, after all others; later rounds are later.
 * Each body holds one sample of 5,000 series, and is the caller's until the next.
 */
export function* liveRequests(count: number, round: number): Generator<{ body: Buffer; samples: number }> {
  const firstMs = endMs + round * 3_600_000;
  const bodies: { body: Buffer; samples: number; ends: number[] }[] = [];
  for (let from = 0; from < count; from += 5000) {
    const messages = Array.from({ length: Math.min(5000, count - from) }, (_, i) => {
      return encodeSeries([
        encodeSeriesHead([
          ['__name__', 'live'],
          ['pod', `p${from + i}`],
        ]),
        encodeSample(0, firstMs),
      ]);
    });
    const body = encodeRequest(messages);
    const ends: number[] = [];
    let end = body.length - messages.reduce((sum, message) => sum + message.length, 0);
    for (const message of messages) ends.push((end += message.length));
    bodies.push({ body, samples: messages.length, ends });
  }
  const stampBytes = varint(firstMs).length;
  for (let step = 0; ; step++) {
    const stamp = varint(firstMs + step * 1000);
    for (const { body, samples, ends } of bodies) {
      for (const [i, end] of ends.entries()) {
        body.writeDoubleLE((i * 31 + step * 7) % 1000, end - stampBytes - 9);
        for (let b = 0; b < stampBytes; b++) body[end - stampBytes + b] = stamp[b] as number;
      }
      yield { body, samples };
    }
  }
}
