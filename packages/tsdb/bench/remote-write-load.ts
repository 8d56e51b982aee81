/**
 * The sender of bench `tsdb`, in a process of its own: it encodes all remote-write requests before the clock starts, then sends
 * them to whoever it is told. Messages from the parent: a `Shape` to encode, then URLs to send to.
 */
import { Agent, request } from 'node:http';
import { compressSync } from 'snappy';

export interface Shape {
  readonly series: number;
  readonly samples: number;
  /** Distinguishes the series of one shape from those of another with the same numbers. */
  readonly generation: number;
  /** Time of the first sample. */
  readonly startMs: number;
  readonly stepMs: number;
}

export interface Sent {
  readonly seconds: number;
  readonly bytes: number;
  readonly failures: number;
}

const samplesPerRequest = 10_000;
const connections = 4;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  bytes.push(left);
  return bytes;
}

function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint(content.length)]), content]);
}

function labels(i: number, generation: number): Buffer {
  const pairs: [string, string][] = [
    ['__name__', `node_metric_${generation === 0 ? '' : `${generation}_`}${i % 200}_total`],
    ['device', `sd${i % 13}`],
    ['instance', `host-${Math.floor(i / 200)}.example.org:9100`],
    ['job', 'node'],
    ['mode', `mode-${i % 7}`],
  ];
  return Buffer.concat(pairs.map(([name, value]) => field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))]))));
}

/** Counters, gauges and constants, as hosts have them. */
function valueAt(i: number, n: number): number {
  if (i % 4 === 0) return (i % 1000) * 1000 + n * ((i % 17) + 1);
  if (i % 4 === 1) return Math.round(1000 * (50 + 40 * Math.sin((i + n) / 20))) / 1000;
  if (i % 4 === 2) return Math.floor((i * 7919 + n * n * 31) / 7) % 100_000;
  return i % 3;
}

let requests: Buffer[][] = [];

function encode({ series, samples, generation, startMs, stepMs }: Shape): void {
  requests = Array.from({ length: connections }, () => []);
  const labelsOf = Array.from({ length: series }, (_, i) => labels(i, generation));
  const out = Buffer.alloc(samplesPerRequest * 256);
  for (let n = 0; n < samples; n++) {
    const time = varint(startMs + n * stepMs);
    for (let from = 0, part = 0; from < series; from += samplesPerRequest, part++) {
      let at = 0;
      for (let i = from; i < Math.min(series, from + samplesPerRequest); i++) {
        const own = labelsOf[i] as Buffer;
        const sample = 10 + time.length;
        const length = own.length + 2 + sample;
        out[at++] = 10;
        for (const byte of varint(length)) out[at++] = byte;
        at += own.copy(out, at);
        out[at++] = 18;
        out[at++] = sample;
        out[at++] = 9;
        at = out.writeDoubleLE(valueAt(i, n), at);
        out[at++] = 16;
        for (const byte of time) out[at++] = byte;
      }
      (requests[part % connections] as Buffer[]).push(compressSync(out.subarray(0, at)));
    }
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: connections });

function post(url: string, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
      'content-length': body.length,
    };
    request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end(body);
  });
}

async function send(url: string): Promise<Sent> {
  const started = performance.now();
  let failures = 0;
  await Promise.all(
    requests.map(async (own) => {
      for (const body of own) if ((await post(url, body)) >= 300) failures++;
    }),
  );
  const bytes = requests.flat().reduce((sum, body) => sum + body.length, 0);
  return { seconds: (performance.now() - started) / 1000, bytes, failures };
}

process.on('message', (message: Shape | string) => {
  if (typeof message === 'string') void send(message).then((sent) => process.send?.(sent));
  else {
    encode(message);
    process.send?.('encoded');
  }
});
