/**
 * Long work in short turns: nobody holds the event loop for long, so a probe, a heartbeat or a small request comes in between. Real time
 * and not the clock's, for it is the processor that is shared.
 */

/** How long one may work before others get their turn. */
const sliceMs = 6;

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** For a loop: `if (slice.isOver()) await slice.next();` now and then. */
export class Slice {
  #sinceMs = performance.now();

  isOver(): boolean {
    return performance.now() - this.#sinceMs > sliceMs;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#sinceMs = performance.now();
  }
}

/** A queue before work that comes in crowds (two hundred groups due in one millisecond): in order, as many in a turn as there is time for. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #turnStartedAtMs = 0;
  #isInTurn = false;

  /** Undefined: there is time, begin now. Else wait for this. */
  wait(): Promise<void> | undefined {
    if (this.#waiting.length === 0) {
      if (!this.#isInTurn) {
        this.#begin();
        return undefined;
      }
      if (performance.now() - this.#turnStartedAtMs < sliceMs) return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #begin(): void {
    this.#isInTurn = true;
    this.#turnStartedAtMs = performance.now();
    setImmediate(() => {
      this.#isInTurn = false;
      const first = this.#waiting.shift();
      if (first === undefined) return;
      this.#begin();
      first();
    });
  }
}
