import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Logger as PinoLogger } from 'pino';

/** Structured logging. Fields first, then a short constant message, so that logs can be searched. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogOptions {
  readonly level?: LogLevel;
  /** `logfmt` (Prometheus' default) or `json`. */
  readonly format?: 'logfmt' | 'json';
  /** Where lines go, each in one call with its newline; default stderr, written synchronously in one write. */
  readonly write?: (line: string) => void;
}

/** For tests and libraries: drops everything. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/**
 * Lines as Prometheus writes them: `time=… level=INFO msg="…" key=value`. Errors among the fields (`err`, `error`) appear as
 * their message and code; their stack only at level error, where it is a bug or an operating failure. Never throws: a field
 * that cannot be written appears as `[unable to serialize]`.
 */
export function createLogger(options: LogOptions = {}): Logger {
  // pino is loaded when the first logger is made: programs that import this package for its flags pay nothing.
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino');
  const write = options.write ?? writeStderr;
  const json = options.format === 'json';
  const logger = pino(
    {
      level: options.level ?? 'info',
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      serializers: { err: errorFields, error: errorFields },
    },
    { write: json ? write : (line: string) => write(logfmtLine(line)) },
  );
  return wrap(logger);
}

function wrap(logger: PinoLogger): Logger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}

function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error && causes.length < 8; at = at.cause) causes.push(at.message || at.name);
  // A CodedError explains itself; anything else is shown with the place it came from.
  return 'code' in error ? causes.join(': ') : (error.stack ?? causes.join(': '));
}

/** pino writes JSON only; logging is cold enough to read it again. */
function logfmtLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { time, level, msg, ...fields } = record;
  let text = `time=${String(time)} level=${String(level)} msg=${logfmtValue(msg)}`;
  for (const [key, value] of Object.entries(fields)) text += ` ${key.replace(/[\s="]/g, '_')}=${logfmtValue(value)}`;
  return `${text}\n`;
}

function logfmtValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text === '' || /[\s="\\\p{Cc}]/u.test(text) ? JSON.stringify(text) : text;
}

/** One write a line, so that lines of many processes on one pipe or file never mix (up to PIPE_BUF on a pipe). */
function writeStderr(line: string): void {
  const bytes = Buffer.from(line);
  for (let at = 0, tries = 0; at < bytes.length; ) {
    try {
      at += writeSync(2, bytes, at);
    } catch (error) {
      // A full pipe answers EAGAIN; wait for its reader a little, then rather lose a line than stop a server.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || ++tries > 50) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
