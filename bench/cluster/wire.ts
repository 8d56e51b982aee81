/** What the emulators of bench/cluster.ts share: a stream of records and posts on kept connections, without any comfort. */
import { Agent, request } from 'node:http';

/** Opens a stream; `onRecord` gets each record's text, `onEnd` is called once. Answers the stream id, or undefined when refused. */
export function openStream(
  url: string,
  body: string,
  on: { opened: (streamId: string) => void; record: (text: string) => void; end: (reason: string) => void },
): void {
  let isOver = false;
  const end = (reason: string): void => {
    if (isOver) return;
    isOver = true;
    on.end(reason);
  };
  const call = request(
    url,
    {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(body) },
    },
    (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        end(`status ${response.statusCode}`);
        return;
      }
      on.opened(String(response.headers['mesos-stream-id']));
      let rest = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        rest += chunk;
        for (;;) {
          const line = rest.indexOf('\n');
          if (line < 0) return;
          const length = Number(rest.slice(0, line));
          if (rest.length < line + 1 + length) return;
          const text = rest.slice(line + 1, line + 1 + length);
          rest = rest.slice(line + 1 + length);
          on.record(text);
        }
      });
      response.on('end', () => end('ended')).on('error', (error) => end(error.message));
    },
  );
  call.on('error', (error) => end(error.message));
  call.end(body);
}

export class Poster {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  post(streamId: string, body: string, done?: (status: number) => void): void {
    const call = request(
      this.#url,
      {
        method: 'POST',
        agent: this.#agent,
        headers: { 'content-type': 'application/json', 'mesos-stream-id': streamId, 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        done?.(response.statusCode ?? 0);
      },
    );
    call.on('error', () => done?.(0));
    call.end(body);
  }

  destroy(): void {
    this.#agent.destroy();
  }
}

export const say = (message: object): void => void process.send?.(message);
