/**
 * Large answers, made in slices: between two of them the loop serves others. Who asks while an answer is being made waits for the next one,
 * which begins after the question: many clients share one making, and nobody is shown what was before its own writes.
 */
export type Pieces = Iterable<string | Uint8Array>;

/** Long enough to be worth its overhead, short enough that no offer waits for it. */
const sliceMs = 8;
/** Strings are joined to buffers of about this size, as sockets like them. */
const bufferSize = 128 * 1024;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** All pieces as buffers, in slices. */
export async function inSlices(pieces: Pieces, monotonic: () => number): Promise<Buffer[]> {
  const buffers: Buffer[] = [];
  let text = '';
  let sinceMs = monotonic();
  for (const piece of pieces) {
    if (typeof piece === 'string') text += piece;
    if (text !== '' && (typeof piece !== 'string' || text.length >= bufferSize)) {
      buffers.push(Buffer.from(text));
      text = '';
    }
    if (typeof piece !== 'string') buffers.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    if (monotonic() - sinceMs >= sliceMs) {
      await turn();
      sinceMs = monotonic();
    }
  }
  if (text !== '') buffers.push(Buffer.from(text));
  return buffers;
}

export class SharedAnswer {
  readonly #make: () => Pieces;
  readonly #monotonic: () => number;
  #running: Promise<Buffer[]> | undefined;
  #next: Promise<Buffer[]> | undefined;

  /** `make` is called when a making begins. */
  constructor(make: () => Pieces, monotonic: () => number) {
    this.#make = make;
    this.#monotonic = monotonic;
  }

  get(): Promise<Buffer[]> {
    this.#next ??= this.#begin(this.#running);
    return this.#next;
  }

  async #begin(before: Promise<unknown> | undefined): Promise<Buffer[]> {
    await before?.catch(() => {});
    // After this turn of the loop: requests that came together are answered together.
    await turn();
    this.#running = this.#next;
    this.#next = undefined;
    try {
      return await inSlices(this.#make(), this.#monotonic);
    } finally {
      if (this.#next === undefined) this.#running = undefined;
    }
  }
}
