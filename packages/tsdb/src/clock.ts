/** The part of a clock that the database needs; `Clock` of @pronoia/server is one. */
export interface Clock {
  /** Integer Unix milliseconds. */
  now(): number;
  setTimer(delayMs: number, run: () => void): { cancel(): void };
}

export const hostClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
