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

export declare function createLogger(options?: LogOptions): Logger;
