/**
 * Alerts that flap: that fire again and again shortly after they were resolved. Their end is not told before they have kept still, so a
 * receiver hears of one long trouble and not of fifty short ones. A firing is never held back.
 */
export interface FlapDamping {
  /** So many new firings… */
  readonly flaps: number;
  /** …within this time make it flap; and so long its end is held back. */
  readonly withinMs: number;
}

interface Life {
  isFiring: boolean;
  /** When it last began or ended. */
  changedAtMs: number;
  /** When it fired again; only as many as are asked for. */
  readonly refiredAtMs: number[];
}

export class FlapMemory {
  readonly #damping: FlapDamping;
  readonly #lives = new Map<string, Life>();

  constructor(damping: FlapDamping) {
    this.#damping = damping;
  }

  /** To be told of each alert as it changes, and when its end has passed. */
  see(fingerprint: string, isFiring: boolean, nowMs: number): void {
    const life = this.#lives.get(fingerprint);
    if (life === undefined) {
      if (isFiring) this.#lives.set(fingerprint, { isFiring, changedAtMs: nowMs, refiredAtMs: [] });
      return;
    }
    if (isFiring && !life.isFiring) {
      life.refiredAtMs.push(nowMs);
      if (life.refiredAtMs.length > this.#damping.flaps) life.refiredAtMs.shift();
    }
    if (life.isFiring !== isFiring) life.changedAtMs = nowMs;
    life.isFiring = isFiring;
  }

  isFlapping(fingerprint: string, nowMs: number): boolean {
    const { flaps, withinMs } = this.#damping;
    const first = this.#lives.get(fingerprint)?.refiredAtMs.at(-flaps);
    return first !== undefined && first > nowMs - withinMs;
  }

  /** Forgets those that have kept still. */
  forget(nowMs: number): void {
    for (const [fingerprint, { isFiring, changedAtMs }] of this.#lives)
      if (!isFiring && changedAtMs <= nowMs - this.#damping.withinMs) this.#lives.delete(fingerprint);
  }
}
