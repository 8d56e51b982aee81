// The package has no types of its own.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./snappyjs.d.ts" />
import { Registry } from '@pronoia/client';
import { Labels } from '@pronoia/model';
import { ManualClock } from '@pronoia/server';
import fc from 'fast-check';
import { compress } from 'snappyjs';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../recorder.ts';
import { ProtobufError } from './protobuf-reader.ts';
import { createReceiver } from './receiver.ts';
import { decodeSnappy, SnappyError } from './snappy.ts';
import { decodeWriteRequest } from './write-request.ts';

const nowMs = 1_700_000_000_000;

/** Just enough protobuf to write what the receiver reads. */
function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
}
function part(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(field * 8 + 2)), varint(BigInt(content.length)), content]);
}
function sample(tMs: number, value: number | 'stale'): Buffer {
  const bits = Buffer.alloc(8);
  if (value === 'stale') bits.writeBigUInt64LE(0x7ff0000000000002n);
  else bits.writeDoubleLE(value);
  return Buffer.concat([Buffer.from([1 * 8 + 1]), bits, Buffer.from([2 * 8]), varint(BigInt(tMs))]);
}
function series(labels: [string, string][], samples: [number, number | 'stale'][]): Buffer {
  const pairs = labels.map(([name, value]) => part(1, Buffer.concat([part(1, Buffer.from(name)), part(2, Buffer.from(value))])));
  return part(1, Buffer.concat([...pairs, ...samples.map(([tMs, value]) => part(2, sample(tMs, value)))]));
}

function failure(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('snappy', () => {
  it('reads what another implementation has written', () => {
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.array(fc.constantFrom('abc', 'abcd', 'x', '0000000000'), { maxLength: 500 }).map((words) => Buffer.from(words.join(''))),
    );
    fc.assert(
      fc.property(text, (bytes) => {
        expect(Buffer.from(decodeSnappy(compress(Buffer.from(bytes)), 10_000)).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });

  it('refuses what is damaged or too large, and nothing worse', () => {
    expect(() => decodeSnappy(compress(Buffer.alloc(100)), 99)).toThrow('more than the limit of 99');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(failure(() => decodeSnappy(bytes, 1000)) ?? new SnappyError()).toBeInstanceOf(SnappyError);
      }),
    );
  });
});

describe('a write request', () => {
  it('is refused in one way when it is damaged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(failure(() => [...decodeWriteRequest(bytes)]) ?? new ProtobufError()).toBeInstanceOf(ProtobufError);
      }),
    );
  });

  it('holds histograms of whole counts and of floats, and exemplars', () => {
    const double = (field: number, value: number): Buffer => {
      const bits = Buffer.alloc(8);
      bits.writeDoubleLE(value);
      return Buffer.concat([varint(BigInt(field * 8 + 1)), bits]);
    };
    const number = (field: number, value: number): Buffer => Buffer.concat([varint(BigInt(field * 8)), varint(BigInt(value))]);
    const zigzag = (value: number): Buffer => varint(BigInt(value < 0 ? -2 * value - 1 : 2 * value));
    const span = (offset: number, length: number): Buffer => Buffer.concat([Buffer.from([8]), zigzag(offset), number(2, length)]);
    const packed = (field: number, ...values: number[]): Buffer => part(field, Buffer.concat(values.map(zigzag)));
    const whole = [
      [number(1, 12), double(3, 18.5), Buffer.from([4 * 8]), zigzag(2), double(5, 0.001), number(6, 2)],
      [part(8, span(-2, 1)), packed(9, 3), part(11, span(0, 2)), part(11, span(1, 1)), packed(12, 1, 2, -1)],
      [number(14, 3), number(15, nowMs)],
    ].flat();
    const floats = [
      [double(2, 3.5), double(3, Number.NaN), Buffer.from([4 * 8]), zigzag(-53), double(7, 0), part(11, span(0, 2))],
      [double(13, 1.5), double(13, 2), double(16, 0.25), number(15, nowMs + 1)],
    ].flat();
    const exemplar = Buffer.concat([
      part(1, Buffer.concat([part(1, Buffer.from('trace_id')), part(2, Buffer.from('x'))])),
      double(2, 0.5),
      number(3, nowMs),
    ]);
    const label = part(1, Buffer.concat([part(1, Buffer.from('__name__')), part(2, Buffer.from('h'))]));
    const message = part(1, Buffer.concat([label, part(4, Buffer.concat(whole)), part(3, exemplar), part(4, Buffer.concat(floats))]));
    const [decoded] = decodeWriteRequest(message);
    expect(decoded?.exemplars).toEqual([{ labels: Labels.from({ trace_id: 'x' }), value: 0.5, timestampMs: nowMs }]);
    expect(decoded?.histograms).toEqual([
      {
        tMs: nowMs,
        isStale: false,
        histogram: {
          counterResetHint: 'gauge',
          schema: 2,
          zeroThreshold: 0.001,
          zeroCount: 2,
          count: 12,
          sum: 18.5,
          customValues: [],
          negativeSpans: [{ offset: -2, length: 1 }],
          negativeBuckets: new Float64Array([3]),
          positiveSpans: [
            { offset: 0, length: 2 },
            { offset: 1, length: 1 },
          ],
          positiveBuckets: new Float64Array([1, 3, 2]),
          isInteger: true,
        },
      },
      {
        tMs: nowMs + 1,
        isStale: false,
        histogram: {
          counterResetHint: 'unknown',
          schema: -53,
          zeroThreshold: 0,
          zeroCount: 0,
          count: 3.5,
          sum: Number.NaN,
          customValues: [0.25],
          negativeSpans: [],
          negativeBuckets: new Float64Array(0),
          positiveSpans: [{ offset: 0, length: 2 }],
          positiveBuckets: new Float64Array([1.5, 2]),
        },
      },
    ]);
  });

  it('holds times before and after the epoch', () => {
    for (const tMs of [0, 1, -1, nowMs, -nowMs, 2 ** 52]) {
      expect([...decodeWriteRequest(series([['__name__', 'a']], [[tMs, 1]]))][0]?.times).toEqual([tMs]);
    }
  });
});

