/** The grid: `startMs + i · stepMs` for i < count. */
export interface Frame {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}
