/** A job on the terminal: two bars that move, or where there is no terminal the lines that Hadoop prints. */
import type { JobProgress, KindProgress } from './job.ts';

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 24;

export class ProgressView {
  readonly #out: ProgressOutput;
  #last = '';
  #isDrawn = false;

  constructor(out: ProgressOutput) {
    this.#out = out;
  }

  show(progress: JobProgress): void {
    if (this.#out.isTTY === true) {
      const line = `map ${bar(progress.map)}  reduce ${bar(progress.reduce)}`.slice(0, (this.#out.columns ?? 80) - 1);
      this.#out.write(`\r${line}\u001b[K`);
      this.#isDrawn = true;
      return;
    }
    const line = ` map ${percent(progress.map)}% reduce ${percent(progress.reduce)}%\n`;
    if (line === this.#last) return;
    this.#last = line;
    this.#out.write(line);
  }

  /** Later output begins on a line of its own. */
  end(): void {
    if (this.#isDrawn) this.#out.write('\n');
    this.#isDrawn = false;
  }
}

/** 100 only when all is done. */
function percent({ fraction, done, total }: KindProgress): number {
  return done === total ? 100 : Math.min(99, Math.floor(fraction * 100));
}

function bar(progress: KindProgress): string {
  const filled = Math.round((percent(progress) / 100) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${progress.done}/${progress.total}`;
}
