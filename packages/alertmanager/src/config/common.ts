/** Pieces that many parts of the configuration share. */
import { type Schema, schema } from '@pronoia/server';

/** A Go duration (`1.5s`, `2m`, `0`) as milliseconds: the few receiver time-outs that the original reads so. */
export function goDuration(): Schema<number> {
  return schema.custom((value) => {
    const text = String(value);
    if (text === '0') return 0;
    const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    if (!/^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*$/.test(text))
      throw new Error(`${JSON.stringify(text)} is not a duration; write 30s or 1m30s`);
    let totalMs = 0;
    for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g))
      totalMs += Number(count) * (units[unit as string] as number);
    return text.startsWith('-') ? -totalMs : totalMs;
  });
}

/** `host:port`; an IPv6 host stands in brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function hostPort(): Schema<HostPort> {
  return schema.refine(schema.string(), (text) => {
    const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]]*)):(\d+)$/.exec(text);
    if (match === null)
      throw new Error(/:\d*$/.test(text) ? `address ${text}: write host:port` : `address ${text}: missing port in address`);
    const port = Number(match[3]);
    if (port > 65_535) throw new Error(`address ${text}: the port must be below 65536`);
    const host = match[1] ?? match[2] ?? '';
    if (host === '') throw new Error(`address ${text}: the host is missing`);
    return { host, port };
  });
}

/** Refuses two keys of which one would be ignored. */
export function exclusive(value: object, first: string, second: string): void {
  const record = value as Record<string, unknown>;
  const isSet = (key: string): boolean => record[key] !== undefined && record[key] !== '';
  if (isSet(first) && isSet(second)) throw new Error(`at most one of ${first} & ${second} must be configured`);
}
