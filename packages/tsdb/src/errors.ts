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

/** Bytes that are not what the format says. Decoders throw it with an offset; who knows the file wraps it. */
export function damaged(detail: string, fields: Readonly<Record<string, string | number>> = {}, cause?: unknown): StorageError {
  return new StorageError('damaged', detail, fields, cause);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
