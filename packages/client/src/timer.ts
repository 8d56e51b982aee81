/** Seconds since `startTimer` was called, on a clock that no one sets. */
export function startTimer<A extends unknown[]>(record: (seconds: number, ...args: A) => void): (...args: A) => number {
  const startedMs = performance.now();
  return (...args) => {
    const seconds = (performance.now() - startedMs) / 1000;
    record(seconds, ...args);
    return seconds;
  };
}
