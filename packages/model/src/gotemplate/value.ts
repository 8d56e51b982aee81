/**
 * How JavaScript values look to a template, which thinks in Go's types.
 *
 * | JavaScript | Go |
 * | --- | --- |
 * | `string`, `boolean` | string, bool |
 * | `number` | float64, always |
 * | `bigint` | int |
 * | `undefined`, `null` | nil |
 * | array | `[]interface {}` |
 * | `Map` with string keys | `map[string]interface {}` |
 * | plain object | struct: own properties whose names begin with a capital are its fields |
 * | `Typed` | a named type around one of these, with methods |
 * | `GoFunction` | func |
 *
 * Nothing else of an object can be seen: no prototype, no inherited or lower-case property. A template is user input.
 */

/** What a function takes; a last one with `...` may come any number of times. */
export type ParameterKind = 'string' | 'int' | 'float' | 'bool' | 'strings' | 'any';
export type Parameter = ParameterKind | `...${ParameterKind}` | GoType;

type KindValue<K> = K extends 'string'
  ? string
  : K extends 'int' | 'float'
    ? number
    : K extends 'bool'
      ? boolean
      : K extends 'strings'
        ? readonly string[]
        : K extends GoType
          ? Typed
          : unknown;
export type Arguments<P extends readonly Parameter[]> = P extends readonly [infer First, ...infer Rest extends readonly Parameter[]]
  ? First extends `...${infer K}`
    ? KindValue<K>[]
    : [KindValue<First>, ...Arguments<Rest>]
  : [];

/** A function or method that templates can call. */
export class GoFunction {
  readonly parameters: readonly Parameter[];
  readonly #call: (...args: unknown[]) => unknown;

  constructor(parameters: readonly Parameter[], call: (...args: unknown[]) => unknown) {
    this.parameters = parameters;
    this.#call = call;
  }

  call(args: readonly unknown[]): unknown {
    return this.#call(...args);
  }
}

/** `call` receives checked arguments; what it throws becomes `error calling NAME: message`. Return bigint for Go's int. */
export function goFunction<const P extends readonly Parameter[]>(parameters: P, call: (...args: Arguments<P>) => unknown): GoFunction {
  // The arguments were checked against `parameters` by the caller in execute.ts.
  return new GoFunction(parameters, call as unknown as (...args: unknown[]) => unknown);
}

interface Method {
  readonly parameters: readonly Parameter[];
  readonly call: (self: Typed, ...args: unknown[]) => unknown;
}

/** As goFunction, for a GoType's table; `self` comes first. */
export function goMethod<const P extends readonly Parameter[]>(
  parameters: P,
  call: (self: Typed, ...args: Arguments<P>) => unknown,
): Method {
  return { parameters, call: call as unknown as Method['call'] };
}

export interface GoType {
  /** `template.KV` */
  readonly name: string;
  readonly methods?: Readonly<Record<string, Method>>;
  /** For a map: what a missing key gives (`''` for a map of strings). */
  readonly zero?: unknown;
  /** The text when it is printed; default that of the base. */
  readonly text?: (self: Typed) => string;
  /** What stands for it in JSON; default its base. */
  readonly json?: (self: Typed) => unknown;
  /** Names of a struct's fields in JSON, where they differ. */
  readonly jsonNames?: Readonly<Record<string, string>>;
}

/** A value of a named type. */
export class Typed {
  readonly type: GoType;
  /** A scalar, array, Map or plain object. */
  readonly base: unknown;

  constructor(type: GoType, base: unknown) {
    this.type = type;
    this.base = base;
  }

  method(name: string): GoFunction | undefined {
    const { methods } = this.type;
    if (methods === undefined || !Object.hasOwn(methods, name)) return undefined;
    const method = methods[name] as Method;
    return new GoFunction(method.parameters, (...args) => method.call(this, ...args));
  }
}

const stringMapType: GoType = { name: 'map[string]string', zero: '' };
const stringListType: GoType = { name: '[]string' };

/** A `map[string]string`: a missing key reads as empty. */
export function stringMap(entries: Iterable<readonly [string, string]>): Typed {
  return new Typed(stringMapType, new Map(entries));
}

/** A `[]string`. */
export function stringList(items: readonly string[]): Typed {
  return new Typed(stringListType, items);
}

export type Kind = 'nil' | 'bool' | 'int' | 'float' | 'string' | 'list' | 'map' | 'struct' | 'func';

export function baseOf(value: unknown): unknown {
  return value instanceof Typed ? value.base : value;
}

export function kindOf(value: unknown): Kind {
  const base = baseOf(value);
  switch (typeof base) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float';
    case 'string':
      return 'string';
    case 'undefined':
    case 'symbol':
      return 'nil';
    case 'function':
      return 'func';
    case 'object':
  }
  if (base === null) return 'nil';
  if (Array.isArray(base)) return 'list';
  if (base instanceof Map) return 'map';
  return base instanceof GoFunction ? 'func' : 'struct';
}

/** As Go's reflection would print the type. */
export function typeName(value: unknown): string {
  if (value instanceof Typed) return value.type.name;
  switch (kindOf(value)) {
    case 'nil':
      return '<nil>';
    case 'bool':
      return 'bool';
    case 'int':
      return 'int';
    case 'float':
      return 'float64';
    case 'string':
      return 'string';
    case 'list':
      return '[]interface {}';
    case 'map':
      return 'map[string]interface {}';
    case 'struct':
      return 'struct';
    case 'func':
      return value instanceof GoFunction
        ? `func(${value.parameters.map((p) => (typeof p === 'string' ? p : p.name)).join(', ')})`
        : 'func()';
  }
}

/** Not the zero value; for containers, not empty; a struct always. */
export function isTrue(value: unknown): boolean {
  const base = baseOf(value);
  switch (kindOf(base)) {
    case 'nil':
      return false;
    case 'bool':
      return base as boolean;
    case 'int':
      return base !== 0n;
    case 'float':
      return base !== 0;
    case 'string':
      return base !== '';
    case 'list':
      return (base as readonly unknown[]).length > 0;
    case 'map':
      return (base as ReadonlyMap<string, unknown>).size > 0;
    case 'struct':
    case 'func':
      return true;
  }
}

/** Fields of a struct, in order: its own properties with a capital first letter. */
export function fieldsOf(struct: object): [string, unknown][] {
  return Object.entries(struct).filter(([name]) => isExported(name));
}

export function isExported(name: string): boolean {
  return /^\p{Lu}/u.test(name);
}
