/**
 * Errors with a code. A package keeps one table of codes, message and HTTP status side by side (`defineErrors`); whoever
 * handles the error reads the code, and the HTTP floor turns it into an answer without knowing the package.
 */
export interface ErrorEntry<F = never> {
  /** HTTP status of an answer that carries this error. */
  readonly status: number;
  readonly message: (fields: F) => string;
}

export type ErrorTable = Readonly<Record<string, ErrorEntry>>;

/** An operating failure or refused input: `code` is stable and documented, the message is for a person. */
export class CodedError extends Error {
  override readonly name: string = 'CodedError';
  readonly code: string;
  readonly status: number;
  readonly fields: object;

  constructor(code: string, status: number, message: string, fields: object = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.fields = fields;
  }
}

type FieldsOf<E extends ErrorEntry> = Parameters<E['message']>;

export interface Errors<T extends ErrorTable> {
  readonly table: T;
  /** Makes the error (the caller throws it): `throw fail('unknown_offer', { id })`. */
  fail<K extends keyof T & string>(
    code: K,
    ...rest: FieldsOf<T[K]> extends [] ? [fields?: object, cause?: unknown] : [fields: FieldsOf<T[K]>[0], cause?: unknown]
  ): CodedError;
}

export function defineErrors<const T extends ErrorTable>(table: T): Errors<T> {
  return {
    table,
    fail(code, ...rest) {
      const entry = table[code] as ErrorEntry<object>;
      const fields = (rest[0] ?? {}) as object;
      return new CodedError(code, entry.status, entry.message(fields), fields, rest[1]);
    },
  };
}
