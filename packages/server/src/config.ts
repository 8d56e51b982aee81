import { CodedError } from './errors.ts';
/** One fault of a configuration file. */
export interface ConfigFault {
  readonly line: number;
  readonly column: number;
  /** `scrape_configs[2].scrape_timeout`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}
/** Carries every fault of the file; the message lists them, one a line: `file:line:column: path: what; what to do`. */
export declare class ConfigError extends CodedError {
  readonly faults: readonly ConfigFault[];
  constructor(file: string, faults: readonly ConfigFault[]);
}
/** Reports a fault at a place below the value that is being checked: `report(['scrape_timeout'], 'is longer than …')`. */
export type Report = (path: readonly (string | number)[], message: string) => void;
declare const output: unique symbol;
export interface Schema<T> {
  readonly [output]?: T;
}
export type Field<T, P extends 'required' | 'optional' | 'default' = 'required' | 'optional' | 'default'> = {
  readonly presence: P;
  readonly schema: Schema<T>;
};
export type Fields = Readonly<Record<string, Field<unknown>>>;
type FieldValue<F> = F extends Field<infer T> ? T : never;
type Flatten<T> = { readonly [K in keyof T]: T[K] };
export type ObjectOf<F extends Fields> = Flatten<
  { [K in keyof F as F[K]['presence'] extends 'optional' ? never : K]: FieldValue<F[K]> } & {
    [K in keyof F as F[K]['presence'] extends 'optional' ? K : never]?: FieldValue<F[K]>;
  }
>;
export type SchemaValue<S> = S extends Schema<infer T> ? T : never;
export declare function required<T>(schema: Schema<T>): Field<T, 'required'>;
/** The key may be missing (or empty: `key:`), and then is missing in the result. */
export declare function optional<T>(schema: Schema<T>): Field<T, 'optional'>;
export declare function withDefault<T>(schema: Schema<T>, value: NoInfer<T>): Field<T, 'default'>;
export declare const schema: {
  /** Any scalar, by its text, as Go's decoders take it. */
  string(): Schema<string>;
  boolean(): Schema<boolean>;
  integer(options?: { min?: number; max?: number }): Schema<number>;
  number(options?: { min?: number; max?: number }): Schema<number>;
  /** Milliseconds, in Prometheus' grammar (`1h30m`). */
  duration(): Schema<number>;
  bytes(): Schema<number>;
  /** An absolute http or https URL, in the user's spelling. */
  url(): Schema<string>;
  oneOf<const V extends string>(values: readonly V[]): Schema<V>;
  list<T>(item: Schema<T>): Schema<readonly T[]>;
  map<T>(item: Schema<T>): Schema<Readonly<Record<string, T>>>;
  object<const F extends Fields>(fields: F): Schema<ObjectOf<F>>;
  nullable<T>(inner: Schema<T>): Schema<T | null>;
  /** The plain value of whatever stands there; `read` throws an Error whose message becomes the fault. */
  custom<T>(read: (value: unknown) => T): Schema<T>;
  /** Checks or changes what `inner` read; throw for a fault of the value itself, `report` for one below it. Not called when `inner` has faults. */
  refine<A, B>(inner: Schema<A>, check: (value: A, report: Report) => B): Schema<B>;
  /** For schemas that contain themselves. */
  lazy<T>(make: () => Schema<T>): Schema<T>;
};
export declare function readConfig<T>(text: string, file: string, s: Schema<T>): T;
