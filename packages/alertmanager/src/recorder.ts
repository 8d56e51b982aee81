/** A local HTTP server that records requests and answers as told. Used by tests only. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atMs: number;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Never answers. */
  readonly hangs?: boolean;
}

export class Recorder {
  readonly requests: Recorded[] = [];
  readonly #waiting = new Set<() => void>();
  answer: (request: Recorded) => Reply = () => ({});
  url = '';
  #close: () => Promise<void> = () => Promise.resolve();

  static async start(): Promise<Recorder> {
    const recorder = new Recorder();
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const recorded: Recorded = {
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(parts).toString(),
          atMs: Date.now(),
        };
        recorder.requests.push(recorded);
        for (const wake of recorder.#waiting) wake();
        const { status = 200, headers = {}, body = '', hangs = false } = recorder.answer(recorded);
        if (!hangs) response.writeHead(status, headers).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    recorder.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    recorder.#close = () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return recorder;
  }

  /** Resolves when so many requests have come; rejects after the time. */
  async waitFor(count: number, limitMs = 10_000): Promise<readonly Recorded[]> {
    const endMs = Date.now() + limitMs;
    while (this.requests.length < count) {
      const leftMs = endMs - Date.now();
      if (leftMs <= 0) throw new Error(`${this.requests.length} of ${count} requests came within ${limitMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
    return this.requests;
  }

  stop(): Promise<void> {
    return this.#close();
  }
}
