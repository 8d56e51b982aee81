/**
 * Work that blocks for a millisecond or two, such as starting a process, done piece by piece with the event loop turning in between: a
 * thousand launches that come at once must not keep pings and requests waiting for seconds.
 */
let last: Promise<void> = Promise.resolve();

/** Resolves in a turn of its own, after all who asked before. */
export function ownTurn(): Promise<void> {
  last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  return last;
}
