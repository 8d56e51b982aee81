/** What can go wrong between a scheduler and its master. `code` is stable; the message is for people. */
export type SchedulerErrorCode =
  /** No stream is open: the call was not sent. */
  | 'not_subscribed'
  /** The call could not be sent, or no answer came. It may or may not have arrived. */
  | 'unreachable'
  /** The master refused the call: `status` and its reason in the message. */
  | 'refused';

export class SchedulerError extends Error {
  readonly code: SchedulerErrorCode;
  /** HTTP status when the master refused. */
  readonly status: number | undefined;

  constructor(code: SchedulerErrorCode, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SchedulerError';
    this.code = code;
    this.status = options.status;
  }
}
