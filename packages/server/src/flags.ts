/** Command-line flags. */
interface FlagOptions {
  readonly help: string;
  /** Shown in help in place of the kind's own name. */
  readonly valueName?: string;
  /** Accepted, but not shown in help. */
  readonly hidden?: boolean;
  /** Other names that mean the same flag (`agent_ping_timeout` / `slave_ping_timeout`). */
  readonly aliases?: readonly string[];
}
export type FlagKind = 'string' | 'boolean' | 'integer' | 'number' | 'duration' | 'bytes' | 'list';
export interface Flag<T> extends FlagOptions {
  readonly kind: FlagKind;
  readonly required: boolean;
  readonly default: T;
}
type WithDefault<T> = FlagOptions & { readonly default: T };
type Required_ = FlagOptions & { readonly required: true };
interface FlagMaker<T> {
  (options: WithDefault<T> | Required_): Flag<T>;
  (options: FlagOptions): Flag<T | undefined>;
}
/** Flag names without dashes, in the order of help: `{ 'config.file': flag.string({ … }) }`. */
export type FlagSpec = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<S extends FlagSpec> = { readonly [K in keyof S]: S[K] extends Flag<infer T> ? T : never };
export interface ParseFlagsOptions {
  /** `prometheus`: `--a.b=v`, `--a.b v`, `--no-a.b`. `mesos`: `--a_b=v`, `--[no-]a_b`, environment `MESOS_A_B`, values `file:///path`. */
  readonly style: 'prometheus' | 'mesos';
  readonly env?: Readonly<Record<string, string | undefined>>;
}
export type ParsedFlags<S extends FlagSpec> =
  | { readonly kind: 'values'; readonly values: FlagValues<S> }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' };
export declare const flag: {
  readonly string: FlagMaker<string>;
  readonly boolean: FlagMaker<boolean>;
  readonly integer: FlagMaker<number>;
  readonly number: FlagMaker<number>;
  /** Milliseconds. */
  readonly duration: FlagMaker<number>;
  readonly bytes: FlagMaker<number>;
  /** May be repeated; default []. */
  readonly list: (options: FlagOptions & { readonly default?: readonly string[]; readonly required?: true }) => Flag<readonly string[]>;
};
export declare function parseFlags<const S extends FlagSpec>(
  program: string,
  spec: S,
  argv: readonly string[],
  options: ParseFlagsOptions,
): ParsedFlags<S>;
