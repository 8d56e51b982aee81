/** So many queries at a time; the others wait in line, until their time is up or they are cancelled. */
import { QueryError } from './query-error.ts';

export class QueryQueue {
  readonly #limit: number;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with what to call when the query has ended. */
  async enter(timeoutMs: number, signal: AbortSignal | undefined): Promise<() => void> {
    if (this.#running < this.#limit) this.#running++;
    else await this.#wait(timeoutMs, signal);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      if (next === undefined) this.#running--;
      else next();
    };
  }

  /** The one who leaves hands its place on, so `#running` stays. */
  #wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(admit);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const admit = (): void => {
        done();
        resolve();
      };
      const onAbort = (): void => {
        done();
        reject(new QueryError('canceled', 'query was canceled in query queue'));
      };
      // The original lets this one pass as a bare context error.
      const timer = setTimeout(
        () => {
          done();
          reject(new QueryError('execution', 'context deadline exceeded'));
        },
        Math.min(timeoutMs, 2 ** 31 - 1),
      );
      this.#waiting.add(admit);
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort);
    });
  }
}
