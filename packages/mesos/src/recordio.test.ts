import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord, RecordDecoder, RecordError } from './recordio.ts';

const decodeAll = (chunks: readonly Uint8Array[], recordLimitBytes?: number): string[] => {
  const decoder = new RecordDecoder(recordLimitBytes === undefined ? {} : { recordLimitBytes });
  return chunks.flatMap((chunk) => decoder.decode(chunk).map((record) => record.toString('utf8')));
};

describe('RecordIO', () => {
  it('writes length, line feed and payload in one buffer', () => {
    expect(encodeRecord('{"type":"HEARTBEAT"}').toString()).toBe('20\n{"type":"HEARTBEAT"}');
    expect(encodeRecord('é').toString()).toBe('2\né');
    expect(encodeRecord('').toString()).toBe('0\n');
    expect(encodeRecord(Uint8Array.of(1, 2)).equals(Buffer.of(0x32, 0x0a, 1, 2))).toBe(true);
  });

  it('reads any cut of the input', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 })), fc.array(fc.nat(200)), (texts, cuts) => {
        const bytes = Buffer.concat(texts.map((text) => encodeRecord(text)));
        const at = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((from, i) => Buffer.from(bytes.subarray(from, at[i] ?? bytes.length)));
        const decoder = new RecordDecoder();
        const records = chunks.flatMap((chunk) => {
          const found = decoder.decode(chunk).map((record) => record.toString('utf8'));
          chunk.fill(0xff);
          return found;
        });
        expect(records).toEqual(texts.map((text) => Buffer.from(text).toString('utf8')));
        expect(decoder.isBetweenRecords).toBe(true);
      }),
    );
  });

  const refused: readonly [input: string, offset: number, message: RegExp][] = [
    ['x', 0, /decimal length, found byte 0x78/],
    ['\n', 0, /empty line/],
    ['1\nab', 3, /found byte 0x62/],
    ['-1\n', 0, /0x2d/],
    ['999999999999999999999', 20, /at most 20 digits/],
    ['11\n', 2, /a record of 11 bytes is longer than the limit of 10/],
  ];
  it.each(refused)('refuses %j at byte %d', (input, offset, message) => {
    let error: unknown;
    try {
      decodeAll([Buffer.from(input)], 10);
    } catch (cause) {
      error = cause;
    }
    expect(error).toBeInstanceOf(RecordError);
    expect((error as RecordError).message).toMatch(message);
    expect((error as RecordError).offset).toBe(offset);
  });

  it('accepts a record of exactly the limit and an empty one', () => {
    expect(decodeAll([Buffer.from('10\n0123456789'), Buffer.from('0\n1\na')], 10)).toEqual(['0123456789', '', 'a']);
  });

  it('knows a stream that ended inside a record', () => {
    const decoder = new RecordDecoder();
    decoder.decode(Buffer.from('3\nab'));
    expect(decoder.isBetweenRecords).toBe(false);
  });
});
