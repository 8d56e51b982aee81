/**
 * What the tests of every server share: throw random requests at all its routes and see that it answers each with a reason and
 * lives on. The seed is printed with a failure, so that it can be run again.
 */
import { request } from 'node:http';
import { connect } from 'node:net';

export { type EtcdCluster, etcdIsHere, startEtcd } from './etcd/testing.ts';
export { hasOpenssl, makeAuthority, makeCertificate } from './testing-tls.ts';

export interface RandomRequestOptions {
  readonly seed?: number;
  /** Requests per route; default 40. */
  readonly runs?: number;
  /** Answers of these statuses are all right although they are 5xx (501 for what is not built yet); default [501, 503]. */
  readonly allow?: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Routes as `POST /api/v1/scheduler`; parameters (`:id`, `*`) are filled in. Each gets random bytes, random JSON of JSON's and of the
 * route's own words, wrong content types and random queries. Throws when an answer is 5xx, a 4xx says nothing, or `/-/healthy` falls silent.
 */
export async function assertSurvivesRandomRequests(
  url: string,
  routes: readonly string[],
  options: RandomRequestOptions = {},
): Promise<void> {
  const seed = options.seed ?? Date.now() % 0x7fff_ffff;
  const random = new Random(seed);
  const allow = new Set(options.allow ?? [501, 503]);
  const faults: string[] = [];
  for (const route of routes) {
    const [method, pattern] = route.split(' ') as [string, string];
    for (let run = 0; run < (options.runs ?? 40) && faults.length < 5; run++) {
      const path = pattern.replace(/:\w+|\*/g, () => random.path()) + random.query();
      const { type, body } = random.body();
      const answer = await send(url, method, path, { ...options.headers, ...(type === undefined ? {} : { 'content-type': type }) }, body);
      const shown = `${method} ${path} (${type ?? 'no type'}) ${JSON.stringify(body.toString('latin1').slice(0, 200))}`;
      if (answer === undefined) faults.push(`${shown}: the connection ended without an answer`);
      else if (answer.status >= 500 && !allow.has(answer.status)) faults.push(`${shown}: ${answer.status} ${answer.body.slice(0, 300)}`);
      else if (answer.status >= 400 && answer.body === '' && method !== 'HEAD') faults.push(`${shown}: ${answer.status} without a reason`);
    }
  }
  for (let run = 0; run < 10; run++) await sendRaw(url, random.bytes(300));
  const health = await send(url, 'GET', '/-/healthy', { ...options.headers }, Buffer.alloc(0));
  if (health?.status !== 200) faults.push(`GET /-/healthy after it all: ${health === undefined ? 'no answer' : health.status}`);
  if (faults.length > 0) throw new Error(`seed ${seed}:\n${faults.join('\n')}`);
}

/** A stream never ends: what came within this time, or so many bytes, is answer enough. */
const answerLimitMs = 300;
const answerLimitBytes = 64 * 1024;

function send(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<{ status: number; body: string } | undefined> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method, path, headers: { ...headers, 'content-length': String(body.length) }, agent: false },
      (response) => {
        let text = '';
        const done = (): void => {
          clearTimeout(limit);
          call.destroy();
          resolve({ status: response.statusCode ?? 0, body: text });
        };
        const limit = setTimeout(done, answerLimitMs);
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > answerLimitBytes) done();
        });
        response.on('end', done).on('error', done);
      },
    );
    call.setTimeout(10_000, () => call.destroy());
    call.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNREFUSED' ? reject(error) : resolve(undefined)));
    call.end(body);
  });
}

/** Bytes that are no HTTP at all. */
function sendRaw(url: string, bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => socket.end(bytes));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
  });
}

const words = [
  'type',
  'SUBSCRIBE',
  'framework_id',
  'value',
  'name',
  'labels',
  'match[]',
  'query',
  'up',
  'start',
  'end',
  'step',
  'limit',
  'id',
  '__proto__',
  'constructor',
  'data',
  'alerts',
  'toString',
];
const texts = [
  '',
  '0',
  '-1',
  '1e999',
  'NaN',
  'null',
  '{',
  '{}',
  '[]',
  'up{',
  'a'.repeat(3000),
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  '%',
  '%00',
  '${x}',
  '1h',
  'true',
  'é☃',
  'PT1S',
];

/** mulberry32: small, seeded, good enough to wander. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  number(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.number() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  bytes(limit: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(limit) }, () => this.below(256)));
  }

  json(depth: number): unknown {
    switch (this.below(depth <= 0 ? 5 : 8)) {
      case 0:
        return null;
      case 1:
        return this.number() < 0.5;
      case 2:
        return this.pick([0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER + 1, this.below(100)]);
      case 3:
        return this.pick(words);
      case 4:
        return this.pick(texts);
      case 5:
        return Array.from({ length: this.below(4) }, () => this.json(depth - 1));
      default:
        return Object.fromEntries(Array.from({ length: this.below(5) }, () => [this.pick(words), this.json(depth - 1)]));
    }
  }

  path(): string {
    return encodeURIComponent(this.pick([...words, ...texts.filter((text) => text !== '\ud800' && text !== '')])).slice(0, 500) || 'x';
  }

  query(): string {
    if (this.number() < 0.4) return '';
    const pairs = Array.from(
      { length: 1 + this.below(4) },
      () => `${encodeURIComponent(this.pick(words))}=${this.pick(['%', '%zz', '', this.path()])}`,
    );
    return `?${pairs.join('&')}`;
  }

  body(): { type: string | undefined; body: Buffer } {
    const types = [
      undefined,
      'application/json',
      'application/json',
      'application/x-www-form-urlencoded',
      'application/x-protobuf',
      'text/plain',
      'nonsense',
      'application/json; charset=klingon',
    ];
    const type = this.pick(types);
    switch (this.below(5)) {
      case 0:
        return { type, body: Buffer.alloc(0) };
      case 1:
        return { type, body: this.bytes(500) };
      case 2:
        return { type, body: Buffer.from(JSON.stringify(this.json(4)).slice(0, this.below(200))) };
      case 3:
        return { type: 'application/x-www-form-urlencoded', body: Buffer.from(this.query().slice(1)) };
      default:
        return { type: 'application/json', body: Buffer.from(JSON.stringify(this.json(4))) };
    }
  }
}