describe('the receiver', () => {
  const headers = { contentType: 'application/x-protobuf', encoding: 'snappy' };

  function play() {
    const recorder = new Recorder();
    const receive = createReceiver({ clock: new ManualClock(nowMs), appendable: recorder, registry: new Registry() });
    return { recorder, send: (...parts: Buffer[]) => receive(headers, compress(Buffer.concat(parts))), receive };
  }

  it('stores samples and markers', async () => {
    const { recorder, send } = play();
    await send(
      series(
        [
          ['b', 'c'],
          ['__name__', 'a'],
        ],
        [
          [nowMs, 1.5],
          [nowMs + 1, 'stale'],
        ],
      ),
      series([['__name__', 'd']], [[nowMs, 2]]),
    );
    expect(recorder.take(nowMs)).toEqual(['a{b="c"} 1.5 @0', 'a{b="c"} stale @1', 'd 2 @0']);
  });

  it('skips series whose labels are not valid', async () => {
    const { recorder, send } = play();
    await send(
      series([['x', 'y']], [[nowMs, 1]]),
      series(
        [
          ['__name__', 'a'],
          ['x', '1'],
          ['x', '2'],
        ],
        [[nowMs, 1]],
      ),
      series([['__name__', 'ok']], [[nowMs, 1]]),
    );
    expect(recorder.take(nowMs)).toEqual(['ok 1 @0']);
  });

  it('stores nothing of a request with a sample that storage refuses', async () => {
    const { recorder, send } = play();
    await send(series([['__name__', 'a']], [[nowMs, 1]]));
    recorder.take();
    await expect(send(series([['__name__', 'b']], [[nowMs, 1]]), series([['__name__', 'a']], [[nowMs - 1, 1]]))).rejects.toThrow(
      'out of order sample: a at 2023',
    );
    await expect(send(series([['__name__', 'b']], [[nowMs + 600_001, 1]]))).rejects.toThrow('out of bounds');
    expect(recorder.take()).toEqual([]);
  });

  it('refuses other formats and damage', async () => {
    const { receive } = play();
    await expect(receive({ ...headers, contentType: 'text/plain' }, Buffer.alloc(0))).rejects.toMatchObject({ status: 415 });
    await expect(
      receive({ ...headers, contentType: 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }, Buffer.alloc(0)),
    ).rejects.toMatchObject({ status: 415 });
    await expect(receive({ ...headers, encoding: 'gzip' }, Buffer.alloc(0))).rejects.toMatchObject({ status: 415 });
    await expect(receive(headers, Buffer.from('nonsense'))).rejects.toMatchObject({ status: 400 });
  });
});

