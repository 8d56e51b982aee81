import type { FlagSpec, FlagValues } from './flags.ts';
import type { Running } from './http.ts';
import type { Logger } from './log.ts';
export interface MainContext<V> {
  readonly log: Logger;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Parsed flags; empty when no `flags` were given. */
  readonly flags: V;
}
export interface MainOptions<S extends FlagSpec> {
  /** As the user typed it: `pronoia master`. */
  readonly name: string;
  /** The arguments after the name. */
  readonly argv: readonly string[];
  /** When given, `argv` is parsed here: `--help`, `--version` and bad flags (exit 2) are answered too. */
  readonly flags?: S;
  /** Default `prometheus`. */
  readonly style?: 'prometheus' | 'mesos';
  readonly start: (context: MainContext<FlagValues<S>>) => Promise<Running & { reload?(): Promise<void> }>;
}
export declare function runMain<const S extends FlagSpec = Record<string, never>>(options: MainOptions<S>): Promise<void>;
