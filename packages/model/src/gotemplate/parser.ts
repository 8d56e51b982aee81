/**
 * Parses one template text into its main tree and the trees it defines (Go text/template/parse, parse.go).
 */
import { quoteGo } from '../quote.ts';
import { TemplateParseError } from './error.ts';
import { parseNumber, unquoteGo } from './literal.ts';
import {
  type BranchNode,
  type CommandNode,
  describe,
  type FieldNode,
  type ListNode,
  type Node,
  type Operand,
  type PipeNode,
  type TemplateCallNode,
  type VariableNode,
} from './node.ts';
import { describeToken, type Token, tokenize } from './token.ts';

/** A template's body, with the text that its positions refer to. */
export interface Tree {
  readonly name: string;
  /** The name given to `parse`: messages speak of the file, not of the definition in it. */
  readonly parseName: string;
  readonly text: string;
  readonly root: ListNode;
}

type Ended = { readonly kind: 'end' } | { readonly kind: 'else' };

/** Deeper nesting of blocks and parentheses than this is refused, not a stack overflow. */
const maxDepth = 500;

/** The trees of `text` by name: the main one under `name`, and one per define or block. */
export function parseTrees(name: string, text: string, hasFunction: (name: string) => boolean): Map<string, Tree> {
  return new Parser(name, text, hasFunction).parse();
}

