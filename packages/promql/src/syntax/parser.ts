/**
 * Long, because a grammar is read as a whole: one method a production, all over the same token and the same stack of contexts.
 * Recursive descent with precedence climbing (promql.md §2). The original is an LALR grammar with error productions; where a
 * fault of grammar is met, its message names the innermost construct that has such a production. `#contexts` is that stack.
 */
import { createMatcher, DurationError, isLegacyName, type Matcher, type MatchType, parseDuration, quoteGo } from '@pronoia/model';
import type {
  AggregateExpr,
  AggregateOp,
  AtModifier,
  BinaryExpr,
  BinaryOp,
  DurationBinary,
  DurationCall,
  DurationExpr,
  Expr,
  MatrixSelector,
  NumberLiteral,
  Span,
  SubqueryExpr,
  TimeModifiers,
  VectorMatching,
  VectorSelector,
  WindowMode,
} from './ast.ts';
import { typeOf } from './check.ts';
import { functionTable } from './function-table.ts';
import { Lexer } from './lexer.ts';
import type { ParseOptions } from './parse-options.ts';
import { isValidUtf8, unquote } from './quoted-string.ts';
import { SyntaxFault } from './syntax-error.ts';
import { describeToken, type Token } from './token.ts';

/**
 * Deeper nesting is refused. Everything that walks a tree is recursive; this leaves the stack of a server (984 KiB) half empty.
 * A chain `a or b or c …` counts one level per operator.
 */
const maxDepth = 500;

const precedence: ReadonlyMap<string, number> = new Map(
  [['or'], ['and', 'unless'], ['==', '!=', '<', '<=', '>', '>=', '</', '>/'], ['+', '-'], ['*', '/', '%', 'atan2'], ['^']].flatMap(
    (operators, level) => operators.map((operator): [string, number] => [operator, level + 1]),
  ),
);
const unaryLevel = 6;

const operatorsWithParam: ReadonlySet<string> = new Set(['topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio']);
const notMetricNames: ReadonlySet<string> = new Set(['bool', 'on', 'ignoring', 'group_left', 'group_right', 'atan2']);
const durationAlternatives = 'number, duration, step(), or range()';

interface Context {
  readonly where: string;
  readonly expected: string;
}

export class Parser {
  readonly #lexer: Lexer;
  readonly #options: ParseOptions;
  readonly #contexts: Context[] = [];
  readonly #depths = new Map<object, number>();
  #token: Token;
  /** End of the token that was last consumed. */
  #lastEnd = 0;
  #nesting = 0;

  constructor(text: string, options: ParseOptions) {
    this.#lexer = new Lexer(text);
    this.#options = options;
    this.#token = this.#lexer.next();
  }

