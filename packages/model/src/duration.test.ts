import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['5ms', 5],
    ['324ms', 324],
    ['3s', 3000],
    ['5m', 300_000],
    ['1h', hour],
    ['4d', 4 * day],
    ['4d1h', 4 * day + hour],
    ['14d', 14 * day],
    ['3w', 21 * day],
    ['3w2d1h', 23 * day + hour],
    ['10y', 3650 * day],
    ['1h30m', 90 * 60_000],
    ['00000000000000001s', 1000],
    ['292y', 292 * 365 * day],
  ])('reads %s', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    ['', 'empty duration string'],
    ['1', 'not a valid duration string: "1"'],
    ['1.5h', 'unknown unit "." in duration "1.5h"'],
    ['-1m', 'not a valid duration string: "-1m"'],
    ['1m1h', 'not a valid duration string: "1m1h"'],
    ['1m1m', 'not a valid duration string: "1m1m"'],
    ['d', 'not a valid duration string: "d"'],
    [' 1s', 'not a valid duration string: " 1s"'],
    ['1s ', 'unknown unit "s " in duration "1s "'],
    ['1µs', 'unknown unit "µs" in duration "1µs"'],
    ['99999999999999999999s', 'not a valid duration string: "99999999999999999999s"'],
    ['293y', 'duration out of range'],
    ['"\n', 'not a valid duration string: "\\"\\n"'],
  ])('refuses %j', (text, message) => {
    expect(() => parseDuration(text)).toThrow(message);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0s'],
    [1, '1ms'],
    [1000, '1s'],
    [90_500, '1m30s500ms'],
    [90 * day, '90d'],
    [14 * day, '2w'],
    [15 * day, '15d'],
    [365 * day, '1y'],
    [-hour, '-1h'],
  ])('prints %d ms as %s', (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });

  it('is read back as the same duration', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 9_223_372_036_854 }), (ms) => parseDuration(formatDuration(ms)) === ms));
  });
});
