/**
 * The logging level in Mesos' sense (mesos.md §4.1, 5.1, 6.5): 0 is what is always written, above it details are written too, for so long
 * and no longer.
 */
import type { Clock, Timer } from './clock.ts';
import type { Logger } from './log.ts';

export class Verbosity {
  readonly #clock: Clock;
  #level = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get level(): number {
    return this.#level;
  }

  /** Back to 0 after `durationMs`. */
  set(level: number, durationMs: number): void {
    this.stop();
    this.#level = level;
    this.#timer = this.#clock.setTimer(durationMs, () => {
      this.#level = 0;
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Details are written as if they were always wanted, while the level is above 0. */
  over(log: Logger): Logger {
    return {
      debug: (fields, message) => (this.#level > 0 ? log.info(fields, message) : log.debug(fields, message)),
      info: (fields, message) => log.info(fields, message),
      warn: (fields, message) => log.warn(fields, message),
      error: (fields, message) => log.error(fields, message),
      child: (fields) => this.over(log.child(fields)),
    };
  }
}