  /** The whole text as one expression. */
  expression(): Expr {
    if (this.#token.kind === 'eof') throw new SyntaxFault('no expression found in input', { start: 0, end: 0 });
    const expr = this.#binary(1);
    this.#expectEnd();
    return expr;
  }

  /** The whole text as one selector without modifiers. */
  selector(): VectorSelector {
    if (!this.#is('{') && !this.#atMetricName()) throw this.#unexpected();
    const selector = this.#vectorSelector();
    this.#expectEnd();
    return selector;
  }

  // Operators

  #binary(minLevel: number): Expr {
    this.#nesting++;
    if (this.#nesting > maxDepth) throw this.#tooDeep(this.#token);
    let left = this.#unary();
    for (;;) {
      const op = this.#token.word;
      const level = this.#token.kind === 'operator' ? precedence.get(op) : undefined;
      if (level === undefined || level < minLevel) break;
      this.#advance();
      const modifiers = this.#binaryModifiers();
      const right = this.#binary(op === '^' ? level : level + 1);
      left = this.#newBinary(op as BinaryOp, modifiers, left, right);
    }
    this.#nesting--;
    return left;
  }

  #newBinary(op: BinaryOp, modifiers: BinaryModifiers, left: Expr, right: Expr): BinaryExpr {
    const { returnBool, matching } = modifiers;
    const bothVectors = typeOf(left) === 'vector' && typeOf(right) === 'vector';
    const isSet = op === 'and' || op === 'or' || op === 'unless';
    const cardinality = isSet && matching.cardinality === 'one-to-one' ? 'many-to-many' : matching.cardinality;
    // Between scalars an empty `on()` means nothing; a full one stays for the checker to complain about.
    const isFault = matching.labels.length > 0 || matching.fillLeft !== undefined || matching.fillRight !== undefined;
    const kept = bothVectors || isFault ? { matching: { ...matching, cardinality } } : {};
    const span = { start: left.span.start, end: right.span.end };
    return this.#grown({ kind: 'binary', op, left, right, returnBool, ...kept, span }, left, right);
  }

  #binaryModifiers(): BinaryModifiers {
    const returnBool = this.#take('bool');
    let on = false;
    let labels: readonly string[] = [];
    let include: readonly string[] = [];
    let cardinality: VectorMatching['cardinality'] = 'one-to-one';
    if (this.#isKeyword('on') || this.#isKeyword('ignoring')) {
      on = this.#token.word === 'on';
      this.#advance();
      labels = this.#groupingLabels();
      if (this.#isKeyword('group_left') || this.#isKeyword('group_right')) {
        cardinality = this.#token.word === 'group_left' ? 'many-to-one' : 'one-to-many';
        this.#advance();
        if (this.#is('(')) include = this.#groupingLabels();
      }
    }
    const fill: { fillLeft?: number; fillRight?: number } = {};
    if (this.#isFill()) {
      if (!this.#options.binopFillModifiers) {
        throw new SyntaxFault('binop fill modifiers are experimental and not enabled', spanOf(this.#token));
      }
      const word = this.#token.word;
      const value = this.#fillValue();
      if (word !== 'fill_right') fill.fillLeft = value;
      if (word !== 'fill_left') fill.fillRight = value;
      const other = word === 'fill_left' ? 'fill_right' : 'fill_left';
      if (word !== 'fill' && this.#isKeyword(other)) fill[other === 'fill_left' ? 'fillLeft' : 'fillRight'] = this.#fillValue();
    }
    return { returnBool, matching: { cardinality, on, labels, include, ...fill } };
  }

  #isFill(): boolean {
    return this.#isKeyword('fill') || this.#isKeyword('fill_left') || this.#isKeyword('fill_right');
  }

  #fillValue(): number {
    this.#advance();
    this.#expect('(');
    const sign = this.#sign();
    const literal = this.#numberLiteral();
    this.#expect(')');
    return sign === '-' ? -literal.value : literal.value;
  }

  #unary(): Expr {
    const sign = this.#token;
    if (sign.kind !== 'operator' || (sign.word !== '+' && sign.word !== '-')) return this.#postfix();
    this.#advance();
    const expr = this.#binary(unaryLevel);
    if (expr.kind === 'number') {
      return { ...expr, value: sign.word === '-' ? -expr.value : expr.value, span: { start: sign.start, end: expr.span.end } };
    }
    return this.#grown({ kind: 'unary', op: sign.word, expr, span: { start: sign.start, end: expr.span.end } }, expr);
  }

  // What may follow an operand: [..], offset, @, anchored, smoothed

  #postfix(): Expr {
    let expr = this.#primary();
    for (;;) {
      if (this.#is('[')) expr = this.#range(expr);
      else if (this.#isKeyword('offset')) expr = this.#offset(expr);
      else if (this.#isOperator('@')) expr = this.#at(expr);
      else if (this.#isKeyword('anchored') || this.#isKeyword('smoothed')) expr = this.#windowMode(expr);
      else return expr;
    }
  }

  #range(expr: Expr): MatrixSelector | SubqueryExpr {
    const open = this.#token;
    const outer = this.#contexts.length;
    this.#contexts.push({ where: 'subquery or range selector', expected: durationAlternatives });
    this.#advance();
    const range = positive(this.#durationExpr(1));
    this.#contexts[outer] = { where: 'subquery or range selector', expected: '":" or "]"' };
    if (this.#is(':')) {
      this.#contexts[outer] = { where: 'subquery selector', expected: `number, duration, step(), range(), or "]"` };
      this.#advance();
      let step: DurationExpr | undefined;
      if (!this.#is(']')) {
        step = positive(this.#durationExpr(1));
        this.#contexts[outer] = { where: 'subquery selector', expected: '"]"' };
      }
      this.#expect(']');
      this.#contexts.length = outer;
      const span = { start: expr.span.start, end: this.#lastEnd };
      return this.#grown({ kind: 'subquery', expr, range, ...(step === undefined ? {} : { step }), span }, expr);
    }
    this.#expect(']');
    this.#contexts.length = outer;
    const where = { start: open.start, end: this.#lastEnd };
    if (expr.kind !== 'selector') throw new SyntaxFault('ranges only allowed for vector selectors', where);
    if (expr.offset !== undefined) throw new SyntaxFault('no offset modifiers allowed before range', where);
    if (expr.at !== undefined) throw new SyntaxFault('no @ modifiers allowed before range', where);
    return this.#grown({ kind: 'matrix', selector: expr, range, span: { start: expr.span.start, end: this.#lastEnd } }, expr);
  }

  #offset(expr: Expr): Expr {
    const outer = this.#contexts.length;
    this.#contexts.push({ where: 'offset', expected: durationAlternatives });
    this.#advance();
    const offset = this.#offsetDuration();
    this.#contexts.length = outer;
    if (expr.kind !== 'selector' && expr.kind !== 'matrix' && expr.kind !== 'subquery') {
      const message = 'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery';
      throw new SyntaxFault(message, expr.span);
    }
    const target = expr.kind === 'matrix' ? expr.selector : expr;
    if (target.offset !== undefined) throw new SyntaxFault('offset may not be set multiple times', expr.span);
    return this.#modified(expr, offset.kind === 'number' && offset.value === 0 ? {} : { offset });
  }

  #at(expr: Expr): Expr {
    const outer = this.#contexts.length;
    this.#contexts.push({ where: '@', expected: 'timestamp' });
    this.#advance();
    let at: AtModifier;
    let seconds = 0;
    if (this.#token.kind === 'preprocessor' && (this.#token.word === 'start' || this.#token.word === 'end')) {
      at = { kind: this.#token.word };
      this.#advance();
      this.#expect('(');
      this.#expect(')');
    } else {
      const sign = this.#sign();
      const { value } = this.#numberLiteral();
      seconds = sign === '-' ? -value : value;
      at = { kind: 'time', tMs: roundAwayFromZero(seconds * 1000) };
    }
    this.#contexts.length = outer;
    if (!Number.isFinite(seconds) || Math.abs(seconds) >= 2 ** 63) {
      const shown = Number.isFinite(seconds) ? `${BigInt(seconds)}.000000` : Number.isNaN(seconds) ? 'NaN' : seconds > 0 ? '+Inf' : '-Inf';
      throw new SyntaxFault(`timestamp out of bounds for @ modifier: ${shown}`, expr.span);
    }
    if (expr.kind !== 'selector' && expr.kind !== 'matrix' && expr.kind !== 'subquery') {
      const message = '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery';
      throw new SyntaxFault(message, expr.span);
    }
    const target = expr.kind === 'matrix' ? expr.selector : expr;
    if (target.at !== undefined) throw new SyntaxFault('@ <timestamp> may not be set multiple times', expr.span);
    return this.#modified(expr, { at });
  }

  #windowMode(expr: Expr): Expr {
    const window = this.#token.word as 'anchored' | 'smoothed';
    this.#advance();
    if (!this.#options.extendedRangeSelectors) throw new SyntaxFault(`${window} modifier is experimental and not enabled`, expr.span);
    if (expr.kind === 'subquery') throw new SyntaxFault(`${window} modifier is not supported for subqueries`, expr.span);
    if (expr.kind !== 'matrix' && !(expr.kind === 'selector' && window === 'smoothed')) {
      throw new SyntaxFault(`${window} modifier not implemented`, expr.span);
    }
    const target = expr.kind === 'matrix' ? expr.selector : expr;
    if (target.window === window) throw new SyntaxFault(`${window} modifier may not be set multiple times`, expr.span);
    if (target.window !== 'plain') throw new SyntaxFault('anchored and smoothed modifiers cannot be used together', expr.span);
    return this.#modified(expr, { window });
  }

  /** A copy with the modifier, reaching to the token just consumed. */
  #modified(expr: VectorSelector | MatrixSelector | SubqueryExpr, change: TimeModifiers & { window?: WindowMode }): Expr {
    const span = { start: expr.span.start, end: this.#lastEnd };
    const copy =
      expr.kind === 'matrix'
        ? { ...expr, selector: { ...expr.selector, ...change }, span }
        : expr.kind === 'selector'
          ? { ...expr, ...change, span }
          : { ...expr, ...change, span };
    this.#depths.set(copy, this.#depths.get(expr) ?? 0);
    return copy;
  }

  // Operands

  #primary(): Expr {
    const token = this.#token;
    switch (token.kind) {
      case 'number':
      case 'duration':
        return this.#numberLiteral();
      case 'string':
        this.#advance();
        return { kind: 'string', value: unquote(token.text), span: spanOf(token) };
      case 'aggregator': {
        this.#advance();
        if (this.#is('(') || this.#isKeyword('by') || this.#isKeyword('without')) return this.#aggregate(token);
        return this.#vectorSelector(token);
      }
      case 'identifier':
      case 'preprocessor':
        this.#advance();
        return this.#is('(') ? this.#call(token) : this.#vectorSelector(token);
      case 'punctuation':
        if (token.word === '(') return this.#parenthesized();
        if (token.word === '{') return this.#vectorSelector();
        break;
      case 'eof':
      case 'keyword':
      case 'operator':
      case 'metricIdentifier':
        if (this.#atMetricName()) return this.#vectorSelector();
    }
    throw this.#unexpected();
  }

  #parenthesized(): Expr {
    const open = this.#token;
    this.#advance();
    const expr = this.#binary(1);
    this.#expect(')');
    return this.#grown({ kind: 'paren', expr, span: { start: open.start, end: this.#lastEnd } }, expr);
  }

  #call(name: Token): Expr {
    const args = this.#arguments();
    const func = name.kind === 'preprocessor' ? name.word : name.text;
    const signature = functionTable.get(func);
    if (signature === undefined) throw new SyntaxFault(`unknown function with name ${quoteGo(name.text)}`, spanOf(name));
    if (signature.experimental && !this.#options.experimentalFunctions) {
      throw new SyntaxFault(`function ${quoteGo(func)} is not enabled`, spanOf(name));
    }
    return this.#grown({ kind: 'call', func, args, span: { start: name.start, end: this.#lastEnd } }, ...args);
  }

  #arguments(): Expr[] {
    this.#expect('(');
    const args: Expr[] = [];
    if (!this.#is(')')) {
      for (;;) {
        args.push(this.#binary(1));
        if (!this.#is(',')) break;
        const comma = this.#token;
        this.#advance();
        if (this.#is(')')) throw new SyntaxFault('trailing commas not allowed in function call args', spanOf(comma));
      }
    }
    this.#expect(')');
    return args;
  }

  #aggregate(name: Token): AggregateExpr {
    const outer = this.#contexts.length;
    this.#contexts.push({ where: 'aggregation', expected: '' });
    let grouping: readonly string[] = [];
    let without = false;
    const readModifier = (): boolean => {
      if (!this.#isKeyword('by') && !this.#isKeyword('without')) return false;
      without = this.#token.word === 'without';
      this.#advance();
      grouping = this.#groupingLabels();
      return true;
    };
    const early = readModifier();
    const args = this.#arguments();
    if (!early) readModifier();
    this.#contexts.length = outer;

    const op = name.word as AggregateOp;
    const span = { start: name.start, end: this.#lastEnd };
    if (args.length === 0) throw new SyntaxFault('no arguments for aggregate expression provided', span);
    const takesParam = operatorsWithParam.has(op);
    if ((op === 'limitk' || op === 'limit_ratio') && !this.#options.experimentalFunctions) {
      const flag = '--enable-feature=promql-experimental-functions';
      throw new SyntaxFault(`${op}() is experimental and must be enabled with ${flag}`, span);
    }
    const wanted = takesParam ? 2 : 1;
    if (args.length !== wanted) {
      const message = `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`;
      throw new SyntaxFault(message, span);
    }
    const expr = args[wanted - 1] as Expr;
    return this.#grown(
      { kind: 'aggregate', op, expr, ...(takesParam ? { param: args[0] as Expr } : {}), grouping, without, span },
      ...args,
    );
  }

  #groupingLabels(): string[] {
    if (!this.#is('(')) throw this.#unexpected({ where: 'grouping opts', expected: '"("' });
    this.#advance();
    const labels: string[] = [];
    while (!this.#is(')')) {
      labels.push(this.#groupingLabel());
      if (this.#is(',')) this.#advance();
      else if (!this.#is(')')) throw this.#unexpected({ where: 'grouping opts', expected: '"," or ")"' });
    }
    this.#advance();
    return labels;
  }

  #groupingLabel(): string {
    const token = this.#token;
    const context = { where: 'grouping opts', expected: 'label' };
    if (token.kind === 'string') {
      const label = unquote(token.text);
      if (label === '' || !isValidUtf8(label)) throw new SyntaxFault(`invalid label name for grouping: ${quoteGo(label)}`, spanOf(token));
      this.#advance();
      return label;
    }
    const isWord = token.kind !== 'number' && token.kind !== 'eof' && token.kind !== 'metricIdentifier';
    if (!isWord || !isLegacyName(token.text)) throw this.#unexpected(context);
    this.#advance();
    return token.text;
  }

  // Selectors

  #atMetricName(): boolean {
    const { kind, word } = this.#token;
    if (kind === 'identifier' || kind === 'metricIdentifier' || kind === 'aggregator' || kind === 'preprocessor') return true;
    if (kind === 'keyword' || kind === 'operator') return isLegacyName(word) && !notMetricNames.has(word);
    return false;
  }

  /** `name` when its token has been consumed already. */
  #vectorSelector(name?: Token): VectorSelector {
    let nameToken = name;
    if (nameToken === undefined && this.#atMetricName()) {
      nameToken = this.#token;
      this.#advance();
    }
    const start = (nameToken ?? this.#token).start;
    const matchers = this.#is('{') ? this.#matchers() : [];
    const span = { start, end: this.#lastEnd };
    if (nameToken !== undefined) matchers.push(createMatcher('=', '__name__', nameToken.text));
    return { kind: 'selector', name: nameToken?.text ?? '', matchers, window: 'plain', span };
  }

  #matchers(): Matcher[] {
    const open = this.#token;
    this.#advance();
    const matchers: Matcher[] = [];
    let quotedName: string | undefined;
    while (!this.#is('}')) {
      const token = this.#token;
      if (token.kind !== 'identifier' && token.kind !== 'string') {
        throw this.#unexpected({ where: 'label matching', expected: 'identifier or "}"' });
      }
      this.#advance();
      const label = token.kind === 'string' ? unquote(token.text) : token.text;
      if (token.kind === 'string' && (this.#is(',') || this.#is('}'))) {
        if (quotedName !== undefined) {
          const message = `metric name must not be set twice: ${quoteGo(quotedName)} or ${quoteGo(label)}`;
          throw new SyntaxFault(message, { start: open.start, end: token.end });
        }
        quotedName = label;
        matchers.push(createMatcher('=', '__name__', label));
      } else {
        matchers.push(this.#matcher(token, label));
      }
      if (this.#is(',')) this.#advance();
      else if (!this.#is('}')) throw this.#unexpected({ where: 'label matching', expected: '"," or "}"' });
    }
    this.#advance();
    return matchers;
  }

  #matcher(name: Token, label: string): Matcher {
    const op = this.#token;
    const isMatchOp = op.word === '=' || op.word === '!=' || op.word === '=~' || op.word === '!~';
    if (!isMatchOp || op.kind === 'string') {
      // The grammar has no error production for a quoted name without its operator.
      const expected = name.kind === 'string' ? '"," or "}"' : 'label matching operator';
      throw this.#unexpected({ where: 'label matching', expected });
    }
    this.#advance();
    const value = this.#token;
    if (value.kind !== 'string') throw this.#unexpected({ where: 'label matching', expected: 'string' });
    this.#advance();
    try {
      return createMatcher(op.word as MatchType, label, unquote(value.text));
    } catch (cause) {
      throw new SyntaxFault((cause as Error).message, { start: name.start, end: value.end });
    }
  }

  // Numbers and durations

  #numberLiteral(): NumberLiteral {
    const token = this.#token;
    if (token.kind !== 'number' && token.kind !== 'duration') throw this.#unexpected();
    this.#advance();
    if (token.kind === 'number') return { kind: 'number', value: this.#number(token), isDuration: false, span: spanOf(token) };
    try {
      return { kind: 'number', value: parseDuration(token.text) / 1000, isDuration: true, span: spanOf(token) };
    } catch (cause) {
      if (cause instanceof DurationError) throw new SyntaxFault(cause.message, spanOf(token));
      throw cause;
    }
  }

  /** As a whole number in any of Go's bases first, so that `0755` is 493; else as a decimal fraction. */
  #number({ text, start, end }: Token): number {
    const plain = text.toLowerCase();
    if (plain === 'inf') return Number.POSITIVE_INFINITY;
    if (plain === 'nan') return Number.NaN;
    const digits = plain.replaceAll('_', '');
    if (/^0x[0-9a-f]+$/.test(digits)) return Number(BigInt(digits)) || Number(digits);
    if (/^0[0-7]+$/.test(digits)) return Number(`0o${digits.slice(1)}`);
    const value = /^[0-9]*\.?[0-9]*(e[+-]?[0-9]+)?$/.test(digits) ? Number(digits) : Number.NaN;
    if (Number.isNaN(value)) {
      throw new SyntaxFault(`error parsing number: strconv.ParseFloat: parsing ${quoteGo(text)}: invalid syntax`, { start, end });
    }
    return value;
  }

  #sign(): '+' | '-' | undefined {
    const { kind, word } = this.#token;
    if (kind !== 'operator' || (word !== '+' && word !== '-')) return undefined;
    this.#advance();
    return word;
  }

  /** One literal or call, perhaps signed, or anything in parentheses. */
  #offsetDuration(): DurationExpr {
    const signToken = this.#token;
    const sign = this.#sign();
    if (sign !== undefined && this.#is('(')) return this.#signed(sign, signToken, this.#durationAtom());
    const atom = this.#durationAtom();
    return sign === undefined ? atom : this.#signed(sign, signToken, atom);
  }

  #signed(op: '+' | '-', token: Token, expr: DurationExpr): DurationExpr {
    const span = { start: token.start, end: expr.span.end };
    if (expr.kind === 'number') return { ...expr, value: op === '-' ? -expr.value : expr.value, span };
    return op === '-' ? this.#grown({ kind: 'durationUnary', op, expr, span }, expr) : expr;
  }

  #durationExpr(minLevel: number): DurationExpr {
    this.#nesting++;
    if (this.#nesting > maxDepth) throw this.#tooDeep(this.#token);
    const signToken = this.#token;
    const sign = this.#sign();
    let left = sign === undefined ? this.#durationAtom() : this.#signed(sign, signToken, this.#durationExpr(unaryLevel));
    for (;;) {
      const operator = this.#token;
      const level = operator.kind === 'operator' && '+-*/%^'.includes(operator.word) ? precedence.get(operator.word) : undefined;
      if (level === undefined || level < minLevel) break;
      this.#advance();
      const op = operator.word as DurationBinary['op'];
      const right = this.#durationExpr(op === '^' ? level : level + 1);
      if (right.kind === 'number' && right.value === 0) {
        if (op === '/') throw new SyntaxFault('division by zero', spanOf(operator));
        if (op === '%') throw new SyntaxFault('modulo by zero', spanOf(operator));
      }
      const span = { start: left.span.start, end: right.span.end };
      left = this.#grown({ kind: 'durationBinary', op, left, right, span }, left, right);
    }
    this.#nesting--;
    return left;
  }

  #durationAtom(): DurationExpr {
    const token = this.#token;
    if (token.kind === 'number' || token.kind === 'duration') {
      const literal = this.#numberLiteral();
      if (!(Math.abs(literal.value) <= maxDurationSeconds)) throw new SyntaxFault('duration out of range', literal.span);
      return literal;
    }
    if (this.#is('(')) {
      this.#advance();
      const expr = this.#durationExpr(1);
      this.#expect(')');
      return this.#grown({ kind: 'durationParen', expr, span: { start: token.start, end: this.#lastEnd } }, expr);
    }
    const func = token.word;
    if (token.kind !== 'preprocessor' || func === 'start' || func === 'end') throw this.#unexpected();
    this.#advance();
    this.#expect('(');
    const args: DurationExpr[] = [];
    if (func === 'min_of' || func === 'max_of') {
      args.push(this.#durationExpr(1));
      this.#expect(',');
      args.push(this.#durationExpr(1));
    }
    this.#expect(')');
    const span = { start: token.start, end: this.#lastEnd };
    return this.#grown({ kind: 'durationCall', func: func as DurationCall['func'], args, span }, ...args);
  }

  // Tokens

  #advance(): void {
    this.#lastEnd = this.#token.end;
    this.#token = this.#lexer.next();
  }

  #is(punctuation: string): boolean {
    return this.#token.kind === 'punctuation' && this.#token.word === punctuation;
  }

  #isKeyword(word: string): boolean {
    return this.#token.kind === 'keyword' && this.#token.word === word;
  }

  #isOperator(word: string): boolean {
    return this.#token.kind === 'operator' && this.#token.word === word;
  }

  #take(keyword: string): boolean {
    if (!this.#isKeyword(keyword)) return false;
    this.#advance();
    return true;
  }

  #expect(punctuation: string): void {
    if (!this.#is(punctuation)) throw this.#unexpected();
    this.#advance();
  }

  #expectEnd(): void {
    if (this.#token.kind !== 'eof') throw this.#unexpected();
  }

  #unexpected(context: Context | undefined = this.#contexts.at(-1)): SyntaxFault {
    const where = context === undefined ? '' : ` in ${context.where}`;
    const expected = context === undefined || context.expected === '' ? '' : `, expected ${context.expected}`;
    return new SyntaxFault(`unexpected ${describeToken(this.#token)}${where}${expected}`, spanOf(this.#token));
  }

  #grown<Node extends { readonly span: Span }>(node: Node, ...children: readonly object[]): Node {
    let depth = 0;
    for (const child of children) depth = Math.max(depth, this.#depths.get(child) ?? 0);
    if (depth >= maxDepth) throw this.#tooDeep(node.span);
    this.#depths.set(node, depth + 1);
    return node;
  }

  #tooDeep({ start, end }: Span): SyntaxFault {
    return new SyntaxFault(`expression is nested more than ${maxDepth} levels deep`, { start, end });
  }
}

interface BinaryModifiers {
  readonly returnBool: boolean;
  readonly matching: VectorMatching;
}

/** 2^63 nanoseconds. */
const maxDurationSeconds = 2 ** 63 / 1e9;

function positive(duration: DurationExpr): DurationExpr {
  if (duration.kind === 'number' && duration.value <= 0) throw new SyntaxFault('duration must be greater than 0', duration.span);
  return duration;
}

function spanOf({ start, end }: Token): Span {
  return { start, end };
}

function roundAwayFromZero(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}
