/**
 * The life of a server process: flags, start, signals, reload, stop, exit code. 0: stopped as asked; 1: failed; 2: bad flags.
 */
import { constants } from 'node:os';
import { CodedError } from './errors.ts';
import { type FlagSpec, type FlagValues, parseFlags } from './flags.ts';
import type { Running } from './http.ts';
import { createLogger, type Logger, type LogLevel } from './log.ts';

export interface MainContext<V> {
  readonly log: Logger;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Parsed flags; empty when no `flags` were given. */
  readonly flags: V;
}

export interface MainOptions<S extends FlagSpec> {
  /** As the user typed it: `pronoia master`. */
  readonly name: string;
  /** The arguments after the name. */
  readonly argv: readonly string[];
  /**
   * When given, `argv` is parsed here: `--help`, `--version` and bad flags (exit 2) are answered too. Flags named `log.level` and
   * `log.format` (or Mesos' `logging_level`) set up the log.
   */
  readonly flags?: S;
  /** Default `prometheus`; `mesos` reads `MESOS_*` from the environment too. */
  readonly style?: 'prometheus' | 'mesos';
  readonly version?: string;
  readonly start: (context: MainContext<FlagValues<S>>) => Promise<RunningProcess>;
}

export interface RunningProcess extends Running {
  /** On SIGHUP. A rejection leaves everything as it was. */
  reload?(): Promise<void>;
  /** On SIGUSR1, in place of `stop`: leaves for good, and takes along what `stop` would leave running (an agent's tasks). */
  retire?(): Promise<void>;
}

/** A stop that takes longer has hung; the process then ends all the same, with exit code 1. */
const stopLimitMs = 5000;

/**
 * Resolves after the server has stopped, with `process.exitCode` set. SIGTERM and SIGINT stop (a second one at once), SIGUSR1 retires,
 * SIGHUP reloads.
 * A process that was started with an IPC channel tells its parent `{ kind: 'listening', url, port }`, and stops when the parent is gone.
 */
export async function runMain<const S extends FlagSpec = Record<string, never>>(options: MainOptions<S>): Promise<void> {
  let values = {} as FlagValues<S>;
  if (options.flags !== undefined) {
    try {
      const parsed = parseFlags(options.name, options.flags, options.argv, { style: options.style ?? 'prometheus', env: process.env });
      if (parsed.kind !== 'values') {
        process.stdout.write(parsed.kind === 'help' ? parsed.text : `${options.name}, version ${options.version ?? '0.1.0'}\n`);
        return;
      }
      values = parsed.values;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      process.stderr.write(`${options.name}: error: ${error.message}; try --help\n`);
      process.exitCode = 2;
      return;
    }
  }
  const log = createLogger(logOptions(values));
  const stopping = new AbortController();
  let running: RunningProcess | undefined;
  let stopped: () => void = () => {};
  const untilStopped = new Promise<void>((resolve) => {
    stopped = resolve;
  });

  const stop = (reason: string, end: 'stop' | 'retire' = 'stop'): void => {
    if (stopping.signal.aborted) return;
    log.info({ reason }, 'Stopping');
    const limit = setTimeout(() => {
      log.error({ limitMs: stopLimitMs }, 'Stopping took too long; giving up');
      process.exit(1);
    }, stopLimitMs);
    limit.unref();
    stopping.abort(new Error(reason));
    // A start that was cut short has nothing to stop; what it failed of is told below.
    void starting
      .catch(() => {})
      .then(() => (end === 'retire' && running?.retire !== undefined ? running.retire() : running?.stop()))
      .catch((error: unknown) => {
        log.error({ err: error }, 'Stopping failed');
        process.exitCode = 1;
      })
      .then(() => {
        clearTimeout(limit);
        stopped();
      });
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(128 + constants.signals[name]);
    stop(name);
  };
  // Without a listener Node.js would open its debugger.
  const onRetire = (): void => stop('SIGUSR1', 'retire');
  const onReload = (): void => {
    if (running?.reload === undefined) return;
    running.reload().then(
      () => log.info({}, 'Configuration reloaded'),
      (error: unknown) => log.error({ err: error }, 'Reload failed; the former configuration stays'),
    );
  };
  const onDisconnect = (): void => stop('the parent process is gone');
  const onBug = (error: unknown): void => {
    log.error({ err: error }, 'BUG: an error that nobody handled');
    process.exit(1);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', onReload).on('SIGUSR1', onRetire);
  process.on('unhandledRejection', onBug).on('uncaughtException', onBug).on('disconnect', onDisconnect);

  const starting = (async () => {
    running = await options.start({ log, signal: stopping.signal, flags: values });
  })();
  try {
    await starting;
    if (running !== undefined && process.connected) process.send?.({ kind: 'listening', url: running.url, port: running.port });
    await untilStopped;
    log.info({}, 'Stopped');
  } catch (error) {
    if (!stopping.signal.aborted) {
      log.error({ err: error }, 'Could not start');
      process.exitCode = 1;
    }
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal).off('SIGHUP', onReload).off('SIGUSR1', onRetire);
    process.off('unhandledRejection', onBug).off('uncaughtException', onBug).off('disconnect', onDisconnect);
    if (process.connected) process.disconnect();
    // Whatever was forgotten and would keep the process alive does so for a second at most.
    setTimeout(() => process.exit(), 1000).unref();
  }
}

function logOptions(values: Readonly<Record<string, unknown>>): { level: LogLevel; format: 'logfmt' | 'json' } {
  const given = values['log.level'] ?? values['logging_level'];
  const level = typeof given === 'string' ? given.toLowerCase() : 'info';
  const names: Readonly<Record<string, LogLevel>> = { debug: 'debug', info: 'info', warn: 'warn', warning: 'warn', error: 'error' };
  return { level: names[level] ?? 'info', format: values['log.format'] === 'json' ? 'json' : 'logfmt' };
}
