/**
 * What a template parses into. `describe` prints a node back as source: error messages quote the failing piece, as
 * `<.Alerts.Firing>` (Go text/template/parse, node.go).
 */
export type Node = TextNode | ActionNode | BranchNode | TemplateCallNode | JumpNode;

export interface ListNode {
  readonly nodes: readonly Node[];
}

export interface TextNode {
  readonly kind: 'text';
  readonly position: number;
  readonly text: string;
}

export interface ActionNode {
  readonly kind: 'action';
  readonly position: number;
  readonly pipe: PipeNode;
}

export interface BranchNode {
  readonly kind: 'if' | 'range' | 'with';
  readonly position: number;
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly elseList: ListNode | undefined;
}

export interface TemplateCallNode {
  readonly kind: 'template';
  readonly position: number;
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

export interface JumpNode {
  readonly kind: 'break' | 'continue';
  readonly position: number;
}

export interface PipeNode {
  readonly kind: 'pipe';
  readonly position: number;
  readonly isAssign: boolean;
  readonly variables: readonly VariableNode[];
  readonly commands: readonly CommandNode[];
}

export interface CommandNode {
  readonly kind: 'command';
  readonly position: number;
  readonly args: readonly Operand[];
}

export type Operand =
  | PipeNode
  | VariableNode
  | FieldNode
  | ChainNode
  | IdentifierNode
  | NumberNode
  | { readonly kind: 'dot'; readonly position: number }
  | { readonly kind: 'nil'; readonly position: number }
  | { readonly kind: 'bool'; readonly position: number; readonly value: boolean }
  | { readonly kind: 'string'; readonly position: number; readonly quoted: string; readonly text: string };

/** `$x.Field.More`; the first name has its dollar. */
export interface VariableNode {
  readonly kind: 'variable';
  readonly position: number;
  readonly names: readonly string[];
}

/** `.Field.More` */
export interface FieldNode {
  readonly kind: 'field';
  readonly position: number;
  readonly names: readonly string[];
}

/** `(pipeline).Field.More` */
export interface ChainNode {
  readonly kind: 'chain';
  readonly position: number;
  readonly operand: Operand;
  readonly names: readonly string[];
}

/** A function's name. */
export interface IdentifierNode {
  readonly kind: 'identifier';
  readonly position: number;
  readonly name: string;
}

/** A constant without type: whole when it has an integer value, and a float in any case. */
export interface NumberNode {
  readonly kind: 'number';
  readonly position: number;
  readonly text: string;
  readonly whole: bigint | undefined;
  readonly float: number;
  /** Written with point or exponent: as a value of its own it is a float64. */
  readonly looksFloat: boolean;
}

export function describe(node: Node | PipeNode | CommandNode | Operand): string {
  switch (node.kind) {
    case 'text':
      return JSON.stringify(node.text);
    case 'action':
      return `{{${describe(node.pipe)}}}`;
    case 'if':
    case 'range':
    case 'with': {
      const otherwise = node.elseList === undefined ? '' : `{{else}}${describeList(node.elseList)}`;
      return `{{${node.kind} ${describe(node.pipe)}}}${describeList(node.list)}${otherwise}{{end}}`;
    }
    case 'template':
      return `{{template ${JSON.stringify(node.name)}${node.pipe === undefined ? '' : ` ${describe(node.pipe)}`}}}`;
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`;
    case 'pipe': {
      const variables = node.variables.map(describe).join(', ');
      const declare = node.isAssign ? ' = ' : ' := ';
      return `${variables === '' ? '' : variables + declare}${node.commands.map(describe).join(' | ')}`;
    }
    case 'command':
      return node.args.map((arg) => (arg.kind === 'pipe' ? `(${describe(arg)})` : describe(arg))).join(' ');
    case 'variable':
      return node.names.join('.');
    case 'field':
      return node.names.map((name) => `.${name}`).join('');
    case 'chain': {
      const operand = node.operand.kind === 'pipe' ? `(${describe(node.operand)})` : describe(node.operand);
      return operand + node.names.map((name) => `.${name}`).join('');
    }
    case 'identifier':
      return node.name;
    case 'number':
      return node.text;
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(node.value);
    case 'string':
      return node.quoted;
  }
}

function describeList(list: ListNode): string {
  return list.nodes.map(describe).join('');
}
