/** What service discovery speaks: groups of targets, each replaced as a whole by its source (prometheus-server.md §3.1). */
import type { Clock, Logger } from '@pronoia/server';
import type { HttpFetch } from '../http-client.ts';

export interface TargetGroup {
  /** Names the group within its discoverer. */
  readonly source: string;
  /** Of every target in the group; a target's own label wins. */
  readonly labels: Readonly<Record<string, string>>;
  /** Each holds at least `__address__`. */
  readonly targets: readonly Readonly<Record<string, string>>[];
}

/** All groups that the discoverer knows now; those it reported before and leaves out are gone. */
export type EmitGroups = (groups: readonly TargetGroup[]) => void;

export interface Discoverer {
  /** Reports until the signal fires; resolves after the last report. A failed poll keeps what was reported before. */
  run(emit: EmitGroups, signal: AbortSignal): Promise<void>;
}

export interface DiscovererTools {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetch: HttpFetch;
  readonly failures: { inc(): void };
}

/** Label names made from foreign text: whatever does not fit becomes `_`. */
export function sanitizeLabelName(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, '_');
}
