/**
 * Runs a parsed template (Go text/template, exec.go). Everything is bounded: output, nesting of template calls, steps.
 */
import { compareBytes } from '../labels.ts';
import { quoteGo } from '../quote.ts';
import { builtins } from './builtin.ts';
import { placeOf, TemplateExecError } from './error.ts';
import {
  type BranchNode,
  type CommandNode,
  describe,
  type IdentifierNode,
  type ListNode,
  type Node,
  type NumberNode,
  type Operand,
  type PipeNode,
  type TemplateCallNode,
} from './node.ts';
import type { Tree } from './parser.ts';
import { display } from './print.ts';
import { baseOf, GoFunction, isExported, isTrue, type Kind, kindOf, type Parameter, type ParameterKind, Typed, typeName } from './value.ts';

/** What a missing map key gives: nothing (`<no value>`), the zero value of the map's type, or an error. */
export type MissingKey = 'default' | 'zero' | 'error';

export interface Limits {
  /** Characters of output. */
  readonly maxOutput: number;
  /** Template calls inside template calls. */
  readonly maxDepth: number;
  /** Nodes and commands run. */
  readonly maxSteps: number;
}

export interface Program {
  readonly trees: ReadonlyMap<string, Tree>;
  readonly functions: ReadonlyMap<string, GoFunction>;
  readonly missingKey: MissingKey;
  readonly limits: Limits;
}

/** Receives the output: plain for text, context-aware for HTML. */
export interface Sink {
  literal(text: string): void;
  value(value: unknown): void;
}

type Jump = 'break' | 'continue' | undefined;
type Place = Node | PipeNode | CommandNode | Operand;

/** No value was piped in (a nil may be). */
const nothing = Symbol('nothing');

export function execute(program: Program, name: string, data: unknown, sink: Sink): void {
  const tree = program.trees.get(name);
  if (tree === undefined) throw new TemplateExecError(`template: ${name}: ${quoteGo(name)} is an incomplete or empty template`);
  new Execution(program, sink).run(tree, data);
}

class Execution {
  readonly #program: Program;
  readonly #sink: Sink;
  #tree!: Tree;
  #place: Place | undefined;
  #variables: { name: string; value: unknown }[] = [];
  #depth = 0;
  #steps = 0;

  constructor(program: Program, sink: Sink) {
    this.#program = program;
    this.#sink = sink;
  }

  run(tree: Tree, dot: unknown): void {
    const before = { tree: this.#tree, variables: this.#variables };
    this.#tree = tree;
    this.#variables = [{ name: '$', value: dot }];
    this.#list(dot, tree.root);
    this.#tree = before.tree;
    this.#variables = before.variables;
  }

  #fail(message: string, cause?: unknown): TemplateExecError {
    const { parseName, name, text } = this.#tree;
    if (this.#place === undefined) return new TemplateExecError(`template: ${name}: ${message}`);
    const { line, column } = placeOf(text, this.#place.position);
    return new TemplateExecError(
      `template: ${parseName}:${line}:${column}: executing ${quoteGo(name)} at <${describe(this.#place)}>: ${message}`,
      cause === undefined ? undefined : { cause },
    );
  }

  #step(place: Place): void {
    this.#place = place;
    if (++this.#steps > this.#program.limits.maxSteps) throw this.#fail(`ran for more than ${this.#program.limits.maxSteps} steps`);
  }

  // Nodes

  #list(dot: unknown, list: ListNode): Jump {
    for (const node of list.nodes) {
      const jump = this.#node(dot, node);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  #node(dot: unknown, node: Node): Jump {
    this.#step(node);
    switch (node.kind) {
      case 'text':
        this.#write(() => this.#sink.literal(node.text));
        return undefined;
      case 'action': {
        const value = this.#pipe(dot, node.pipe);
        if (node.pipe.variables.length > 0) return undefined;
        this.#place = node;
        if (kindOf(value) === 'func') throw this.#fail(`can't print ${describe(node)} of type ${typeName(value)}`);
        this.#write(() => this.#sink.value(value));
        return undefined;
      }
      case 'if':
      case 'with':
        return this.#ifOrWith(dot, node);
      case 'range':
        return this.#range(dot, node);
      case 'template':
        this.#call(dot, node);
        return undefined;
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (error instanceof TemplateExecError || !(error instanceof Error)) throw error;
      throw this.#fail(error.message, error);
    }
  }

  #ifOrWith(dot: unknown, node: BranchNode): Jump {
    const scope = this.#variables.length;
    const value = this.#pipe(dot, node.pipe);
    let jump: Jump;
    if (isTrue(value)) jump = this.#list(node.kind === 'with' ? value : dot, node.list);
    else if (node.elseList !== undefined) jump = this.#list(dot, node.elseList);
    this.#variables.length = scope;
    return jump;
  }

  #range(dot: unknown, node: BranchNode): Jump {
    const scope = this.#variables.length;
    const value = this.#pipe(dot, node.pipe);
    const inner = this.#variables.length;
    let ran = false;
    let jump: Jump;
    for (const [key, item] of this.#items(value, node)) {
      ran = true;
      this.#step(node.pipe);
      this.#setRangeVariables(node.pipe, key, item);
      const ended = this.#list(item, node.list);
      this.#variables.length = inner;
      if (ended === 'break') break;
    }
    if (!ran && node.elseList !== undefined) jump = this.#list(dot, node.elseList);
    this.#variables.length = scope;
    return jump;
  }

