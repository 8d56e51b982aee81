/** A part file in an attempt's own folder: buffered, forced to the disk before anybody is told that it is there. */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { writeAll } from './segment.ts';

const BUFFER_BYTES = 1024 * 1024;
const TAB = 9;
const LF = 10;

export class OutputFile {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #used = 0;
  #bytes = 0;

  constructor(folder: string, name: string) {
    mkdirSync(folder, { recursive: true });
    this.#fd = openSync(join(folder, name), 'w', 0o644);
  }

  get bytes(): number {
    return this.#bytes + this.#used;
  }

  /** key TAB value LF */
  writeLine(key: Uint8Array, keyStart: number, keyEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    this.#write(key, keyStart, keyEnd);
    this.#byte(TAB);
    this.#write(value, valueStart, valueEnd);
    this.#byte(LF);
  }

  /** key TAB count LF */
  writeCount(key: Uint8Array, keyEnd: number, count: number): void {
    this.#write(key, 0, keyEnd);
    if (this.#used + 20 > BUFFER_BYTES) this.#flush();
    this.#buffer[this.#used++] = TAB;
    this.#used += this.#buffer.write(String(count), this.#used, 'latin1');
    this.#buffer[this.#used++] = LF;
  }

  finish(): void {
    this.#flush();
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }

  #write(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#used + length > BUFFER_BYTES) {
      this.#flush();
      if (length > BUFFER_BYTES) {
        this.#bytes += writeAll(this.#fd, bytes.subarray(start, end));
        return;
      }
    }
    if (length > 48) this.#buffer.set(bytes.subarray(start, end), this.#used);
    else for (let i = start, j = this.#used; i < end; i++, j++) this.#buffer[j] = bytes[i] as number;
    this.#used += length;
  }

  #byte(value: number): void {
    if (this.#used === BUFFER_BYTES) this.#flush();
    this.#buffer[this.#used++] = value;
  }

  #flush(): void {
    this.#bytes += writeAll(this.#fd, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
