/**
 * Checks and health checks of a task by whoever runs it (mesos.md §9.6): a command beside the task, an HTTP GET or a TCP connection to
 * this host. Each is a loop: delay, look, wait for the interval, look. What was seen goes to the caller; what follows of it is decided in
 * two small machines here, one per kind, which a test can feed by hand.
 */
import { connect } from 'node:net';
import type { CheckInfo, CheckStatusInfo, CommandInfo, HealthCheck } from '@pronoia/mesos';
import type { Clock, Timer } from '@pronoia/server';
import { Agent as HttpPool, request } from 'undici';

/** Exit status of the command; undefined when it did not end in time. Throws when it cannot be started. */
export type RunCommand = (command: CommandInfo, signal: AbortSignal) => Promise<number | undefined>;

type Probe =
  | { readonly kind: 'command'; readonly command: CommandInfo }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** `value`: exit status, HTTP status, or 1 for a connection; undefined: no answer within the timeout, or none at all. */
interface Seen {
  readonly value: number | undefined;
  readonly isTimedOut: boolean;
}

interface Rhythm {
  readonly delayMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

const DEFAULT_DELAY_S = 15;
const DEFAULT_INTERVAL_S = 10;
const DEFAULT_TIMEOUT_S = 20;
const DEFAULT_GRACE_S = 10;
const DEFAULT_FAILURES = 3;
const REDIRECTS = 5;

const rhythmOf = (check: CheckInfo | HealthCheck): Rhythm => ({
  delayMs: (check.delay_seconds ?? DEFAULT_DELAY_S) * 1_000,
  intervalMs: (check.interval_seconds ?? DEFAULT_INTERVAL_S) * 1_000,
  timeoutMs: (check.timeout_seconds ?? DEFAULT_TIMEOUT_S) * 1_000,
});

export interface Checking {
  stop(): void;
}

/** Tells the result whenever it differs from the last one told. */
export function startCheck(check: CheckInfo, clock: Clock, run: RunCommand, onChange: (status: CheckStatusInfo) => void): Checking {
  let last = JSON.stringify(emptyCheckStatus(check));
  return loop(rhythmOf(check), clock, probeOfCheck(check), run, (seen) => {
    const status = checkStatus(check, seen);
    const text = JSON.stringify(status);
    if (text === last) return;
    last = text;
    onChange(status);
  });
}

/** What a task that has not been checked yet says of its check. */
export function emptyCheckStatus(check: CheckInfo): CheckStatusInfo {
  if (check.type === 'COMMAND') return { type: 'COMMAND', command: {} };
  return check.type === 'HTTP' ? { type: 'HTTP', http: {} } : { type: 'TCP', tcp: {} };
}

function checkStatus(check: CheckInfo, { value, isTimedOut }: Seen): CheckStatusInfo {
  if (check.type === 'TCP') return isTimedOut ? emptyCheckStatus(check) : { type: 'TCP', tcp: { succeeded: value === 1 } };
  if (value === undefined) return emptyCheckStatus(check);
  return check.type === 'COMMAND' ? { type: 'COMMAND', command: { exit_code: value } } : { type: 'HTTP', http: { status_code: value } };
}

export interface Health {
  readonly isHealthy: boolean;
  /** So many failures in a row that the task is to be killed. */
  readonly isHopeless: boolean;
}

/** Turns successes and failures into what the framework is told; undefined: nothing. */
export class HealthJudge {
  readonly #graceMs: number;
  readonly #limit: number;
  readonly #startMs: number;
  #hasSucceeded = false;
  #failures = 0;

  constructor(check: HealthCheck, startMs: number) {
    this.#graceMs = (check.grace_period_seconds ?? DEFAULT_GRACE_S) * 1_000;
    this.#limit = Math.max(1, check.consecutive_failures ?? DEFAULT_FAILURES);
    this.#startMs = startMs;
  }

