/** The attempt's side of the attempt protocol: small JSON requests over one kept connection. Plain node:http, because an attempt must start fast. */
import { Agent, type IncomingMessage, request } from 'node:http';
import type {
  AttemptWork,
  DoneAnswer,
  DoneReport,
  FailureReport,
  FetchFailure,
  JobFile,
  MapEvents,
  ProgressReport,
} from './attempt-protocol.ts';

/** The job master does not want this attempt any more. */
export class ObsoleteError extends Error {
  override readonly name = 'ObsoleteError';
}

/** A job master that is silent for longer has ended, and so does the attempt. */
const PATIENCE_MS = 30_000;

export class JobClient {
  readonly #job: JobFile;
  readonly #attemptId: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(job: JobFile, attemptId: string) {
    this.#job = job;
    this.#attemptId = attemptId;
  }

  work(): Promise<AttemptWork> {
    return this.#call('GET', '') as Promise<AttemptWork>;
  }

  async progress(report: ProgressReport): Promise<void> {
    await this.#call('POST', '/progress', report);
  }

  mapEvents(since: number): Promise<MapEvents> {
    return this.#call('GET', `/maps?since=${since}`) as Promise<MapEvents>;
  }

  async fetchFailed(failure: FetchFailure): Promise<void> {
    await this.#call('POST', '/fetch-failed', failure);
  }

  done(report: DoneReport): Promise<DoneAnswer> {
    return this.#call('POST', '/done', report) as Promise<DoneAnswer>;
  }

  async failed(report: FailureReport): Promise<void> {
    await this.#call('POST', '/failed', report);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Repeats on a broken connection: every call of the protocol may be repeated. */
  async #call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const giveUpAtMs = performance.now() + PATIENCE_MS;
    for (let pauseMs = 50; ; pauseMs = Math.min(2_000, pauseMs * 2)) {
      let answer: { status: number; text: string };
      try {
        answer = await this.#once(method, path, body);
      } catch (error) {
        if (performance.now() > giveUpAtMs)
          throw new Error(`the job master at ${this.#job.url} does not answer: ${(error as Error).message}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        continue;
      }
      if (answer.status === 410) throw new ObsoleteError(answer.text);
      if (answer.status >= 300)
        throw new Error(`the job master answered ${method} ${path} with ${answer.status}: ${answer.text.slice(0, 500)}`);
      return answer.text === '' ? undefined : (JSON.parse(answer.text) as unknown);
    }
  }

  #once(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const call = request(
        `${this.#job.url}/attempts/${this.#attemptId}${path}`,
        {
          method,
          agent: this.#agent,
          timeout: PATIENCE_MS,
          headers: {
            authorization: `Bearer ${this.#job.token}`,
            ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
        },
        (response) => {
          readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
        },
      );
      call.once('timeout', () => call.destroy(new Error('no answer')));
      call.once('error', reject);
      call.end(payload);
    });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
