/**
 * Finds all processes of containers that are being killed or have ended. A look at all processes of the host costs some milliseconds, so
 * the questions that come together share one: a thousand kills do not cost a thousand looks.
 */
import { processTrees, readEnvironments, readProcesses } from './processes.ts';

export interface SweptContainer {
  readonly containerId: string;
  /** Of the supervisor; 0 when there is none. */
  readonly pid: number;
}

interface Question {
  readonly container: SweptContainer;
  readonly answer: (pids: readonly number[]) => void;
}

/** Of all time, looking takes at most half. */
const SHORTEST_PAUSE_MS = 5;

export class Sweeper {
  readonly #variable: string;
  #questions: Question[] = [];
  #isPlanned = false;
  #freeAtMs = 0;

  /** `variable` holds the container's id in the environment of each of its processes. */
  constructor(variable: string) {
    this.#variable = variable;
  }

  /** `answer` is called soon, in a later turn, with what is alive of the container. */
  find(container: SweptContainer, answer: Question['answer']): void {
    this.#questions.push({ container, answer });
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    // The host's own time: this paces work, it decides nothing.
    setTimeout(() => this.#sweep(), Math.max(0, this.#freeAtMs - performance.now()));
  }

  #sweep(): void {
    const questions = this.#questions;
    this.#questions = [];
    this.#isPlanned = false;
    const startMs = performance.now();
    const table = readProcesses();
    const pidsByContainer = readEnvironments(this.#variable);
    const trees = processTrees(table, new Set(questions.map(({ container }) => container.pid).filter((pid) => pid !== 0)));
    const endMs = performance.now();
    this.#freeAtMs = endMs + Math.max(SHORTEST_PAUSE_MS, endMs - startMs);
    for (const { container, answer } of questions) {
      const found = new Set<number>();
      for (const { pid, isZombie } of trees.get(container.pid) ?? []) if (!isZombie) found.add(pid);
      for (const pid of pidsByContainer.get(container.containerId) ?? []) found.add(pid);
      answer([...found]);
    }
  }
}
