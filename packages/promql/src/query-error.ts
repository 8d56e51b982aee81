/** Why a query has no answer: one table of kinds, with the HTTP status that the query API gives each (promql.md §4.3). */
export const queryErrorStatus = {
  bad_data: 400,
  execution: 422,
  timeout: 503,
  canceled: 499,
  internal: 500,
} as const;

export type QueryErrorType = keyof typeof queryErrorStatus;

/** Thrown by `Engine`. `message` is what the user sees; parse errors read `1:5: parse error: …`. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly errorType: QueryErrorType;

  constructor(errorType: QueryErrorType, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.errorType = errorType;
  }

  get status(): number {
    return queryErrorStatus[this.errorType];
  }
}
