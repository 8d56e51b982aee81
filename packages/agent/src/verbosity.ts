/** The logging level in the original's sense (mesos.md §5.1, 6.5): above 0 details are written as well, for so long and no longer. */
import type { Clock, Logger, Timer } from '@pronoia/server';

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

  /** Details of `log` are written while the level is above 0. */
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
