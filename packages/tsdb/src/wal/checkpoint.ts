/**
 * A checkpoint holds what is still wanted of old segments, so that they can be deleted and the log does not grow for ever
 * (tsdb-format.md §7.3). It is written under a temporary name; when it has its own, it is complete and safe.
 */
import type { Exemplar, Labels } from '@pronoia/model';
import { ByteWriter } from '../byte-writer.ts';
import type { Disk } from '../disk/disk.ts';
import { SampleColumns } from '../sample-columns.ts';
import { readSegment } from './reader.ts';
import {
  decodeRecord,
  encodeExemplars,
  encodeMetadata,
  encodeRawHistograms,
  encodeSamples,
  encodeSeries,
  encodeTombstones,
  histogramRecordType,
  type RawHistogramSample,
  type RecordVisitor,
  type SeriesMetadata,
} from './record.ts';
import { checkpointName, listCheckpoints, listSegments, segmentName } from './segment.ts';
import { WalWriter } from './writer.ts';

export interface CheckpointOptions {
  readonly compression: 'none' | 'snappy';
  readonly segmentBytes?: number;
  /** Whether the series' records are still needed. */
  keeps(ref: number): boolean;
  /** Samples older than this are in blocks or expired. */
  readonly minMs: number;
}

/** Writes the checkpoint of everything up to segment `last` (inclusive), then deletes what it replaces. */
export async function writeCheckpoint(disk: Disk, folder: string, last: number, options: CheckpointOptions): Promise<void> {
  const previous = (await listCheckpoints(disk, folder)).at(-1);
  const sources: string[] = [];
  if (previous !== undefined) {
    for (const segment of await listSegments(disk, previous.folder)) sources.push(`${previous.folder}/${segmentName(segment)}`);
  }
  const segments = await listSegments(disk, folder);
  for (const segment of segments) {
    if (segment <= last && segment > (previous?.index ?? -1)) sources.push(`${folder}/${segmentName(segment)}`);
  }
  const target = `${folder}/${checkpointName(last)}`;
  await disk.remove(`${target}.tmp`);
  const writer = await WalWriter.open(disk, `${target}.tmp`, options);
  const filter = new RecordFilter(writer, options);
  try {
    for (const path of sources) {
      const { damage } = await readSegment(disk, path, (record) => {
        decodeRecord(record, filter);
        filter.write();
      });
      // Old segments with damage stay as they are: a checkpoint made of them would hide it.
      if (damage !== undefined) throw damage;
      await writer.flush();
    }
    filter.finish();
  } finally {
    await writer.close();
  }
  await disk.rename(`${target}.tmp`, target);
  await disk.syncFolder(folder);

  for (const segment of segments) if (segment <= last) await disk.remove(`${folder}/${segmentName(segment)}`);
  for (const { index, folder: old } of await listCheckpoints(disk, folder)) if (index < last) await disk.remove(old);
}

/** Passes on what is still wanted, record by record. */
class RecordFilter implements RecordVisitor {
  readonly #writer: WalWriter;
  readonly #options: CheckpointOptions;
  readonly #record = new ByteWriter(64 * 1024);
  readonly #series: [ref: number, labels: Labels][] = [];
  readonly #samples = new SampleColumns();
  readonly #histograms = new Map<number, RawHistogramSample[]>();
  readonly #tombstones: [ref: number, minMs: number, maxMs: number][] = [];
  readonly #exemplars: [ref: number, exemplar: Exemplar][] = [];
  readonly #metadata = new Map<number, SeriesMetadata>();

  constructor(writer: WalWriter, options: CheckpointOptions) {
    this.#writer = writer;
    this.#options = options;
  }

  series(ref: number, labels: Labels): void {
    if (this.#options.keeps(ref)) this.#series.push([ref, labels]);
  }

  samples(samples: SampleColumns): void {
    for (let i = 0; i < samples.length; i++) {
      const ref = samples.refs[i] as number;
      const tMs = samples.times[i] as number;
      if (tMs >= this.#options.minMs && this.#options.keeps(ref)) this.#samples.pushWords(ref, tMs, samples.high(i), samples.low(i));
    }
  }

  histogram(...[ref, tMs, entry, body]: Parameters<RecordVisitor['histogram']>): void {
    if (tMs < this.#options.minMs || !this.#options.keeps(ref)) return;
    const type = histogramRecordType(entry);
    const list = this.#histograms.get(type);
    const sample = { ref, tMs, body: body.slice() };
    if (list === undefined) this.#histograms.set(type, [sample]);
    else list.push(sample);
  }

  tombstone(ref: number, minMs: number, maxMs: number): void {
    if (maxMs >= this.#options.minMs && this.#options.keeps(ref)) this.#tombstones.push([ref, minMs, maxMs]);
  }

  exemplar(ref: number, exemplar: Exemplar): void {
    if (exemplar.timestampMs >= this.#options.minMs && this.#options.keeps(ref)) this.#exemplars.push([ref, exemplar]);
  }

  metadata(ref: number, metadata: SeriesMetadata): void {
    if (this.#options.keeps(ref)) this.#metadata.set(ref, metadata);
  }

  unknown(): void {
    // Not copied: nobody could say whether it is still wanted (as the original).
  }

  /** Puts what is left of the last record in line. */
  write(): void {
    const record = this.#record;
    const log = (): void => this.#writer.log(record.view());
    if (this.#series.length > 0) {
      encodeSeries(record.reset(), this.#series);
      log();
      this.#series.length = 0;
    }
    if (this.#samples.length > 0) {
      this.#writer.log(encodeSamples(record, this.#samples));
      this.#samples.length = 0;
    }
    for (const [type, samples] of this.#histograms) {
      encodeRawHistograms(record.reset(), type, samples);
      log();
    }
    this.#histograms.clear();
    if (this.#tombstones.length > 0) {
      encodeTombstones(record.reset(), this.#tombstones);
      log();
      this.#tombstones.length = 0;
    }
    if (this.#exemplars.length > 0) {
      encodeExemplars(record.reset(), this.#exemplars);
      log();
      this.#exemplars.length = 0;
    }
  }

  /** The latest metadata of each series come last. */
  finish(): void {
    if (this.#metadata.size === 0) return;
    encodeMetadata(this.#record.reset(), this.#metadata);
    this.#writer.log(this.#record.view());
  }
}
