/**
 * Collects what a map emits and leaves one file of sorted segments, one per reducer: spills when the sort buffer is full, merges the
 * spills at the end (mapreduce.md §6). With `sumValues`, values are counts and equal keys become one record: the built-in combiner.
 */
import { unlinkSync } from 'node:fs';
import { readVarint, writeVarint } from './bytes.ts';
import { mergeSegments } from './merge.ts';
import { type SegmentIndex, SegmentReader, SegmentWriter } from './segment.ts';
import { SortBuffer } from './sort-buffer.ts';

export interface MapOutputOptions {
  readonly path: string;
  readonly partitions: number;
  readonly sortBufferBytes: number;
  readonly sumValues: boolean;
}

interface Spill {
  readonly path: string;
  readonly segments: readonly SegmentIndex[];
}

/** More streams than this are merged in rounds (Hadoop: io.sort.factor is 10; more costs us only 256 KiB a stream). */
const MERGE_FACTOR = 64;

export class MapOutput {
  readonly #options: MapOutputOptions;
  readonly #buffer: SortBuffer;
  #spills: Spill[] = [];
  #spillCount = 0;
  #spilledRecords = 0;

  constructor(options: MapOutputOptions) {
    this.#options = options;
    this.#buffer = new SortBuffer(options.sortBufferBytes, options.partitions);
  }

  get spilledRecords(): number {
    return this.#spilledRecords;
  }

  add(partition: number, key: Uint8Array, keyStart: number, keyEnd: number, value: Uint8Array, valueStart: number, valueEnd: number): void {
    if (this.#buffer.add(partition, key, keyStart, keyEnd, value, valueStart, valueEnd)) return;
    this.#spill();
    this.#buffer.add(partition, key, keyStart, keyEnd, value, valueStart, valueEnd);
  }

  /** Writes everything out; the segments of `path`, by partition. */
  finish(): readonly SegmentIndex[] {
    if (this.#spills.length === 0) return this.#write(this.#options.path).segments;
    if (this.#buffer.count > 0) this.#spill();
    while (this.#spills.length > MERGE_FACTOR) this.#spills.push(this.#merge(this.#spills.splice(0, MERGE_FACTOR), this.#nextSpillPath()));
    return this.#merge(this.#spills, this.#options.path).segments;
  }

  #nextSpillPath(): string {
    return `${this.#options.path}.spill${this.#spillCount++}`;
  }

  #spill(): void {
    this.#spills.push(this.#write(this.#nextSpillPath()));
    this.#buffer.clear();
  }

  /** The buffer, sorted, as a file of segments. */
  #write(path: string): Spill {
    const writer = new SegmentWriter(path);
    const segments: SegmentIndex[] = [];
    const emit = this.#options.sumValues ? new Summing(writer) : undefined;
    this.#spilledRecords += this.#buffer.count;
    const { bytes } = this.#buffer;
    this.#buffer.forEachSorted((partition, keyStart, keyEnd, valueEnd) => {
      while (segments.length < partition) {
        emit?.flush();
        segments.push(writer.endSegment());
      }
      if (emit === undefined) writer.write(bytes, keyStart, keyEnd, bytes, keyEnd, valueEnd);
      else emit.add(bytes, keyStart, keyEnd, readVarint(bytes, keyEnd, valueEnd));
    });
    emit?.flush();
    while (segments.length < this.#options.partitions) segments.push(writer.endSegment());
    writer.close();
    return { path, segments };
  }

  #merge(spills: readonly Spill[], path: string): Spill {
    const writer = new SegmentWriter(path);
    const segments: SegmentIndex[] = [];
    const emit = this.#options.sumValues ? new Summing(writer) : undefined;
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      const readers = spills.map((spill) => {
        const { offset, length } = spill.segments[partition] as SegmentIndex;
        return new SegmentReader({ kind: 'file', path: spill.path, offset, length }, `${spill.path} segment ${partition}`);
      });
      mergeSegments(readers, (reader) => {
        const { bytes, keyStart, keyEnd, valueStart, valueEnd } = reader;
        if (emit === undefined) writer.write(bytes, keyStart, keyEnd, bytes, valueStart, valueEnd);
        else emit.add(bytes, keyStart, keyEnd, readVarint(bytes, valueStart, valueEnd));
      });
      emit?.flush();
      segments.push(writer.endSegment());
    }
    writer.close();
    for (const spill of spills) unlinkSync(spill.path);
    return { path, segments };
  }
}

/** Adds up the counts of equal keys that follow each other. */
export class Summing {
  readonly #emit: (key: Uint8Array, keyEnd: number, count: number) => void;
  #key = new Uint8Array(256);
  #keyLength = -1;
  #count = 0;
  #keys = 0;

  /** Records go to a segment with the count as a varint, or to a function. */
  constructor(sink: SegmentWriter | ((key: Uint8Array, keyEnd: number, count: number) => void)) {
    if (typeof sink === 'function') this.#emit = sink;
    else {
      const value = new Uint8Array(8);
      this.#emit = (key, keyEnd, count) => sink.write(key, 0, keyEnd, value, 0, writeVarint(value, 0, count));
    }
  }

  /** Different keys so far. */
  get keys(): number {
    return this.#keys;
  }

  add(bytes: Uint8Array, start: number, end: number, count: number): void {
    const length = end - start;
    if (length === this.#keyLength && this.#isSame(bytes, start, length)) {
      this.#count += count;
      return;
    }
    this.flush();
    if (length > this.#key.length) this.#key = new Uint8Array(length * 2);
    if (length > 48) this.#key.set(bytes.subarray(start, end));
    else for (let i = 0; i < length; i++) this.#key[i] = bytes[start + i] as number;
    this.#keyLength = length;
    this.#count = count;
    this.#keys++;
  }

  flush(): void {
    if (this.#keyLength < 0) return;
    this.#emit(this.#key, this.#keyLength, this.#count);
    this.#keyLength = -1;
  }

  #isSame(bytes: Uint8Array, start: number, length: number): boolean {
    const key = this.#key;
    for (let i = 0; i < length; i++) if (key[i] !== bytes[start + i]) return false;
    return true;
  }
}
