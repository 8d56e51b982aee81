/** What a receiver's integration is, and what it is told with a notification. */
import type { Labels } from '@pronoia/model';
import type { Alert } from '../alert.ts';
import type { ReceiverData } from '../nflog.ts';

/** Why a notification is sent. */
export type NotificationReason =
  | 'first notification'
  | 'new alerts added'
  | 'some alerts resolved'
  | 'all alerts resolved'
  | 'repeat interval elapsed'
  | 'unknown';

export interface Notification {
  /** Sorted; a firing one has no end. */
  readonly alerts: readonly Alert[];
  readonly receiver: string;
  readonly groupKey: string;
  readonly groupLabels: Labels;
  /** Label → template. */
  readonly routeLabels: Readonly<Record<string, string>>;
  readonly reason: NotificationReason;
  /** What this integration kept from the last notification of the group. */
  readonly receiverData: ReceiverData;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** A `reason` label of the failure metrics. */
export type FailureReason =
  | 'clientError'
  | 'serverError'
  | 'authError'
  | 'rateLimited'
  | 'contextCanceled'
  | 'contextDeadlineExceeded'
  | 'other';

export class NotifyError extends Error {
  override readonly name = 'NotifyError';
  /** Another attempt may succeed. */
  readonly isRetryable: boolean;
  readonly reason: FailureReason;

  constructor(message: string, options: { isRetryable: boolean; reason?: FailureReason; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isRetryable = options.isRetryable;
    this.reason = options.reason ?? 'other';
  }
}

export interface Integration {
  /** `webhook`, `email`, … */
  readonly kind: string;
  /** Its place among the receiver's configurations of this kind: part of its identity in the notification log. */
  readonly index: number;
  readonly sendResolved: boolean;
  /** Throws NotifyError; any other error counts as not retryable. Returns what it wants to keep for the group's next notification. */
  readonly notify: (notification: Notification) => Promise<ReceiverData | undefined>;
  /** Closes connections. */
  readonly close?: () => Promise<void>;
}

export interface ReceiverRuntime {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly integrations: readonly Integration[];
}
