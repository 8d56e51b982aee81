/**
 * What can go wrong with a data folder, in one table. Rejected samples are answers (model's `Rejection`), not errors.
 */
const messages = {
  locked: 'data folder is in use',
  damaged: 'damaged data',
  closed: 'storage is closed',
  write_failed: 'cannot write',
  unsupported: 'unsupported format',
} as const;

export type StorageErrorCode = keyof typeof messages;

/** `message` tells what was tried, on what, what was found; `code` is from the table. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly fields: Readonly<Record<string, string | number>>;

  constructor(code: StorageErrorCode, detail: string, fields: Readonly<Record<string, string | number>> = {}, cause?: unknown) {
    super(`${messages[code]}: ${detail}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.fields = fields;
  }
}

/** An error as it crosses between threads, where only plain values go. */
export interface PlainError {
  readonly message: string;
  readonly code?: StorageErrorCode;
  readonly fields?: Readonly<Record<string, string | number>>;
}

export function toPlainError(error: unknown): PlainError {
  return error instanceof StorageError
    ? { message: error.message.slice(messages[error.code].length + 2), code: error.code, fields: error.fields }
    : { message: messageOf(error) };
}

/** What was no StorageError comes back as `write_failed`. */
export function fromPlainError({ message, code = 'write_failed', fields = {} }: PlainError): StorageError {
  return new StorageError(code, message, fields);
}

/** Bytes that are not what the format says. Decoders throw it with an offset; who knows the file wraps it. */
export function damaged(detail: string, fields: Readonly<Record<string, string | number>> = {}, cause?: unknown): StorageError {
  return new StorageError('damaged', detail, fields, cause);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
