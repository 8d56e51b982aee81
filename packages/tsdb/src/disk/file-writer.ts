/**
 * Writes a file from front to back through a buffer. `out` takes bytes at any time; `drain` hands them to the disk when
 * enough have come together, and is the only place where a writer waits.
 */
import { ByteWriter } from '../byte-writer.ts';
import type { Disk, DiskFile } from './disk.ts';

const drainBytes = 1 << 20;

export class FileWriter {
  readonly #file: DiskFile;
  readonly out = new ByteWriter(drainBytes + 64 * 1024);
  #written = 0;

  private constructor(file: DiskFile) {
    this.#file = file;
  }

  static async create(disk: Disk, path: string): Promise<FileWriter> {
    return new FileWriter(await disk.open(path, 'create'));
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#written + this.out.length;
  }

  async drain(atLeast = drainBytes): Promise<void> {
    if (this.out.length < atLeast || this.out.length === 0) return;
    await this.#file.write(this.out.view(), this.#written);
    this.#written += this.out.length;
    this.out.reset();
  }

  /** Overwrites bytes that have been written before. */
  async patch(bytes: Uint8Array, position: number): Promise<void> {
    await this.drain(0);
    await this.#file.write(bytes, position);
  }

  /** Durable, except for the name. */
  async finish(): Promise<void> {
    await this.drain(0);
    await this.#file.sync();
    await this.#file.close();
  }

  async abandon(): Promise<void> {
    await this.#file.close();
  }
}
