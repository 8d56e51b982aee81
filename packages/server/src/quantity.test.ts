import { describe, expect, it } from 'vitest';
import { durationMs, durationText, mesosDurationMs, sizeBytes, sizeText } from './quantity.ts';

describe('durations', () => {
  it.each([
    ['0', 0],
    ['0s', 0],
    ['1ms', 1],
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1y', 31_536_000_000],
    ['1y2w3d4h5m6s7ms', 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_400_000 + 300_000 + 6007],
  ])('%s is %d ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    ['', 'empty duration string'],
    ['1', 'not a valid duration string: "1"'],
    ['1.5h', 'not a valid duration string: "1.5h"'],
    ['-1s', 'not a valid duration string: "-1s"'],
    ['1s1m', 'not a valid duration string: "1s1m"'],
    ['1 s', 'not a valid duration string: "1 s"'],
    ['1x', 'unknown unit "x" in duration "1x"'],
    ['300y', 'duration out of range'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => durationMs(text)).toThrow(message);
  });

  it.each([
    [0, '0s'],
    [7_776_000_000, '90d'],
    [1_209_600_000, '2w'],
    [1_296_000_000, '15d'],
    [5_400_000, '1h30m'],
    [90_500, '1m30s500ms'],
    [31_536_000_000, '1y'],
  ])('%d ms prints as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
    expect(durationMs(text)).toBe(ms);
  });

  it.each([
    ['15secs', 15_000],
    ['1mins', 60_000],
    ['1.5hrs', 5_400_000],
    ['2weeks', 1_209_600_000],
    ['0ns', 0],
    ['500us', 0.5],
    ['5s', 5000],
  ])('in Mesos style %s is %d ms', (text, ms) => {
    expect(mesosDurationMs(text)).toBe(ms);
  });

  it('in Mesos style a number needs a unit', () => {
    expect(() => mesosDurationMs('15')).toThrow('write a number and one of ns, us, ms, secs');
  });
});

describe('sizes', () => {
  it.each([
    ['0B', 0],
    ['1KB', 1024],
    ['4KiB', 4096],
    ['512MB', 536_870_912],
    ['2GB', 2_147_483_648],
  ])('%s is %s bytes', (text, bytes) => {
    expect(sizeBytes(text)).toBe(bytes);
  });

  it.each(['1EB', '1.5MB', '1', 'KB', ''])('%j is refused', (text) => {
    expect(() => sizeBytes(text)).toThrow('size');
  });

  it.each([
    [0, '0B'],
    [1000, '1000B'],
    [1024, '1KiB'],
    [1536, '1536B'],
    [8 * 1024 * 1024, '8MiB'],
  ])('%d prints as %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });
});
