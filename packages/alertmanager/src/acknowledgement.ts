/**
 * Acknowledgements: somebody has taken an alert on. It is not repeated and not passed on to the next receiver; a new firing of it is a new
 * matter. On the disk before it is answered, and shared by the members of a cluster: of two words about one alert the later holds, so
 * that a withdrawn one is kept, too, as long as another member may still know it.
 */
import type { Alert } from './alert.ts';
import { Journal } from './state/journal.ts';

export interface Acknowledgement {
  readonly fingerprint: string;
  readonly by: string;
  readonly comment: string;
  /** When it was acknowledged, or withdrawn. */
  readonly atMs: number;
  /** When the alert began that was acknowledged: it may lie in the future. */
  readonly startsAtMs: number;
  readonly isWithdrawn?: boolean;
}

type OnChange = (acknowledgement: Acknowledgement) => void;

const dayMs = 24 * 3_600_000;

export class Acknowledgements {
  readonly #byFingerprint = new Map<string, Acknowledgement>();
  readonly #journal: Journal | undefined;
  readonly #subscribers: OnChange[] = [];

  /** In memory alone without a file. */
  constructor(file?: string) {
    this.#journal =
      file === undefined
        ? undefined
        : Journal.open(file, (payload) => {
            const read = JSON.parse(payload.toString()) as Acknowledgement;
            const known = this.#byFingerprint.get(read.fingerprint);
            // One that was withdrawn before members shared them has no time.
            if (read.atMs === undefined) this.#byFingerprint.delete(read.fingerprint);
            else if (known === undefined || isLater(read, known)) this.#byFingerprint.set(read.fingerprint, read);
          });
  }

  /** Told of each change that was made here, not of those that came from another member. */
  subscribe(onChange: OnChange): void {
    this.#subscribers.push(onChange);
  }

  set(acknowledgement: Acknowledgement): void {
    this.#change(acknowledgement);
  }

  /** False when there was none. */
  withdraw(fingerprint: string, nowMs: number): boolean {
    const known = this.#byFingerprint.get(fingerprint);
    if (known === undefined || known.isWithdrawn === true) return false;
    this.#change({ ...known, atMs: nowMs, isWithdrawn: true });
    return true;
  }

  #change(wanted: Acknowledgement): void {
    const known = this.#byFingerprint.get(wanted.fingerprint);
    // What is said here last holds, though another member's clock be ahead.
    const made = known === undefined ? wanted : { ...wanted, atMs: Math.max(wanted.atMs, known.atMs + 1) };
    this.#journal?.append(encodeAcknowledgement(made));
    this.#byFingerprint.set(made.fingerprint, made);
    for (const tell of this.#subscribers) tell(made);
  }

  /** What another member knows. False: it is not news. Throws `state_not_written` when it is taken, but not on the disk. */
  merge(theirs: Acknowledgement, alert: Alert | undefined, nowMs: number): boolean {
    const known = this.#byFingerprint.get(theirs.fingerprint);
    if (isOver(theirs, alert, nowMs) || (known !== undefined && !isLater(theirs, known))) return false;
    this.#byFingerprint.set(theirs.fingerprint, theirs);
    this.#journal?.append(encodeAcknowledgement(theirs));
    return true;
  }

  /** The withdrawn among them. */
  all(): IterableIterator<Acknowledgement> {
    return this.#byFingerprint.values();
  }

  /** Of this firing of the alert: one that fired again later is not acknowledged. */
  of(alert: Alert): Acknowledgement | undefined {
    const found = this.#byFingerprint.get(alert.fingerprint);
    if (found === undefined || found.isWithdrawn === true) return undefined;
    return alert.startsAt.unixMs <= Math.max(found.atMs, found.startsAtMs) ? found : undefined;
  }

  /** Forgets those of alerts that have ended; of one that nobody knows (after a restart it may yet be reported) after a day. */
  collectGarbage(alertOf: (fingerprint: string) => Alert | undefined, nowMs: number): void {
    for (const one of this.#byFingerprint.values())
      if (isOver(one, alertOf(one.fingerprint), nowMs)) this.#byFingerprint.delete(one.fingerprint);
  }

  snapshot(): number {
    return this.#journal?.snapshot([...this.#byFingerprint.values()].map(encodeAcknowledgement)) ?? 0;
  }

  close(): void {
    this.#journal?.close();
  }
}

function encodeAcknowledgement(acknowledgement: Acknowledgement): Buffer {
  return Buffer.from(JSON.stringify(acknowledgement));
}

/** Of two of one moment all members must keep the same. */
function isLater(one: Acknowledgement, other: Acknowledgement): boolean {
  if (one.atMs !== other.atMs) return one.atMs > other.atMs;
  if (one.isWithdrawn !== other.isWithdrawn) return one.isWithdrawn === true;
  return `${one.by}\n${one.comment}` > `${other.by}\n${other.comment}`;
}

/** One that was made after the end that is known here is of a firing of which this member has not heard yet. */
function isOver({ atMs }: Acknowledgement, alert: Alert | undefined, nowMs: number): boolean {
  return alert === undefined ? atMs < nowMs - dayMs : alert.isResolvedAt(nowMs) && atMs <= alert.endsAt.unixMs;
}
