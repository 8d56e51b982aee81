/**
 * Time, handed in. Everything above the ground floor asks a `Clock`, so that a test moves time and never waits for it.
 */
export interface Clock {
  /** Integer Unix milliseconds. May jump when the host's clock is set. */
  now(): number;
  /** Milliseconds (with fraction) since some fixed moment; never goes backwards. For durations. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` (≤ 0: as soon as possible, never inside this call). */
  setTimer(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  /** Nothing happens when the timer has fired or was cancelled. */
  cancel(): void;
}

/** The host's clock. Its timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, run) {
    if (delayMs <= 0) {
      // setTimeout makes a whole millisecond of it.
      const soon = setImmediate(run);
      soon.unref();
      return { cancel: () => clearImmediate(soon) };
    }
    // setTimeout takes at most 2^31 − 1 ms; longer waits are cut and re-armed.
    const limitMs = 2_147_483_647;
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      handle = setTimeout(() => (leftMs > limitMs ? arm(leftMs - limitMs) : run()), Math.min(leftMs, limitMs));
      handle.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms`; rejects with the signal's reason when it fires first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock for tests: stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #order = 0;
  #pending: PendingTimer[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  setTimer(delayMs: number, run: () => void): Timer {
    const timer: PendingTimer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#pending.push(timer);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== timer);
      },
    };
  }

  /** How many timers are armed: a test's way to see that nothing was forgotten. */
  get pendingTimers(): number {
    return this.#pending.length;
  }

  /** Moves time forward, firing timers in order of due time and settling promises after each. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + ms;
    await this.settle();
    for (;;) {
      const due = this.#pending.filter((timer) => timer.dueMs <= targetMs).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (due === undefined) break;
      this.#pending = this.#pending.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.dueMs);
      due.run();
      await this.settle();
    }
    this.#nowMs = targetMs;
  }

  /** Lets everything that is already possible happen: promise callbacks and the loop's immediate queue. */
  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