  *#items(value: unknown, node: BranchNode): Iterable<[unknown, unknown]> {
    const base = baseOf(value);
    switch (kindOf(base)) {
      case 'nil':
        return;
      case 'int':
        if (node.pipe.variables.length > 1) throw this.#fail(`can't use ${base as bigint} to iterate over more than one variable`);
        for (let i = 0n; i < (base as bigint); i++) yield [i, i];
        return;
      case 'list': {
        const items = base as readonly unknown[];
        for (let i = 0; i < items.length; i++) yield [BigInt(i), items[i]];
        return;
      }
      case 'map': {
        const map = base as ReadonlyMap<string, unknown>;
        for (const key of [...map.keys()].sort(compareBytes)) yield [key, map.get(key)];
        return;
      }
      case 'string':
      case 'bool':
      case 'float':
      case 'struct':
      case 'func':
        this.#place = node.pipe;
        throw this.#fail(`range can't iterate over ${display(value)}`);
    }
  }

  #setRangeVariables(pipe: PipeNode, key: unknown, item: unknown): void {
    const [first, second] = pipe.variables.map((variable) => variable.names[0] as string);
    if (first === undefined) return;
    const values: [string, unknown][] =
      second === undefined
        ? [[first, item]]
        : [
            [first, key],
            [second, item],
          ];
    for (const [name, value] of values) {
      const holder = this.#variables.findLast((variable) => variable.name === name);
      if (holder !== undefined) holder.value = value;
    }
  }

  #call(dot: unknown, node: TemplateCallNode): void {
    const tree = this.#program.trees.get(node.name);
    if (tree === undefined) throw this.#fail(`template ${quoteGo(node.name)} not defined`);
    if (this.#depth >= this.#program.limits.maxDepth)
      throw this.#fail(`exceeded maximum template depth (${this.#program.limits.maxDepth})`);
    const inner = node.pipe === undefined ? undefined : this.#pipe(dot, node.pipe);
    this.#depth++;
    this.run(tree, inner);
    this.#depth--;
  }

  // Pipelines

  #pipe(dot: unknown, pipe: PipeNode): unknown {
    this.#step(pipe);
    let value: unknown = nothing;
    for (const command of pipe.commands) value = this.#command(dot, command, value);
    for (const variable of pipe.variables) {
      const name = variable.names[0] as string;
      if (!pipe.isAssign) {
        this.#variables.push({ name, value });
        continue;
      }
      const holder = this.#variables.findLast((known) => known.name === name);
      if (holder === undefined) throw this.#fail(`undefined variable: ${name}`);
      holder.value = value;
    }
    return value;
  }

  #command(dot: unknown, command: CommandNode, final: unknown): unknown {
    const first = command.args[0] as Operand;
    switch (first.kind) {
      case 'field':
        this.#step(first);
        return this.#chain(dot, dot, first, first.names, command.args, final);
      case 'chain':
        this.#step(first);
        return this.#chainNode(dot, first, command.args, final);
      case 'identifier':
        return this.#function(dot, first, command, command.args, final);
      case 'pipe':
        this.#notFunction(command.args, final);
        return this.#pipe(dot, first);
      case 'variable':
        return this.#variable(dot, first, command.args, final);
      case 'bool':
      case 'dot':
      case 'nil':
      case 'number':
      case 'string':
    }
    this.#step(first);
    this.#notFunction(command.args, final);
    switch (first.kind) {
      case 'bool':
        return first.value;
      case 'dot':
        return dot;
      case 'nil':
        throw this.#fail('nil is not a command');
      case 'number':
        return this.#constant(first);
      case 'string':
        return first.text;
    }
  }

  #notFunction(args: readonly Operand[], final: unknown): void {
    if (args.length > 1 || final !== nothing) {
      this.#place = args[0];
      throw this.#fail(`can't give argument to non-function ${describe(args[0] as Operand)}`);
    }
  }

  #constant(node: NumberNode): unknown {
    if (node.looksFloat) return node.float;
    if (node.whole === undefined || node.whole >= 1n << 63n) {
      this.#place = node;
      throw this.#fail(`${node.text} overflows int`);
    }
    return node.whole;
  }

  #variable(dot: unknown, node: Operand & { kind: 'variable' }, args: readonly Operand[], final: unknown): unknown {
    this.#step(node);
    const name = node.names[0] as string;
    const holder = this.#variables.findLast((variable) => variable.name === name);
    if (holder === undefined) throw this.#fail(`undefined variable: ${name}`);
    if (node.names.length === 1) {
      this.#notFunction(args, final);
      return holder.value;
    }
    return this.#chain(dot, holder.value, node, node.names.slice(1), args, final);
  }

  #chainNode(dot: unknown, node: Operand & { kind: 'chain' }, args: readonly Operand[], final: unknown): unknown {
    if (node.operand.kind === 'nil') throw this.#fail(`indirection through explicit nil in ${describe(node)}`);
    const start = this.#argument(dot, node.operand, 'any');
    return this.#chain(dot, start, node, node.names, args, final);
  }

  #chain(dot: unknown, start: unknown, node: Operand, names: readonly string[], args: readonly Operand[], final: unknown): unknown {
    let value = start;
    const last = names.length - 1;
    for (let i = 0; i < last; i++) value = this.#field(dot, names[i] as string, node, [], nothing, value);
    return this.#field(dot, names[last] as string, node, args, final, value);
  }

  /** `receiver.name`, called with the arguments when it is a method. */
  #field(dot: unknown, name: string, node: Operand, args: readonly Operand[], final: unknown, receiver: unknown): unknown {
    const { missingKey } = this.#program;
    if (receiver === undefined) {
      if (missingKey === 'error') throw this.#fail(`nil data; no entry for key ${quoteGo(name)}`);
      return undefined;
    }
    if (receiver === null) throw this.#fail(`nil pointer evaluating interface {}.${name}`);
    const method = receiver instanceof Typed ? receiver.method(name) : undefined;
    if (method !== undefined) return this.#invoke(dot, method, name, node, args, final);
    const hasArguments = args.length > 1 || final !== nothing;
    const base = baseOf(receiver);
    if (base instanceof Map) {
      if (hasArguments) throw this.#fail(`${name} is not a method but has arguments`);
      if (base.has(name)) return base.get(name);
      if (missingKey === 'error') throw this.#fail(`map has no entry for key ${quoteGo(name)}`);
      if (missingKey !== 'zero') return undefined;
      return receiver instanceof Typed && receiver.type.zero !== undefined ? receiver.type.zero : null;
    }
    if (kindOf(base) === 'struct' && Object.hasOwn(base as object, name)) {
      if (!isExported(name)) throw this.#fail(`${name} is an unexported field of struct type ${typeName(receiver)}`);
      if (hasArguments) throw this.#fail(`${name} has arguments but cannot be invoked as function`);
      return (base as Record<string, unknown>)[name];
    }
    throw this.#fail(`can't evaluate field ${name} in type ${typeName(receiver)}`);
  }

  #function(dot: unknown, node: IdentifierNode, command: Place, args: readonly Operand[], final: unknown): unknown {
    this.#step(node);
    const { name } = node;
    const found = this.#program.functions.get(name);
    const builtin = builtins.get(name);
    const callee = found ?? builtin;
    if (callee === undefined) throw this.#fail(`${quoteGo(name)} is not a defined function`);
    if (callee === builtin && (name === 'and' || name === 'or')) return this.#shortCircuit(dot, name, command, args, final);
    if (callee === builtin && name === 'call') return this.#callBuiltin(dot, command, args, final);
    return this.#invoke(dot, callee, name, command, args, final);
  }

  /** `and` stops at the first false argument, `or` at the first true one. */
  #shortCircuit(dot: unknown, name: 'and' | 'or', node: Place, args: readonly Operand[], final: unknown): unknown {
    const count = args.length - 1 + (final === nothing ? 0 : 1);
    if (count < 1) throw this.#fail(`wrong number of args for ${name}: want at least 1 got 0`);
    let value: unknown;
    for (const arg of args.slice(1)) {
      value = this.#argument(dot, arg, 'any');
      if (isTrue(value) === (name === 'or')) return value;
    }
    this.#place = node;
    return final === nothing ? value : final;
  }

  #callBuiltin(dot: unknown, node: Place, args: readonly Operand[], final: unknown): unknown {
    const values = args.slice(1).map((arg) => this.#argument(dot, arg, 'any'));
    if (final !== nothing) values.push(final);
    this.#place = node;
    if (values.length === 0) throw this.#fail('wrong number of args for call: want at least 1 got 0');
    const [callee, ...rest] = values;
    const name = args[1] === undefined ? 'call' : describe(args[1]);
    if (kindOf(callee) === 'nil') throw this.#fail(`error calling call: call of nil`);
    if (!(callee instanceof GoFunction)) throw this.#fail(`error calling call: non-function ${name} of type ${typeName(callee)}`);
    const { length } = callee.parameters;
    if (isVariadic(callee) ? rest.length < length - 1 : rest.length !== length) {
      const want = isVariadic(callee) ? `at least ${length - 1}` : String(length);
      throw this.#fail(`error calling call: wrong number of args for ${name}: got ${rest.length} want ${want}`);
    }
    return this.#run(
      callee,
      'call',
      rest.map((value, i) => this.#convert(value, parameterAt(callee, i))),
    );
  }

  #checkCount(callee: GoFunction, name: string, got: number): void {
    const { parameters } = callee;
    if (isVariadic(callee)) {
      if (got < parameters.length - 1)
        throw this.#fail(`wrong number of args for ${name}: want at least ${parameters.length - 1} got ${got}`);
    } else if (got !== parameters.length) throw this.#fail(`wrong number of args for ${name}: want ${parameters.length} got ${got}`);
  }

  #invoke(dot: unknown, callee: GoFunction, name: string, node: Place, args: readonly Operand[], final: unknown): unknown {
    const given = args.slice(1);
    this.#checkCount(callee, name, given.length + (final === nothing ? 0 : 1));
    const values = given.map((arg, i) => this.#argument(dot, arg, parameterAt(callee, i)));
    this.#place = node;
    if (final !== nothing) values.push(this.#convert(final, parameterAt(callee, given.length)));
    return this.#run(callee, name, values);
  }

  #run(callee: GoFunction, name: string, values: readonly unknown[]): unknown {
    try {
      return callee.call(values);
    } catch (error) {
      // A promise or another signal of the caller's own passes through untouched.
      if (error instanceof TemplateExecError || !(error instanceof Error)) throw error;
      throw this.#fail(`error calling ${name}: ${error.message}`, error);
    }
  }

  // Arguments

  #argument(dot: unknown, node: Operand, parameter: Parameter): unknown {
    this.#step(node);
    const kind = typeof parameter === 'string' ? (parameter.replace('...', '') as ParameterKind) : parameter;
    switch (node.kind) {
      case 'dot':
        return this.#convert(dot, kind);
      case 'nil':
        if (kind !== 'any' && kind !== 'strings') throw this.#fail(`cannot assign nil to ${parameterName(kind)}`);
        return undefined;
      case 'field':
        return this.#converted(this.#chain(dot, dot, node, node.names, [node], nothing), kind, node);
      case 'variable':
        return this.#converted(this.#variable(dot, node, [node], nothing), kind, node);
      case 'pipe':
        return this.#converted(this.#pipe(dot, node), kind, node);
      case 'identifier':
        return this.#converted(this.#function(dot, node, node, [node], nothing), kind, node);
      case 'chain':
        return this.#converted(this.#chainNode(dot, node, [node], nothing), kind, node);
      case 'bool':
        if (kind === 'any' || kind === 'bool') return node.value;
        break;
      case 'string':
        if (kind === 'any' || kind === 'string') return node.text;
        break;
      case 'number':
        if (kind === 'any') return this.#constant(node);
        if (kind === 'float') return node.float;
        if (kind === 'int' && node.whole !== undefined) return Number(node.whole);
    }
    if (kind === 'string' || kind === 'bool' || kind === 'float') throw this.#fail(`expected ${kind}; found ${describe(node)}`);
    if (kind === 'int') throw this.#fail(`expected integer; found ${describe(node)}`);
    throw this.#fail(`can't handle ${describe(node)} for arg of type ${parameterName(kind)}`);
  }

  #converted(value: unknown, kind: ParameterKind | GoType, node: Operand): unknown {
    this.#place = node;
    return this.#convert(value, kind);
  }

  /** Checks a value against a parameter; Go converts nothing here, and neither do we. */
  #convert(value: unknown, parameter: Parameter): unknown {
    const kind = typeof parameter === 'string' ? (parameter.replace('...', '') as ParameterKind) : parameter;
    if (kind === 'any') return value;
    if (kind === 'strings') {
      if (kindOf(value) === 'nil') return [];
      const items = baseOf(value);
      if (Array.isArray(items) && value instanceof Typed && items.every((item) => typeof item === 'string')) return items;
    } else if (typeof kind === 'object') {
      if (value instanceof Typed && value.type === kind) return value;
    } else if (!(value instanceof Typed) && kindOf(value) === goKinds[kind]) {
      return kind === 'int' ? Number(value) : value;
    }
    if (value === undefined) throw this.#fail(`invalid value; expected ${parameterName(kind)}`);
    throw this.#fail(`wrong type for value; expected ${parameterName(kind)}; got ${value === null ? 'interface {}' : typeName(value)}`);
  }
}

type GoType = Exclude<Parameter, string>;

const goKinds: Readonly<Record<'string' | 'int' | 'float' | 'bool', Kind>> = { string: 'string', int: 'int', float: 'float', bool: 'bool' };

function parameterName(kind: ParameterKind | GoType): string {
  if (typeof kind === 'object') return kind.name;
  switch (kind) {
    case 'float':
      return 'float64';
    case 'strings':
      return '[]string';
    case 'any':
      return 'interface {}';
    case 'string':
    case 'int':
    case 'bool':
      return kind;
  }
}

function isVariadic(callee: GoFunction): boolean {
  const last = callee.parameters.at(-1);
  return typeof last === 'string' && last.startsWith('...');
}

function parameterAt(callee: GoFunction, i: number): Parameter {
  const { parameters } = callee;
  return (parameters[i] ?? parameters.at(-1) ?? 'any') as Parameter;
}
