import type { Sink } from './execute.ts';
import { display } from './print.ts';
import { kindOf } from './value.ts';

/** Collects output as it is, up to a limit. */
export class TextSink implements Sink {
  readonly #maxLength: number;
  readonly #parts: string[] = [];
  #length = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  literal(text: string): void {
    this.#length += text.length;
    if (this.#length > this.#maxLength) throw new Error(`output is longer than ${this.#maxLength} characters`);
    this.#parts.push(text);
  }

  value(value: unknown): void {
    this.literal(kindOf(value) === 'nil' ? '<no value>' : display(value));
  }

  text(): string {
    return this.#parts.join('');
  }
}
