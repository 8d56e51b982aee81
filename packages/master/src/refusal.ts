/** A request that is not granted: HTTP status and a short text. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
}
