import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatGoDuration, formatTime, goTime, loadZone, parseTemplate, parseTime, rfc3339Nano } from './index.ts';

const golden = JSON.parse(readFileSync(new URL('testdata/times.json', import.meta.url), 'utf8')) as {
  layouts: string[];
  rows: { time: string; zone: string; texts: string[] }[];
};

describe('a time prints as Go prints it', () => {
  it.each(golden.rows)('$time in $zone', ({ time, zone, texts }) => {
    const read = parseTime(rfc3339Nano, time);
    const moment = zone === '' ? read : { ...read, zone: loadZone(zone) };
    expect(golden.layouts.map((layout) => formatTime(moment, layout))).toEqual(texts);
  });
});

describe('a layout reads times', () => {
  it.each([
    ['2006-01-02T15:04:05Z07:00', '2026-11-24T21:53:04.5Z', '2026-11-24T21:53:04.5Z'],
    ['2006-01-02', '2026-02-28', '2026-02-28T00:00:00Z'],
    ['Jan _2 3:04PM 2006', 'Feb  3 9:05PM 2026', '2026-02-03T21:05:00Z'],
    ['02/01/06 15:04 -0700', '03/02/26 10:00 +0200', '2026-02-03T10:00:00+02:00'],
  ])('%s of %s', (layout, text, expected) => {
    expect(formatTime(parseTime(layout, text), rfc3339Nano)).toBe(expected);
  });

  it.each([
    ['2006-01-02', '2026-13-01', 'parsing time "2026-13-01": month out of range'],
    ['2006-01-02', '2026-02-30', 'parsing time "2026-02-30": day out of range'],
    ['2006-01-02', '26-02-03', 'parsing time "26-02-03" as "2006-01-02": cannot parse "26-02-03" as "2006"'],
    ['2006', '2026x', 'parsing time "2026x": extra text: "x"'],
  ])('%s refuses %s', (layout, text, message) => {
    expect(() => parseTime(layout, text)).toThrow(message);
  });
});

describe('templates use times', () => {
  it.each([
    [
      '{{.Format "2006-01-02"}} {{.Unix}} {{.Year}} {{.Month}} {{.Weekday}} {{.IsZero}}',
      '2026-11-24 1795557184 2026 November Tuesday false',
    ],
    ['{{.}} {{.UTC.Hour}} {{(.Add 1500000000).Format "05.0"}}', '2026-11-24 21:53:04.123456789 +0000 UTC 21 05.6'],
    ['{{(.Sub (.Add -90000000000)).Minutes}} {{.Sub (.Add -90061000000000)}} {{(.AddDate 0 1 10).Format "Jan 2"}}', '1.5 25h1m1s Jan 3'],
    ['{{if .After (.Add -1)}}yes{{end}} {{(.Truncate 3600000000000).Format "15:04"}}', 'yes 21:00'],
  ])('%s', (template, expected) => {
    expect(parseTemplate('t', template).execute(goTime(parseTime(rfc3339Nano, '2026-11-24T21:53:04.123456789Z')))).toBe(expected);
  });
});

describe('a duration prints as Go prints it', () => {
  it.each([
    [0n, '0s'],
    [1n, '1ns'],
    [1500n, '1.5µs'],
    [2_500_000n, '2.5ms'],
    [1_000_000_000n, '1s'],
    [61_500_000_000n, '1m1.5s'],
    [-3_600_000_000_000n, '-1h0m0s'],
  ])('%s', (nanoseconds, expected) => {
    expect(formatGoDuration(nanoseconds)).toBe(expected);
  });
});