/** Nothing but white space: such a body never replaces another. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.kind === 'text' && node.text.trim() === '');
}

class Parser {
  readonly #name: string;
  readonly #text: string;
  readonly #hasFunction: (name: string) => boolean;
  readonly #tokens: Token[];
  readonly #trees = new Map<string, Tree>();
  #at = 0;
  #seen = 0;
  #depth = 0;
  #rangeDepth = 0;
  #actionLine = 0;
  #variables = ['$'];

  constructor(name: string, text: string, hasFunction: (name: string) => boolean) {
    this.#name = name;
    this.#text = text;
    this.#hasFunction = hasFunction;
    this.#tokens = tokenize(text);
  }

  parse(): Map<string, Tree> {
    const nodes: Node[] = [];
    while (this.#peek().kind !== 'eof') {
      if (this.#definition()) continue;
      const node = this.#textOrAction();
      if (node.kind === 'end' || node.kind === 'else') throw this.#error(`unexpected {{${node.kind}}}`);
      nodes.push(node);
    }
    this.#add(this.#name, { nodes });
    return this.#trees;
  }

  // Tokens

  #peek(): Token {
    this.#seen = Math.max(this.#seen, this.#at);
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)] as Token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #peekWord(): Token {
    while (this.#peek().kind === 'space') this.#at++;
    return this.#peek();
  }

  #nextWord(): Token {
    this.#peekWord();
    return this.#next();
  }

  #error(message: string): TemplateParseError {
    const { line } = this.#tokens[Math.min(this.#seen, this.#tokens.length - 1)] as Token;
    return new TemplateParseError(`template: ${this.#name}:${line}: ${message}`);
  }

  #unexpected(token: Token, context: string): TemplateParseError {
    if (token.kind !== 'error') return this.#error(`unexpected ${describeToken(token)} in ${context}`);
    let extra = '';
    if (this.#actionLine !== 0 && this.#actionLine !== token.line) {
      const action = token.text.endsWith(' action') ? '' : ' in action';
      extra = `${action} started at ${this.#name}:${this.#actionLine}`;
    }
    return this.#error(token.text + extra);
  }

  #expect(kind: Token['kind'], context: string): Token {
    const token = this.#nextWord();
    if (token.kind !== kind) throw this.#unexpected(token, context);
    return token;
  }

  // Bodies

  #add(name: string, root: ListNode): void {
    const old = this.#trees.get(name);
    if (old !== undefined && !isEmptyTree(old.root)) {
      if (isEmptyTree(root)) return;
      throw this.#error(`template: multiple definition of template ${quoteGo(name)}`);
    }
    this.#trees.set(name, { name, parseName: this.#name, text: this.#text, root });
  }

  /** `{{define "name"}}…{{end}}`, which stands at the top level only. */
  #definition(): boolean {
    const start = this.#at;
    if (this.#peek().kind !== 'leftDelimiter') return false;
    this.#at++;
    const word = this.#nextWord();
    if (word.kind !== 'keyword' || word.text !== 'define') {
      this.#at = start;
      return false;
    }
    const name = this.#templateName('define clause');
    this.#expect('rightDelimiter', 'define clause');
    this.#add(name, this.#bodyOf('define clause'));
    return true;
  }

  /** A body with a variable scope of its own, up to its end. */
  #bodyOf(context: string): ListNode {
    const variables = this.#variables;
    const rangeDepth = this.#rangeDepth;
    this.#variables = ['$'];
    this.#rangeDepth = 0;
    const { list, ended } = this.#itemList();
    if (ended.kind !== 'end') throw this.#error(`unexpected {{else}} in ${context}`);
    this.#variables = variables;
    this.#rangeDepth = rangeDepth;
    return list;
  }

  #itemList(): { list: ListNode; ended: Ended } {
    if (++this.#depth > maxDepth) throw this.#error(`nested deeper than ${maxDepth} levels`);
    const nodes: Node[] = [];
    while (this.#peekWord().kind !== 'eof') {
      const node = this.#textOrAction();
      if (node.kind === 'end' || node.kind === 'else') {
        this.#depth--;
        return { list: { nodes }, ended: node };
      }
      nodes.push(node);
    }
    throw this.#error('unexpected EOF');
  }

  #textOrAction(): Node | Ended {
    const token = this.#nextWord();
    if (token.kind === 'text') return { kind: 'text', position: token.position, text: token.text };
    if (token.kind !== 'leftDelimiter') throw this.#unexpected(token, 'input');
    this.#actionLine = token.line;
    const node = this.#action();
    this.#actionLine = 0;
    return node;
  }

  #action(): Node | Ended {
    const token = this.#nextWord();
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'block':
          return this.#block();
        case 'break':
        case 'continue':
          return this.#jump(token, token.text);
        case 'else': {
          const next = this.#peekWord();
          if (next.kind !== 'keyword' || (next.text !== 'if' && next.text !== 'with')) this.#expect('rightDelimiter', 'else');
          return { kind: 'else' };
        }
        case 'end':
          this.#expect('rightDelimiter', 'end');
          return { kind: 'end' };
        case 'if':
        case 'range':
        case 'with':
          return this.#branch(token.text);
        case 'template':
          return this.#templateCall();
        default:
      }
    }
    this.#at--;
    const first = this.#peek();
    return { kind: 'action', position: first.position, pipe: this.#pipeline('command', 'rightDelimiter') };
  }

  #jump(token: Token, kind: 'break' | 'continue'): Node {
    const next = this.#nextWord();
    if (next.kind !== 'rightDelimiter') throw this.#unexpected(next, `{{${kind}}}`);
    if (this.#rangeDepth === 0) throw this.#error(`{{${kind}}} outside {{range}}`);
    return { kind, position: token.position };
  }

  #branch(kind: BranchNode['kind']): BranchNode {
    const scope = this.#variables.length;
    const pipe = this.#pipeline(kind, 'rightDelimiter');
    if (kind === 'range') this.#rangeDepth++;
    const { list, ended } = this.#itemList();
    if (kind === 'range') this.#rangeDepth--;
    let elseList: ListNode | undefined;
    if (ended.kind === 'else') {
      const next = this.#peek();
      // "else if" and "else with" are a branch inside the else, closed by the same end.
      if (next.kind === 'keyword' && next.text === kind && (kind === 'if' || kind === 'with')) {
        this.#at++;
        if (++this.#depth > maxDepth) throw this.#error(`nested deeper than ${maxDepth} levels`);
        elseList = { nodes: [this.#branch(kind)] };
        this.#depth--;
      } else {
        const otherwise = this.#itemList();
        if (otherwise.ended.kind !== 'end') throw this.#error('expected end; found {{else}}');
        elseList = otherwise.list;
      }
    }
    this.#variables.length = scope;
    return { kind, position: pipe.position, pipe, list, elseList };
  }

  #block(): TemplateCallNode {
    const { position } = this.#peekWord();
    const name = this.#templateName('block clause');
    const pipe = this.#pipeline('block clause', 'rightDelimiter');
    this.#add(name, this.#bodyOf('block clause'));
    return { kind: 'template', position, name, pipe };
  }

  #templateCall(): TemplateCallNode {
    const { position } = this.#peekWord();
    const name = this.#templateName('template clause');
    let pipe: PipeNode | undefined;
    if (this.#peekWord().kind === 'rightDelimiter') this.#at++;
    else pipe = this.#pipeline('template clause', 'rightDelimiter');
    return { kind: 'template', position, name, pipe };
  }

  #templateName(context: string): string {
    const token = this.#nextWord();
    if (token.kind !== 'string' && token.kind !== 'rawString') throw this.#unexpected(token, context);
    return this.#unquote(token);
  }

  #unquote(token: Token): string {
    try {
      return unquoteGo(token.text);
    } catch {
      throw this.#error('invalid syntax');
    }
  }

  // Pipelines

  #pipeline(context: string, end: Token['kind']): PipeNode {
    if (++this.#depth > maxDepth) throw this.#error(`nested deeper than ${maxDepth} levels`);
    const { position } = this.#peekWord();
    const { variables, isAssign } = this.#declarations(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#peekWord();
      if (token.kind === end) {
        this.#at++;
        break;
      }
      if (!startsOperand.has(token.kind)) {
        this.#at++;
        throw this.#unexpected(token, context);
      }
      commands.push(this.#command());
    }
    this.#depth--;
    if (commands.length === 0) throw this.#error(`missing value for ${context}`);
    commands.forEach((command, i) => {
      if (i > 0 && ['bool', 'dot', 'nil', 'number', 'string'].includes((command.args[0] as Operand).kind))
        throw this.#error(`non executable command in pipeline stage ${i + 1}`);
    });
    return { kind: 'pipe', position, isAssign, variables, commands };
  }

  /** `$x :=`, `$x =`, and in a range `$i, $x :=`. */
  #declarations(context: string): { variables: VariableNode[]; isAssign: boolean } {
    const variables: VariableNode[] = [];
    for (;;) {
      const token = this.#peekWord();
      if (token.kind !== 'variable') return { variables, isAssign: false };
      const back = this.#at;
      this.#at++;
      const next = this.#peekWord();
      const isComma = next.kind === 'char' && next.text === ',';
      if (next.kind !== 'assign' && next.kind !== 'declare' && !isComma) {
        this.#at = back;
        return { variables, isAssign: false };
      }
      this.#at++;
      variables.push({ kind: 'variable', position: token.position, names: [token.text] });
      this.#variables.push(token.text);
      if (!isComma) return { variables, isAssign: next.kind === 'assign' };
      if (context !== 'range' || variables.length >= 2) throw this.#error(`too many declarations in ${context}`);
      const after = this.#peekWord().kind;
      if (after !== 'variable' && after !== 'rightDelimiter' && after !== 'rightParen')
        throw this.#error('range can only initialize variables');
    }
  }

  #command(): CommandNode {
    const { position } = this.#peekWord();
    const args: Operand[] = [];
    for (;;) {
      this.#peekWord();
      const operand = this.#operand();
      if (operand !== undefined) args.push(operand);
      const token = this.#next();
      if (token.kind === 'space') continue;
      if (token.kind === 'rightDelimiter' || token.kind === 'rightParen') this.#at--;
      else if (token.kind !== 'pipe') throw this.#unexpected(token, 'operand');
      break;
    }
    if (args.length === 0) throw this.#error('empty command');
    return { kind: 'command', position, args };
  }

  #operand(): Operand | undefined {
    const node = this.#term();
    if (node === undefined || this.#peek().kind !== 'field') return node;
    const { position } = this.#peek();
    const names: string[] = [];
    while (this.#peek().kind === 'field') names.push(this.#next().text.slice(1));
    switch (node.kind) {
      case 'field':
        return { kind: 'field', position, names: [...node.names, ...names] };
      case 'variable':
        return { kind: 'variable', position, names: [...node.names, ...names] };
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        throw this.#error(`unexpected . after term ${quoteGo(describe(node))}`);
      case 'pipe':
      case 'chain':
      case 'identifier':
        return { kind: 'chain', position, operand: node, names };
    }
  }

  #term(): Operand | undefined {
    const token = this.#nextWord();
    const { position, text } = token;
    const kind: string = token.kind;
    switch (kind) {
      case 'identifier':
        if (!this.#hasFunction(text)) throw this.#error(`function ${quoteGo(text)} not defined`);
        return { kind: 'identifier', position, name: text };
      case 'dot':
        return { kind: 'dot', position };
      case 'nil':
        return { kind: 'nil', position };
      case 'variable':
        if (!this.#variables.includes(text)) throw this.#error(`undefined variable ${quoteGo(text)}`);
        return { kind: 'variable', position, names: [text] };
      case 'field':
        return { kind: 'field', position, names: [text.slice(1)] } satisfies FieldNode;
      case 'bool':
        return { kind: 'bool', position, value: text === 'true' };
      case 'charConstant':
      case 'number':
        return this.#number(token);
      case 'leftParen':
        return this.#pipeline('parenthesized pipeline', 'rightParen');
      case 'string':
      case 'rawString':
        return { kind: 'string', position, quoted: text, text: this.#unquote(token) };
      default:
        this.#at--;
        return undefined;
    }
  }

  #number(token: Token): Operand {
    let number: Operand | undefined;
    try {
      number = parseNumber(token.text, token.position);
    } catch {
      number = undefined;
    }
    if (number !== undefined) return number;
    if (token.text === "''") throw this.#error('invalid syntax');
    if (token.kind === 'charConstant') throw this.#error(`malformed character constant: ${token.text}`);
    if (token.text.endsWith('i')) throw this.#error(`complex numbers are not supported: ${quoteGo(token.text)}`);
    throw this.#error(`illegal number syntax: ${quoteGo(token.text)}`);
  }
}

const startsOperand: ReadonlySet<Token['kind']> = new Set<Token['kind']>([
  'bool',
  'charConstant',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);
