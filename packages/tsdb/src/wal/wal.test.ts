import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../byte-writer.ts';
import { crc32c } from '../crc32c.ts';
import { SimulatedDisk } from '../disk/simulated-disk.ts';
import { SampleColumns } from '../sample-columns.ts';
import { readSegment } from './reader.ts';
import {
  decodeRecord,
  encodeExemplars,
  encodeMetadata,
  encodeSamples,
  encodeSeries,
  encodeTombstones,
  type RecordVisitor,
} from './record.ts';
import { replayWal } from './replay.ts';
import { listSegments, segmentName } from './segment.ts';
import { WalWriter } from './writer.ts';

function bytesOf(write: (into: ByteWriter) => void): Buffer {
  const into = new ByteWriter();
  write(into);
  return Buffer.from(into.view());
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** What a record says, as text. */
function read(record: Uint8Array): string[] {
  const lines: string[] = [];
  const visitor: RecordVisitor = {
    series: (ref, labels) => lines.push(`series ${ref} ${String(labels)}`),
    samples(samples) {
      for (let i = 0; i < samples.length; i++) {
        lines.push(`sample ${samples.refs[i]} ${samples.times[i]} ${samples.high(i).toString(16)} ${samples.low(i).toString(16)}`);
      }
    },
    histogram: (ref, tMs, { histogram, isStale, isInteger }) =>
      lines.push(
        `histogram ${ref} ${tMs} ${isInteger ? 'int' : 'float'} ${isStale ? 'stale' : histogram.sum} ${histogram.positiveBuckets.join(',')}`,
      ),
    tombstone: (ref, minMs, maxMs) => lines.push(`tombstone ${ref} ${minMs} ${maxMs}`),
    exemplar: (ref, { labels, value, timestampMs }) => lines.push(`exemplar ${ref} ${timestampMs} ${value} ${String(labels)}`),
    metadata: (ref, { type, unit, help }) => lines.push(`metadata ${ref} ${type} ${unit} ${help}`),
    unknown: (type) => lines.push(`unknown ${type}`),
  };
  decodeRecord(record, visitor);
  return lines;
}

it('CRC-32C is the Castagnoli one', () => {
  expect(crc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283');
  expect(crc32c(Buffer.alloc(0))).toBe(0);
  const bytes = Buffer.from('a longer text, cut in two anywhere');
  for (let cut = 0; cut <= bytes.length; cut++) expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(crc32c(bytes));
});

describe('a number in a file', () => {
  it.each([
    [300, 'ac02'],
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
  ])('uvarint %d is %s', (value, expected) => {
    expect(bytesOf((into) => into.uvarint(value)).toString('hex')).toBe(expected);
  });

  it.each([
    [-1, '01'],
    [1, '02'],
    [64, '8001'],
    [Infinity, 'feffffffffffffffff01'],
    [-Infinity, 'ffffffffffffffffff01'],
  ])('varint %d is %s', (value, expected) => {
    expect(bytesOf((into) => into.varint(value)).toString('hex')).toBe(expected);
  });
});

describe('a record', () => {
  it('of series has the worked bytes', () => {
    const record = bytesOf((into) => encodeSeries(into, [[1, Labels.from({ a: 'b' })]]));
    expect(record).toEqual(hex('01 0000000000000001 01 0161 0162'));
    expect(read(record)).toEqual(['series 1 {a="b"}']);
  });

  it('of samples has the worked bytes', () => {
    const samples = new SampleColumns();
    samples.push(1, 1000, 1);
    const record = Buffer.from(encodeSamples(new ByteWriter(), samples));
    expect(record).toEqual(hex('02 0000000000000001 00000000000003e8 0000 3ff0000000000000'));
  });

  it.each([
    ['empty samples', '02', []],
    [
      'samples, version 2',
      '0b 04 d00f 0a 3ff0000000000000  02 02 00 4000000000000000  01 00 01 0000000000000000  00 00 02 05 0000000000000000',
      ['sample 2 1000 3ff00000 0', 'sample 3 1001 40000000 0', 'sample 2 1000 0 0', 'sample 2 1000 0 0'],
    ],
    ['tombstones', '03 0000000000000007 02 04', ['tombstone 7 1 2']],
    ['all of a series deleted', '03 0000000000000007 ffffffffffffffffff01 feffffffffffffffff01', ['tombstone 7 -Infinity Infinity']],
    [
      'an integer histogram',
      '07 0000000000000001 00000000000003e8 00 00 03 02 3f50624dd2f1a9fc 01 05 4029000000000000 01 00 02 00 02 04 01 00',
      ['histogram 1 1000 int 12.5 2,1'],
    ],
    [
      'a float histogram with bounds',
      '0a 0000000000000001 00000000000003e8 00 00 00 69 0000000000000000 0000000000000000 4008000000000000 7ff0000000000002 01 00 01 00 01 4008000000000000 00 01 3ff0000000000000',
      ['histogram 1 1000 float stale 3'],
    ],
    ['a type of the future', '63 0102', ['unknown 99']],
    ['markers of the out-of-order log', '05 0000000000000001 0000000000000002', ['unknown 5']],
  ])('reads %s', (_, bytes, expected) => {
    expect(read(hex(bytes))).toEqual(expected);
  });

  it.each([
    '',
    '01 00',
    '01 0000000000000001 02 0161 0162',
    '02 0000000000000001',
    '02 0000000000000001 00000000000003e8 0000 3ff0',
    '03 0000000000000001 ff',
  ])('refuses %j', (bytes) => {
    expect(() => read(hex(bytes))).toThrow('damaged data');
  });

  it('gives back what was put in', () => {
    const ref = fc.integer({ min: 1, max: 2 ** 40 });
    const time = fc.integer({ min: -(2 ** 45), max: 2 ** 45 });
    const labels = fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 })).map((record) => Labels.from(record));
    fc.assert(
      fc.property(fc.array(fc.tuple(ref, time, fc.double(), labels), { minLength: 1 }), (rows) => {
        const samples = new SampleColumns(1);
        for (const [r, t, v] of rows) samples.push(r, t, v);
        expect(read(encodeSamples(new ByteWriter(), samples).slice())).toEqual(
          rows.map(([r, t], i) => `sample ${r} ${t} ${samples.high(i).toString(16)} ${samples.low(i).toString(16)}`),
        );
        const exemplars = rows.map(([r, t, v, l]) => [r, { labels: l, value: v, timestampMs: t }] as const);
        expect(read(bytesOf((into) => encodeExemplars(into, exemplars)))).toEqual(
          rows.map(([r, t, v, l]) => `exemplar ${r} ${t} ${v} ${String(l)}`),
        );
        expect(
          read(
            bytesOf((into) =>
              encodeSeries(
                into,
                rows.map(([r, , , l]) => [r, l]),
              ),
            ),
          ),
        ).toEqual(rows.map(([r, , , l]) => `series ${r} ${String(l)}`));
        expect(
          read(
            bytesOf((into) =>
              encodeTombstones(
                into,
                rows.map(([r, t]) => [r, t, t + 1]),
              ),
            ),
          ),
        ).toEqual(rows.map(([r, t]) => `tombstone ${r} ${t} ${t + 1}`));
        expect(
          read(
            bytesOf((into) =>
              encodeMetadata(
                into,
                rows.map(([r]) => [r, { type: 1, unit: 's', help: 'h' }]),
              ),
            ),
          ),
        ).toEqual(rows.map(([r]) => `metadata ${r} 1 s h`));
      }),
    );
  });
});