  judge(isSuccess: boolean, nowMs: number): Health | undefined {
    if (isSuccess) {
      const isNews = !this.#hasSucceeded || this.#failures > 0;
      this.#hasSucceeded = true;
      this.#failures = 0;
      return isNews ? { isHealthy: true, isHopeless: false } : undefined;
    }
    if (!this.#hasSucceeded && this.#graceMs > 0 && nowMs - this.#startMs <= this.#graceMs) return undefined;
    this.#failures++;
    return { isHealthy: false, isHopeless: this.#failures >= this.#limit };
  }
}

export function startHealthCheck(check: HealthCheck, clock: Clock, run: RunCommand, onHealth: (health: Health) => void): Checking {
  const judge = new HealthJudge(check, clock.monotonic());
  return loop(rhythmOf(check), clock, probeOfHealth(check), run, ({ value }, kind) => {
    const isSuccess =
      value !== undefined && (kind === 'command' ? value === 0 : kind === 'http' ? value >= 200 && value < 400 : value === 1);
    const health = judge.judge(isSuccess, clock.monotonic());
    if (health !== undefined) onHealth(health);
  });
}

function loop(rhythm: Rhythm, clock: Clock, probe: Probe, run: RunCommand, onSeen: (seen: Seen, kind: Probe['kind']) => void): Checking {
  const stop = new AbortController();
  let timer: Timer | undefined;
  const look = async (): Promise<void> => {
    const seen = await tryProbe(probe, rhythm.timeoutMs, clock, run, stop.signal);
    if (stop.signal.aborted) return;
    onSeen(seen, probe.kind);
    if (!stop.signal.aborted) timer = clock.setTimer(rhythm.intervalMs, () => void look());
  };
  timer = clock.setTimer(rhythm.delayMs, () => void look());
  return {
    stop() {
      stop.abort();
      timer?.cancel();
    },
  };
}

/** Never throws: what cannot be looked at has failed. */
async function tryProbe(probe: Probe, timeoutMs: number, clock: Clock, run: RunCommand, stop: AbortSignal): Promise<Seen> {
  const abort = new AbortController();
  const onStop = (): void => abort.abort();
  stop.addEventListener('abort', onStop, { once: true });
  let isTimedOut = false;
  const timer =
    timeoutMs > 0
      ? clock.setTimer(timeoutMs, () => {
          isTimedOut = true;
          abort.abort();
        })
      : undefined;
  try {
    const value = await valueOf(probe, run, abort.signal);
    return { value: isTimedOut ? undefined : value, isTimedOut };
  } catch {
    return { value: undefined, isTimedOut };
  } finally {
    timer?.cancel();
    stop.removeEventListener('abort', onStop);
  }
}

async function valueOf(probe: Probe, run: RunCommand, signal: AbortSignal): Promise<number | undefined> {
  switch (probe.kind) {
    case 'command':
      return run(probe.command, signal);
    case 'http':
      return httpStatus(probe.url, signal);
    case 'tcp':
      return (await connects(probe.host, probe.port, signal)) ? 1 : 0;
  }
}

/** As curl -L -k: redirects are followed, certificates are not judged. */
async function httpStatus(url: string, signal: AbortSignal): Promise<number> {
  const dispatcher = new HttpPool({ connect: { rejectUnauthorized: false }, headersTimeout: 0, bodyTimeout: 0 });
  try {
    let location = url;
    for (let hop = 0; ; hop++) {
      const response = await request(location, { signal, dispatcher });
      response.body.on('error', () => undefined).destroy();
      const next = response.headers['location'];
      if (response.statusCode < 300 || response.statusCode >= 400 || typeof next !== 'string' || hop >= REDIRECTS)
        return response.statusCode;
      location = new URL(next, location).href;
    }
  } finally {
    await dispatcher.destroy();
  }
}

function connects(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const hostOf = (protocol: 'IPv4' | 'IPv6' | undefined): string => (protocol === 'IPv6' ? '::1' : '127.0.0.1');

function probeOfCheck(check: CheckInfo): Probe {
  if (check.type === 'COMMAND' && check.command !== undefined) return { kind: 'command', command: check.command.command };
  if (check.type === 'HTTP' && check.http !== undefined)
    return { kind: 'http', url: `http://127.0.0.1:${check.http.port}${check.http.path ?? ''}` };
  if (check.type === 'TCP' && check.tcp !== undefined) return { kind: 'tcp', host: '127.0.0.1', port: check.tcp.port };
  throw new Error(`BUG: a check of type ${check.type} without its part`);
}

function probeOfHealth(check: HealthCheck): Probe {
  if (check.http !== undefined && check.type !== 'TCP' && check.type !== 'COMMAND') {
    const { scheme = 'http', port, path = '', protocol } = check.http;
    const host = protocol === 'IPv6' ? '[::1]' : '127.0.0.1';
    return { kind: 'http', url: `${scheme}://${host}:${port}${path}` };
  }
  if (check.tcp !== undefined && check.type !== 'COMMAND')
    return { kind: 'tcp', host: hostOf(check.tcp.protocol === 'IPv6' ? 'IPv6' : 'IPv4'), port: check.tcp.port };
  if (check.command !== undefined) return { kind: 'command', command: check.command };
  throw new Error(`BUG: a health check of type ${check.type} without its part`);
}

/** What is wrong with it, for an agent whose master lets more through. */
export function checkFault(check: CheckInfo | undefined, health: HealthCheck | undefined): string | undefined {
  if (check !== undefined) {
    const part = { COMMAND: check.command, HTTP: check.http, TCP: check.tcp, UNKNOWN: undefined }[check.type ?? 'UNKNOWN'];
    if (part === undefined) return `the check of type ${check.type ?? 'UNKNOWN'} has no such part`;
  }
  if (health !== undefined) {
    const { type = health.command === undefined ? (health.http === undefined ? 'TCP' : 'HTTP') : 'COMMAND' } = health;
    const part = { COMMAND: health.command, HTTP: health.http, TCP: health.tcp, UNKNOWN: undefined }[type];
    if (part === undefined) return `the health check of type ${type} has no such part`;
  }
  return undefined;
}