describe('the fast lane', () => {
  const headers = { contentType: 'application/x-protobuf', encoding: 'snappy' };
  const labelSets: [string, string][][] = [
    [['__name__', 'a']],
    [
      ['__name__', 'a'],
      ['x', '1'],
    ],
    [
      ['x', '1'],
      ['__name__', 'a'],
    ],
    [
      ['__name__', 'b'],
      ['empty', ''],
      ['x', 'ä'.repeat(100)],
    ],
    [['x', 'no name']],
    [
      ['__name__', 'twice'],
      ['x', '1'],
      ['x', '2'],
    ],
  ];
  const label = part(1, Buffer.concat([part(1, Buffer.from('late')), part(2, Buffer.from('label'))]));
  const oneSample = fc.tuple(
    fc.oneof(fc.integer({ min: -5, max: 40 }), fc.constantFrom(600_000, 600_001)),
    fc.oneof(fc.constantFrom<number | 'stale'>('stale', 0, -0, Number.NaN, Infinity), fc.double()),
  );
  /** What others may put behind labels and samples. */
  const extra = fc.constantFrom(
    Buffer.alloc(0),
    Buffer.alloc(0),
    label,
    part(9, Buffer.from('unknown')),
    Buffer.from([0x80 + 0x48, 0x01, 7]),
  );
  const oneSeries = fc.tuple(fc.constantFrom(...labelSets), fc.array(oneSample, { maxLength: 3 }), extra).map(([labels, samples, more]) => {
    const pairs = labels.map(([name, value]) => part(1, Buffer.concat([part(1, Buffer.from(name)), part(2, Buffer.from(value))])));
    const points = samples.map(([offsetMs, value]) => part(2, sample(nowMs + offsetMs, value)));
    return part(1, Buffer.concat([...pairs, ...points, more]));
  });
  const requests = fc.array(fc.array(fc.oneof(oneSeries, oneSeries, fc.constant(part(3, Buffer.from('metadata')))), { maxLength: 6 }), {
    maxLength: 8,
  });

  it('stores and refuses what the plain way does, in one order', async () => {
    await fc.assert(
      fc.asyncProperty(requests, fc.boolean(), fc.nat(), async (bodies, isDamaged, at) => {
        const lanes = [true, false].map((hasFastLane) => {
          const recorder = new Recorder(hasFastLane);
          return { recorder, receive: createReceiver({ clock: new ManualClock(nowMs), appendable: recorder, registry: new Registry() }) };
        });
        const requestBodies = bodies.map((parts) => Buffer.concat(parts));
        const last = requestBodies.at(-1);
        if (isDamaged && last !== undefined && last.length > 0) last[at % last.length] = (last[at % last.length] as number) ^ 0x11;
        for (const body of requestBodies) {
          const outcomes = await Promise.all(
            lanes.map(({ receive }) =>
              receive(headers, compress(body)).then(
                () => 'stored',
                (error: unknown) => String(error),
              ),
            ),
          );
          expect(outcomes[0]).toBe(outcomes[1]);
          expect(lanes[0]?.recorder.take(nowMs)).toEqual(lanes[1]?.recorder.take(nowMs));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('knows thousands of series, many samples of one, and requests that overlap', async () => {
    const lanes = [true, false].map((hasFastLane) => {
      const recorder = new Recorder(hasFastLane);
      return { recorder, receive: createReceiver({ clock: new ManualClock(nowMs), appendable: recorder, registry: new Registry() }) };
    });
    const many = (from: number, to: number, tMs: number): Buffer =>
      Buffer.concat(Array.from({ length: to - from }, (_, i) => series([['__name__', `m${from + i}`]], [[tMs, i]])));
    const long = series(
      [['__name__', 'long']],
      Array.from({ length: 9000 }, (_, i): [number, number] => [nowMs + i, i]),
    );
    for (const bodies of [
      [many(0, 4000, nowMs), long],
      [many(0, 4000, nowMs + 1), many(4000, 5000, nowMs)],
      [many(1500, 5000, nowMs + 2), many(0, 1500, nowMs + 2)],
    ]) {
      for (const { receive } of lanes) await Promise.all(bodies.map((body) => receive(headers, compress(body))));
      const [fast, plain] = lanes.map(({ recorder }) => recorder.take(nowMs).sort());
      expect(fast).toEqual(plain);
      expect(fast?.length).toBeGreaterThan(0);
    }
  });
});
