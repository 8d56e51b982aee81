/** What a scheduler needs of time; `Clock` of @pronoia/server fits it. */
export interface SchedulerClock {
  /** Unix milliseconds. */
  now(): number;
  setTimer(delayMs: number, run: () => void): { cancel(): void };
}

export const realClock: SchedulerClock = {
  now: () => Date.now(),
  setTimer(delayMs, run) {
    const handle = setTimeout(run, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
};
