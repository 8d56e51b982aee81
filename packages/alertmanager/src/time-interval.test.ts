import { describe, expect, it } from 'vitest';
import { parseConfig } from './config/config.ts';
import { containsTime } from './time-interval.ts';

const rest = 'route: { receiver: r }\nreceivers: [{ name: r }]\n';

function intervals(spec: string) {
  return parseConfig(`${rest}time_intervals: [{ name: t, time_intervals: [${spec}] }]`, 'c.yml').timeIntervals.get('t') ?? [];
}

const contains = (spec: string, time: string): boolean => intervals(spec).some((interval) => containsTime(interval, Date.parse(time)));

describe('a time interval contains', () => {
  it.each([
    ['{}', '2026-11-24T00:00:00Z', true],
    ["{ times: [{ start_time: '09:00', end_time: '17:00' }] }", '2026-11-24T09:00:00Z', true],
    ["{ times: [{ start_time: '09:00', end_time: '17:00' }] }", '2026-11-24T17:00:00Z', false],
    ["{ times: [{ start_time: '00:00', end_time: '24:00' }] }", '2026-11-24T23:59:59Z', true],
    ["{ weekdays: ['monday:friday'] }", '2026-11-24T12:00:00Z', true],
    ["{ weekdays: ['monday:friday', 'Sunday'] }", '2026-11-28T12:00:00Z', false],
    ["{ weekdays: ['sunday'] }", '2026-11-29T12:00:00Z', true],
    ["{ days_of_month: ['1:5', '-3:-1'] }", '2026-11-28T00:00:00Z', true],
    ["{ days_of_month: ['1:5', '-3:-1'] }", '2026-11-27T00:00:00Z', false],
    ["{ days_of_month: ['31'] }", '2026-11-30T00:00:00Z', false],
    ["{ days_of_month: ['30:31'] }", '2026-11-30T00:00:00Z', true],
    ["{ days_of_month: ['-31:-1'] }", '2026-02-01T00:00:00Z', true],
    ["{ months: ['1:3', 'november'] }", '2026-11-30T00:00:00Z', true],
    ["{ months: ['january:march'] }", '2026-11-30T00:00:00Z', false],
    ["{ years: ['2026:2028'] }", '2026-11-30T00:00:00Z', true],
    ["{ years: ['2030'] }", '2026-11-30T00:00:00Z', false],
    ["{ times: [{ start_time: '09:00', end_time: '10:00' }], location: 'Europe/Berlin' }", '2026-11-24T08:30:00Z', true],
    ["{ times: [{ start_time: '09:00', end_time: '10:00' }], location: 'Europe/Berlin' }", '2026-07-24T08:30:00Z', false],
    ["{ weekdays: [tuesday], times: [{ start_time: '09:00', end_time: '10:00' }] }", '2026-11-25T09:30:00Z', false],
  ])('%s at %s: %s', (spec, time, expected) => {
    expect(contains(spec, time)).toBe(expected);
  });
});

describe('a bad time interval is refused', () => {
  it.each([
    ["{ times: [{ start_time: '25:00', end_time: '26:00' }] }", "couldn't parse timestamp 25:00"],
    ["{ times: [{ start_time: '10:00', end_time: '09:00' }] }", 'start time cannot be equal or greater than end time'],
    ["{ times: [{ start_time: '10:00' }] }", 'the key "end_time" is missing'],
    ["{ weekdays: ['friday:monday'] }", 'start weekday cannot be after end weekday'],
    ["{ weekdays: ['freitag'] }", 'freitag is not a valid weekday'],
    ["{ days_of_month: ['0'] }", '0 is not a valid day of the month'],
    ["{ days_of_month: ['-3:5'] }", 'end day must be negative if start day is negative'],
    ["{ days_of_month: ['5:1'] }", 'start day 5 cannot be after end day 1'],
    ["{ months: ['13'] }", '13 is not a valid month'],
    ["{ years: ['2028:2026'] }", 'start year cannot be after end year'],
    ["{ location: 'Nowhere/Atlantis' }", 'unknown time zone Nowhere/Atlantis'],
    ['{ hours: [1] }', 'unknown key "hours"'],
  ])('%s: %s', (spec, message) => {
    expect(() => intervals(spec)).toThrow(message);
  });
});
