/**
 * Lets others run when this has run for long: upkeep and large selections work in slices of the event loop.
 */
const sliceMs = 4;
/** Looking at the clock costs as much as a small step. */
const stepsPerLook = 16;

export class Turn {
  readonly #signal: AbortSignal | undefined;
  #until = performance.now() + sliceMs;
  #steps = 0;

  /** Throws when the signal has fired. */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    signal?.throwIfAborted();
  }

  /** Await it after every step; mostly there is nothing to wait for. Rejects when the signal fires. */
  pass(): Promise<void> | undefined {
    if (++this.#steps % stepsPerLook !== 0 || performance.now() < this.#until) return undefined;
    return this.yield();
  }

  /** The same after a larger step: looks at the clock. */
  passNow(): Promise<void> | undefined {
    return performance.now() < this.#until ? undefined : this.yield();
  }

  /** Gives way now. */
  yield(): Promise<void> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#until = performance.now() + sliceMs;
        if (this.#signal?.aborted) reject(this.#signal.reason as Error);
        else resolve();
      });
    });
  }
}