async function logAll(
  disk: SimulatedDisk,
  records: readonly Uint8Array[],
  segmentBytes: number,
  compression: 'none' | 'snappy',
): Promise<void> {
  const writer = await WalWriter.open(disk, 'wal', { compression, segmentBytes });
  for (const record of records) {
    writer.log(record);
    if (record.length % 2 === 0) await writer.flush();
  }
  await writer.close();
}

async function readAll(disk: SimulatedDisk): Promise<{ records: string[]; damage: string | undefined }> {
  const records: string[] = [];
  const { damage } = await replayWal(disk, 'wal', (record) => records.push(Buffer.from(record).toString('latin1')));
  return { records, damage: damage?.message };
}

describe('a log', () => {
  it('is read when its records are compressed with zstd', async () => {
    // What `zstd` makes of eight times "hello", blanks between, in one full fragment.
    const data = hex('28b52ffd04586500003068656c6c6f2001000295225ab1761b');
    const header = Buffer.from([1 | 16, 0, data.length, 0, 0, 0, 0]);
    header.writeUInt32BE(crc32c(data), 3);
    const disk = new SimulatedDisk();
    await disk.makeFolder('wal');
    await (await disk.open('wal/00000000', 'create')).write(Buffer.concat([header, data]), 0);
    expect(await readAll(disk)).toEqual({ records: [Array.from({ length: 8 }, () => 'hello').join(' ')], damage: undefined });
  });

  it('has the worked bytes', async () => {
    const disk = new SimulatedDisk();
    const record = hex('01 0000000000000001 01 0161 0162');
    await logAll(disk, [record], 1 << 20, 'none');
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32c(record));
    expect(disk.contents('wal/00000000')).toEqual(Buffer.concat([hex('01 000e'), checksum, record]));
  });

  it.each(['none', 'snappy'] as const)('gives back records of any length in order (%s)', async (compression) => {
    const lengths = [1, 2, 100, 32_760, 32_761, 32_762, 32_763, 3, 65_000, 0, 5, 90_000, 32_754, 7, 7, 40_000, 1];
    const records = lengths.map((length, i) => Buffer.alloc(length, `${i} random ${Math.imul(i, 2654435761)}`));
    const disk = new SimulatedDisk();
    await logAll(disk, records, 128 * 1024, compression);
    expect((await readAll(disk)).records).toEqual(records.map((record) => record.toString('latin1')));
    expect((await listSegments(disk, 'wal')).length).toBeGreaterThan(compression === 'none' ? 3 : 0);
    for (const segment of await listSegments(disk, 'wal'))
      expect(disk.contents(`wal/${segmentName(segment)}`).length).toBeLessThanOrEqual(128 * 1024);
  });

  it('that is cut off anywhere loses only the records behind the cut', async () => {
    const records = Array.from({ length: 40 }, (_, i) => Buffer.alloc(i * 97, i));
    const disk = new SimulatedDisk();
    await logAll(disk, records, 1 << 20, 'none');
    const whole = disk.contents('wal/00000000');
    for (let size = 0; size < whole.length; size += 61) {
      const torn = disk.killed();
      const file = await torn.open('wal/00000000', 'update');
      await file.truncate(size);
      const { records: left } = await readAll(torn);
      expect(left).toEqual(records.slice(0, left.length).map((record) => record.toString('latin1')));
      // The repair leaves a log without damage, to which more can be added.
      await logAll(torn, [Buffer.from('more')], 1 << 20, 'none');
      expect(await readAll(torn)).toEqual({ records: [...left, 'more'], damage: undefined });
    }
  });

  it('with any one bit flipped is read up to the damage, which is named', async () => {
    const records = Array.from({ length: 12 }, (_, i) => Buffer.alloc(20 + i, i + 1));
    const disk = new SimulatedDisk();
    await logAll(disk, records, 1 << 20, 'none');
    const size = disk.contents('wal/00000000').length;
    for (let bit = 0; bit < size * 8; bit += 5) {
      const flipped = disk.killed();
      const bytes = flipped.contents('wal/00000000');
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const { records: left, damage } = await readAll(flipped);
      expect(left).toEqual(records.slice(0, left.length).map((record) => record.toString('latin1')));
      expect(damage).toMatch(/^damaged data: wal\/00000000 at offset \d+: /);
    }
  });

  it('keeps what it takes out of the middle', async () => {
    const disk = new SimulatedDisk();
    for (const text of ['first', 'second', 'third']) await logAll(disk, [Buffer.from(text)], 1 << 20, 'none');
    disk.contents('wal/00000001')[8] = 0;
    const { records, damage } = await readAll(disk);
    expect(records).toEqual(['first']);
    expect(damage).toContain('wal/00000001 at offset 0: checksum');
    expect(disk.paths()).toContain('wal.damaged-00000002/00000002');
    expect((await readSegment(disk, 'wal.damaged-00000002/00000002', () => undefined)).damage).toBeUndefined();
  });
});
