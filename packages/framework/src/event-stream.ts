/**
 * One SUBSCRIBE and the stream of records that answers it (mesos.md §2.1), with the leader's redirects followed (§1.4).
 * Nothing here knows what the records mean; the executor's stream has the same shape.
 */
import { RecordDecoder } from '@pronoia/mesos';
import { type Dispatcher, request } from 'undici';

export interface EventStream {
  /** `scheme://host:port` of the master that answered: where calls go. */
  readonly origin: string;
  /** To be sent with every call; the executor API has none. */
  readonly streamId: string | undefined;
  close(): void;
}

export interface EventStreamOptions {
  readonly origin: string;
  readonly path: string;
  readonly body: string;
  readonly dispatcher: Dispatcher;
  readonly headersTimeoutMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Each record in order, as text. */
  readonly onRecord: (json: string) => void;
  /** Called once when the stream has ended for any reason but `close`. */
  readonly onEnd: (reason: string) => void;
}

/** The master answered, but not with a stream. */
export interface RefusedStream {
  readonly status: number;
  readonly message: string;
}

/** A chain of masters that point at each other is broken. */
const redirectLimit = 5;

const headerText = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** Opens the stream. A refusal is an answer; not reaching any master throws. */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream | RefusedStream> {
  let url = new URL(options.path, options.origin);
  for (let hop = 0; ; hop++) {
    const abort = new AbortController();
    const response = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...options.headers },
      body: options.body,
      dispatcher: options.dispatcher,
      headersTimeout: options.headersTimeoutMs,
      // Silence is judged by heartbeats, by the owner of the stream.
      bodyTimeout: 0,
      signal: abort.signal,
    });
    const { statusCode, headers, body } = response;
    const location = headerText(headers['location']);
    if (statusCode === 307 && location !== undefined && hop < redirectLimit) {
      await body.dump();
      // Scheme-relative, as masters write it; the path is already the original's.
      url = new URL(location, url);
      continue;
    }
    if (statusCode !== 200) {
      const text = await body.text();
      return { status: statusCode, message: text.trim() === '' ? `HTTP ${statusCode}` : text.trim().slice(0, 1000) };
    }
    const decoder = new RecordDecoder();
    let isOver = false;
    const end = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      abort.abort();
      options.onEnd(reason);
    };
    body.on('data', (chunk: Buffer) => {
      if (isOver) return;
      try {
        for (const record of decoder.decode(chunk)) {
          if (isOver) return;
          options.onRecord(record.toString('utf8'));
        }
      } catch (error) {
        end(error instanceof Error ? error.message : String(error));
      }
    });
    body.on('end', () => end('the master closed the stream'));
    body.on('error', (error: Error) => end(error.message));
    body.on('close', () => end('the connection was closed'));
    return {
      origin: url.origin,
      streamId: headerText(headers['mesos-stream-id']),
      close() {
        isOver = true;
        abort.abort();
      },
    };
  }
}
