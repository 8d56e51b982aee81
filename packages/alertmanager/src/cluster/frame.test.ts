import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from './frame.ts';

describe('frames', () => {
  it('come out whole and in order, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.json(), { maxLength: 5 }), fc.array(fc.nat(60), { maxLength: 20 }), (texts, cuts) => {
        const stream = Buffer.concat(texts.map(encodeFrame));
        const reader = new FrameReader();
        const found: unknown[] = [];
        let at = 0;
        for (const length of [...cuts, stream.length]) {
          found.push(...reader.push(stream.subarray(at, at + length)));
          at = Math.min(stream.length, at + length);
        }
        expect(found).toEqual(texts.map((text) => JSON.parse(text) as unknown));
      }),
    );
  });

  it('with a bit turned are never taken', () => {
    const frame = encodeFrame('{"kind":"beat"}');
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const bad = Buffer.from(frame);
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      // A wrong length may also make it wait for what will not come.
      expect(taken(bad)).toBe(0);
    }
  });

  it('of another protocol are refused by their length', () => {
    expect(() => new FrameReader().push(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toThrow(/does not speak our protocol/);
  });
});

function taken(bytes: Buffer): number {
  try {
    return new FrameReader().push(bytes).length;
  } catch {
    return 0;
  }
}
