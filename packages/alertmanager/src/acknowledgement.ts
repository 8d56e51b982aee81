/**
 * Acknowledgements: somebody has taken an alert on. It is not repeated and not passed on to the next receiver; a new firing of it is a new
 * matter. On the disk before it is answered.
 */
import type { Alert } from './alert.ts';
import { Journal } from './state/journal.ts';

export interface Acknowledgement {
  readonly fingerprint: string;
  readonly by: string;
  readonly comment: string;
  readonly atMs: number;
  /** When the alert began that was acknowledged: it may lie in the future. */
  readonly startsAtMs: number;
}

const dayMs = 24 * 3_600_000;

export class Acknowledgements {
  readonly #byFingerprint = new Map<string, Acknowledgement>();
  readonly #journal: Journal | undefined;
  readonly #onChange: ((acknowledgement: Acknowledgement, isWithdrawn: boolean) => void) | undefined;

  /** In memory alone without a file. */
  constructor(file?: string, onChange?: (acknowledgement: Acknowledgement, isWithdrawn: boolean) => void) {
    this.#onChange = onChange;
    this.#journal =
      file === undefined
        ? undefined
        : Journal.open(file, (payload) => {
            const read = JSON.parse(payload.toString()) as Acknowledgement & { readonly isWithdrawn?: boolean };
            if (read.isWithdrawn === true) this.#byFingerprint.delete(read.fingerprint);
            else this.#byFingerprint.set(read.fingerprint, read);
          });
  }

  set(acknowledgement: Acknowledgement): void {
    this.#journal?.append(Buffer.from(JSON.stringify(acknowledgement)));
    this.#byFingerprint.set(acknowledgement.fingerprint, acknowledgement);
    this.#onChange?.(acknowledgement, false);
  }

  /** False when there was none. */
  withdraw(fingerprint: string): boolean {
    const known = this.#byFingerprint.get(fingerprint);
    if (known === undefined) return false;
    this.#journal?.append(Buffer.from(JSON.stringify({ fingerprint, isWithdrawn: true })));
    this.#byFingerprint.delete(fingerprint);
    this.#onChange?.(known, true);
    return true;
  }

  /** Of this firing of the alert: one that fired again later is not acknowledged. */
  of(alert: Alert): Acknowledgement | undefined {
    const found = this.#byFingerprint.get(alert.fingerprint);
    return found !== undefined && alert.startsAt.unixMs <= Math.max(found.atMs, found.startsAtMs) ? found : undefined;
  }

  /** Forgets those of alerts that have ended; of one that nobody knows (after a restart it may yet be reported) after a day. */
  collectGarbage(alertOf: (fingerprint: string) => Alert | undefined, nowMs: number): void {
    for (const [fingerprint, { atMs }] of this.#byFingerprint) {
      const alert = alertOf(fingerprint);
      if (alert === undefined ? atMs < nowMs - dayMs : alert.isResolvedAt(nowMs)) this.#byFingerprint.delete(fingerprint);
    }
  }

  snapshot(): number {
    return this.#journal?.snapshot([...this.#byFingerprint.values()].map((one) => Buffer.from(JSON.stringify(one)))) ?? 0;
  }

  close(): void {
    this.#journal?.close();
  }
}
