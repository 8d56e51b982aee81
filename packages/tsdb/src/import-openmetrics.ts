/**
 * Blocks from a page of old samples in OpenMetrics text (`promtool tsdb create-blocks-from openmetrics`): one block per two hours
 * that have any.
 */
import { compareBytes, Labels, parseOpenMetrics } from '@pronoia/model';
import { type SeriesToWrite, writeBlock } from './block/block-writer.ts';
import type { BlockMeta } from './block/meta.ts';
import { createUlid } from './block/ulid.ts';
import { BitBatch, encodeChunks } from './chunk/encode.ts';
import type { Disk } from './disk/disk.ts';
import { realDisk } from './disk/real-disk.ts';
import { LateSamples } from './head/out-of-order.ts';
import { nanHigh, nanLow } from './sample-columns.ts';

const spanMs = 7_200_000;

interface ImportedSeries {
  readonly labels: Labels;
  readonly samples: LateSamples;
}

/** A sample of the page cannot be stored: the message says which. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/**
 * Every sample needs a timestamp. Of several samples of one series for one time the first stays. Throws ExpositionError for a
 * page that cannot be read, and then nothing has been written. Returns the new blocks by time.
 */
export async function importOpenMetrics(
  page: Uint8Array,
  folder: string,
  disk: Disk = realDisk,
  nowMs = Date.now(),
  random = Math.random,
): Promise<BlockMeta[]> {
  // By span, then by the bytes of the series on the page.
  const spans = new Map<number, Map<string, ImportedSeries>>();
  parseOpenMetrics(page, {
    sample(line) {
      const key = Buffer.from(page.buffer, page.byteOffset + line.start, line.end - line.start).toString('latin1');
      if (!line.hasTimestamp) throw new ImportError(`expected a timestamp for series ${String(line.labels())}, there is none`);
      const span = Math.floor(line.timestampMs / spanMs);
      let series = spans.get(span);
      if (series === undefined) {
        series = new Map();
        spans.set(span, series);
      }
      let one = series.get(key);
      if (one === undefined) {
        one = { labels: line.labels(), samples: new LateSamples() };
        series.set(key, one);
      }
      bits.setFloat64(0, line.value);
      const isNaN = Number.isNaN(line.value);
      one.samples.insert(line.timestampMs, isNaN ? nanHigh : bits.getUint32(0), isNaN ? nanLow : bits.getUint32(4));
    },
  });
  await disk.makeFolder(folder);
  const metas: BlockMeta[] = [];
  for (const span of [...spans.keys()].sort((a, b) => a - b)) {
    const ulid = createUlid(nowMs, random);
    const series = mergeSpellings([...(spans.get(span)?.values() ?? [])]);
    const symbols = [...new Set(series.flatMap(({ labels }) => labels.pairs))].sort(compareBytes);
    const meta = { ulid, minTime: span * spanMs, maxTime: (span + 1) * spanMs, compaction: { level: 1, sources: [ulid] } };
    const written = await writeBlock(disk, folder, meta, { symbols, series: encode(series) });
    if (written !== undefined) metas.push(written);
  }
  return metas;
}

const bits = new DataView(new ArrayBuffer(8));

/** Sorted. A series may stand on the page in two spellings (`{a="1",b="2"}`, `{b="2",a="1"}`). */
function mergeSpellings(all: ImportedSeries[]): ImportedSeries[] {
  all.sort((a, b) => Labels.compare(a.labels, b.labels));
  const merged: ImportedSeries[] = [];
  for (const one of all) {
    const last = merged.at(-1);
    if (last === undefined || !last.labels.equals(one.labels)) merged.push(one);
    else last.samples.insertAll(one.samples);
  }
  return merged;
}

async function* encode(series: readonly ImportedSeries[]): AsyncGenerator<SeriesToWrite> {
  for (const { labels, samples } of series) {
    const batch = new BitBatch(Math.max(1, samples.length));
    batch.times.set(samples.times.subarray(0, samples.length));
    batch.values.set(samples.values.subarray(0, samples.length));
    yield { labels, chunks: encodeChunks(batch, samples.length) };
  }
}
