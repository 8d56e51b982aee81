/** The address under which the master, and so its agents, can reach this process: the near end of a connection to the master. */
import { connect } from 'node:net';
import { type Clock, sleep } from '@pronoia/server';
import { errors } from './errors.ts';

export interface LocalAddressOptions {
  /** `host:port` or a URL. */
  readonly master: string;
  readonly clock: Clock;
  /** A master that is starting is waited for so long. */
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

const RETRY_MS = 500;
const ANSWER_LIMIT_MS = 5_000;

export function masterUrl(master: string): URL {
  try {
    return new URL(/^https?:\/\//.test(master) ? master : `http://${master}`);
  } catch (error) {
    throw errors.fail('bad_option', { reason: `--master: expected HOST:PORT, found "${master}"` }, error);
  }
}

export async function localAddress({ master, clock, limitMs, signal }: LocalAddressOptions): Promise<string> {
  const { hostname, port } = masterUrl(master);
  const startMs = clock.monotonic();
  for (;;) {
    if (signal?.aborted === true) throw errors.fail('interrupted', { reason: reasonText(signal.reason) });
    try {
      return await nearEnd(hostname.replace(/^\[|\]$/g, ''), port === '' ? 80 : Number(port));
    } catch (error) {
      const forMs = clock.monotonic() - startMs;
      const { message, code } = error as NodeJS.ErrnoException;
      if (forMs >= limitMs) {
        const reason = message === '' ? String(code) : message;
        throw errors.fail('master_lost', { master, forSeconds: Math.round(forMs / 1_000), reason }, error);
      }
      await sleep(clock, Math.min(RETRY_MS, limitMs), signal).catch(() => undefined);
    }
  }
}

function nearEnd(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: ANSWER_LIMIT_MS });
    socket.once('connect', () => {
      resolve(socket.localAddress ?? '127.0.0.1');
      socket.destroy();
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
  });
}

/** Why somebody interrupted the job. */
export function reasonText(reason: unknown): string {
  if (reason instanceof Error) return reason.message;
  return typeof reason === 'string' ? reason : 'it was cancelled';
}
