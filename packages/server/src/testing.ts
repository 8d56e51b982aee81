export interface RandomRequestOptions {
  readonly seed?: number;
  /** Requests per route; default 40. */
  readonly runs?: number;
}
/** Routes as `POST /api/v1/scheduler`. Throws when a request is answered 5xx, a 4xx without a reason, or the server stops answering `/-/healthy`. */
export declare function assertSurvivesRandomRequests(url: string, routes: readonly string[], options?: RandomRequestOptions): Promise<void>;
