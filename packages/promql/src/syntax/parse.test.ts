import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expr } from './ast.ts';
import { parseExpr, parseSelector } from './parse.ts';
import type { ParseOptions } from './parse-options.ts';
import { prettyExpr, printExpr } from './print.ts';

const everything: ParseOptions = { experimentalFunctions: true, extendedRangeSelectors: true, binopFillModifiers: true };

function parse(text: string, options = everything): Expr {
  const result = parseExpr(text, options);
  if (result.kind === 'error') throw new Error(`${text}: ${result.errors[0]?.text}`);
  return result.expr;
}

function errorOf(text: string, options: ParseOptions = everything): string {
  const result = parseExpr(text, options);
  return result.kind === 'error' ? (result.errors[0]?.text ?? '') : `parsed as ${printExpr(result.expr)}`;
}

const errors: readonly (readonly [input: string, position: string, message: string])[] = [
  ['', '1:1', 'no expression found in input'],
  ['# nothing', '1:1', 'no expression found in input'],
  ['1 +', '1:4', 'unexpected end of input'],
  ['*1', '1:1', 'unexpected <op:*>'],
  ['(1', '1:3', 'unclosed left parenthesis'],
  ['1)', '1:3', "unexpected right parenthesis ')'"],
  ['foo[5m', '1:7', 'unexpected end of input in duration expression'],
  ['foo[', '1:5', 'unexpected end of input in duration expression'],
  ['foo{a="b"', '1:10', 'unexpected end of input inside braces'],
  ['foo{a b}', '1:7', 'unexpected identifier "b" in label matching, expected label matching operator'],
  ['foo{a=b}', '1:7', 'unexpected identifier "b" in label matching, expected string'],
  ['foo{a="b" c="d"}', '1:11', 'unexpected identifier "c" in label matching, expected "," or "}"'],
  ['foo{,}', '1:5', 'unexpected "," in label matching, expected identifier or "}"'],
  ['foo{:}', '1:5', "unexpected character inside braces: ':'"],
  ['foo{a=~"("}', '1:5', 'error parsing regexp: missing closing ): `(`'],
  ['{}', '1:1', 'vector selector must contain at least one non-empty matcher'],
  ['{x=~".*"}', '1:1', 'vector selector must contain at least one non-empty matcher'],
  ['foo{__name__="bar"}', '1:1', 'metric name must not be set twice: "foo" or "bar"'],
  ['foo{"bar"}', '1:1', 'metric name must not be set twice: "foo" or "bar"'],
  ['{"a","b"}', '1:1', 'metric name must not be set twice: "a" or "b"'],
  ['rate(foo)', '1:6', 'expected type range vector in call to function "rate", got instant vector'],
  ['sum(foo[5m])', '1:5', 'expected type instant vector in aggregation expression, got range vector'],
  ['topk(foo)', '1:1', 'wrong number of arguments for aggregate expression provided, expected 2, got 1'],
  ['sum()', '1:1', 'no arguments for aggregate expression provided'],
  ['topk("a",foo)', '1:6', 'expected type scalar in aggregation parameter, got string'],
  ['foo(1)', '1:1', 'unknown function with name "foo"'],
  ['floor()', '1:1', 'expected 1 argument(s) in call to "floor", got 0'],
  ['floor(a,b)', '1:1', 'expected 1 argument(s) in call to "floor", got 2'],
  ['hour(a,b)', '1:1', 'expected at most 1 argument(s) in call to "hour", got 2'],
  ['label_join(a)', '1:1', 'expected at least 3 argument(s) in call to "label_join", got 1'],
  ['foo[5m] + 1', '1:1', 'binary expression must contain only scalar and instant vector types'],
  ['1 == 1', '1:3', 'comparisons between scalars must use BOOL modifier'],
  ['1 + bool 2', '1:3', 'bool modifier can only be used on comparison operators'],
  ['a and 1', '1:1', 'set operator "and" not allowed in binary scalar expression'],
  ['a and on(x) group_left b', '1:1', 'no grouping allowed for "and" operation'],
  ['a + on(x) group_left(x) b', '1:3', 'label "x" must not occur in ON and GROUP clause at once'],
  ['1 + on(x) b', '1:1', 'vector matching only allowed between instant vectors'],
  ['foo[5m] offset 1m offset 1m', '1:1', 'offset may not be set multiple times'],
  ['1 offset 1m', '1:1', 'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery'],
  ['foo @ 1 @ 2', '1:1', '@ <timestamp> may not be set multiple times'],
  ['foo @ Inf', '1:1', 'timestamp out of bounds for @ modifier: +Inf'],
  ['sum(a)[5m]', '1:7', 'ranges only allowed for vector selectors'],
  ['foo offset 1m [5m]', '1:15', 'no offset modifiers allowed before range'],
  ['foo @ 1 [5m]', '1:9', 'no @ modifiers allowed before range'],
  ['foo[5m][5m:]', '1:1', 'subquery is only allowed on instant vector, got matrix instead'],
  ['foo[0]', '1:5', 'duration must be greater than 0'],
  ['foo[-1]', '1:5', 'duration must be greater than 0'],
  ['foo[5m:0]', '1:8', 'duration must be greater than 0'],
  ['-"a"', '1:1', 'unary expression only allowed on expressions of type scalar or instant vector, got "string"'],
  ['-foo[1m]', '1:1', 'unary expression only allowed on expressions of type scalar or instant vector, got "range vector"'],
  ['sum by (a,,b) (x)', '1:11', 'unexpected "," in grouping opts, expected label'],
  ['sum by (a b) (x)', '1:11', 'unexpected identifier "b" in grouping opts, expected "," or ")"'],
  ['sum(x) by y', '1:11', 'unexpected identifier "y" in grouping opts, expected "("'],
  ['sum(1 + *2)', '1:9', 'unexpected <op:*> in aggregation'],
  ['foo[]', '1:5', 'unexpected "]" in subquery or range selector, expected number, duration, step(), or range()'],
  ['foo[5m 5m]', '1:8', 'unexpected duration "5m" in subquery or range selector, expected ":" or "]"'],
  ['"abc', '1:1', 'unterminated quoted string'],
  ["'a\nb'", '1:1', 'unterminated quoted string'],
  ['`abc', '1:1', 'unterminated raw string'],
  ['"\\c"', '1:1', "unknown escape sequence U+0063 'c'"],
  ['"\\xzz"', '1:1', "illegal character U+007A 'z' in escape sequence"],
  ['"\ud800"', '1:1', 'invalid UTF-8 rune'],
  ['foo offset', '1:11', 'unexpected end of input in offset, expected number, duration, step(), or range()'],
  ['foo @', '1:6', 'unexpected end of input in @, expected timestamp'],
  ['1 !~ 1', '1:3', "unexpected character after '!': '~'"],
  ['1 =~ 1', '1:3', "unexpected character after '=': '~'"],
  ['}', '1:1', "unexpected character: '}'"],
  ['foo + group_left(x) bar', '1:7', 'unexpected <group_left>'],
  ['sum without (a) (b) by (c)', '1:21', 'unexpected <by>'],
  ['foo[5s/0]', '1:7', 'division by zero'],
  ['foo[5s%0]', '1:7', 'modulo by zero'],
  ['foo[5y1hs]', '1:5', 'unknown unit "hs" in duration "5y1hs"'],
  ['foo[5m1h]', '1:5', 'not a valid duration string: "5m1h"'],
  ['foo[5mm]', '1:5', 'bad number or duration syntax: "5mm"'],
  ['1foo', '1:1', 'bad number or duration syntax: "1foo"'],
  ['label_replace(a,)', '1:16', 'trailing commas not allowed in function call args'],
  ['a(b', '1:4', 'unclosed left parenthesis'],
  ['"string" "too long a string"', '1:10', 'unexpected string "\\"too long "...'],
  ['info(a, b)', '1:9', 'expected label selectors only, got vector selector instead'],
  ['info(a, 1)', '1:1', 'expected type instant vector in call to function "info", got scalar'],
  ['foo @ 1e30', '1:1', 'timestamp out of bounds for @ modifier: 1000000000000000019884624838656.000000'],
  ['info(a, sum(b))', '1:9', 'expected label selectors only'],
  ['ü', '1:1', "unexpected character: 'ü'"],
  ['"ü" +\n  "é" [', '2:9', 'unexpected end of input in duration expression'],
];

const gated: readonly (readonly [input: string, message: string])[] = [
  ['mad_over_time(x[5m])', '1:1: parse error: function "mad_over_time" is not enabled'],
  ['limitk(1,x)', '1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions'],
  ['foo smoothed', '1:1: parse error: smoothed modifier is experimental and not enabled'],
  ['a + fill(0) b', '1:5: parse error: binop fill modifiers are experimental and not enabled'],
];

/** Input and its canonical form; `=` when they are the same. */
const printed: readonly (readonly [input: string, output: string])[] = [
  ['foo', '='],
  ['sum', '='],
  ['fill + fill', '='],
  ['a:b:c', '='],
  ['{"metric.name", "label.with.dots"="v", x=~"y"}', '{"label.with.dots"="v",__name__="metric.name",x=~"y"}'],
  ['foo{b="1", a!="2",}', 'foo{a!="2",b="1"}'],
  ['{__name__="a",__name__=~"b"}', '='],
  ['foo{and="x", sum=\'y\'}', 'foo{and="x",sum="y"}'],
  ['0755', '493'],
  ['08', '8'],
  ['0x1F', '31'],
  ['1_000', '1000'],
  ['.5', '0.5'],
  ['1e3', '1000'],
  ['1e-7', '0.0000001'],
  ['1e21', '1000000000000000000000'],
  ['iNf', '+Inf'],
  ['-inf', '-Inf'],
  ['NaN', '='],
  ['-1', '='],
  ['+1', '1'],
  ['-1 ^ 2', '='],
  ['2 ^ -1', '='],
  ['5m', '='],
  ['vector(90m)', 'vector(1h30m)'],
  ['"a\\x41\\u00e9\\n\\101"', '"aAé\\nA"'],
  ['`a\\n"`', '"a\\\\n\\""'],
  ['a - -b', '='],
  ['-a * b', '='],
  ['a+b*c^d', 'a + b * c ^ d'],
  ['a or b and c unless d', '='],
  ['a == bool b', '='],
  ['a </ 5', '='],
  ['a atan2 b', '='],
  ['a + on() b', 'a + on () b'],
  ['a + ignoring() b', 'a + b'],
  ['a + on(x,y) group_left(z) b', 'a + on (x, y) group_left (z) b'],
  ['a + ignoring(x) group_right b', 'a + ignoring (x) group_right () b'],
  ['a + fill(2) b', 'a + fill (2) b'],
  ['a + on(x) fill_right(-1) fill_left(5m) b', 'a + on (x) fill_left (300) fill_right (-1) b'],
  ['1 + on() 2', '1 + 2'],
  ['sum by() (a)', 'sum(a)'],
  ['sum without() (a)', 'sum without () (a)'],
  ['SUM(a) BY (b, "c.d", on,)', 'sum by (b, "c.d", on) (a)'],
  ['topk(5, a)', '='],
  ['count_values("x", a)', '='],
  ['foo[300]', 'foo[5m]'],
  ['foo[5m] offset 1h @ 1.5', 'foo[5m] @ 1.500 offset 1h'],
  ['foo @ start() offset -1m', '='],
  ['foo offset 100 + 2', 'foo offset 1m40s + 2'],
  ['foo offset (100 + 2)', '='],
  ['foo offset -2^2', 'foo offset -2s ^ 2'],
  ['foo offset step()', '='],
  ['foo offset -min_of(step(), 1s)', '='],
  ['foo[5m+max_of(step(),2*1m)]', 'foo[5m + max_of(step(), 2 * 1m)]'],
  ['foo[STEP()+1:]', 'foo[step() + 1:]'],
  ['sum(foo)[1h:5m] @ end()', '='],
  ['foo[5m:]', '='],
  ['foo[5m] smoothed', '='],
  ['rate(foo[5m] anchored offset 1m)', '='],
  ['foo smoothed @ 10', 'foo smoothed @ 10.000'],
  ['((a))', '='],
  ['time() - start()', '='],
  ['info(a, {x="y"})', '='],
  ['info(a, {})', '='],
  ['a # comment\n + b', 'a + b'],
  ['count_over_time({__name__=~".+"}[1d])', '='],
];

describe('parseExpr', () => {
  test.each(errors)('%j is refused at %s', (input, position, message) => {
    expect(errorOf(input)).toBe(`${position}: parse error: ${message}`);
  });

  test.each(gated)('%s needs its feature', (input, message) => {
    expect(errorOf(input, {})).toBe(message);
    expect(parseExpr(input, everything).kind).toBe('ok');
  });

  test.each(printed)('%s prints canonically', (input, output) => {
    const canonical = output === '=' ? input : output;
    expect(printExpr(parse(input))).toBe(canonical);
    expect(printExpr(parse(canonical))).toBe(canonical);
  });

  test('a bomb of parentheses, signs or operators is refused, not crashed on', () => {
    const deep = 100_000;
    const bombs = ['('.repeat(deep), '-'.repeat(deep) + 'a', `a${'^a'.repeat(deep)}`, `a${'+a'.repeat(deep)}`, `a[${'('.repeat(deep)}`];
    for (const bomb of [...bombs, 'sum('.repeat(deep), `a[5m${'+1'.repeat(deep)}]`]) {
      expect(errorOf(bomb)).toMatch(/expression is nested more than 500 levels deep|unclosed left parenthesis/);
    }
  });

  test('any text is parsed or refused with a position inside it', () => {
    const soup = fc.array(
      fc.constantFrom(...'sum rate foo a by on ( ) { } [ ] , : = == =~ " "x" 5m 1 + - * ^ @ offset bool or fill(1) # \n ü'.split(' ')),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          soup.map((words) => words.join(' ')),
        ),
        (text) => {
          const result = parseExpr(text, everything);
          return result.kind === 'ok' || (result.errors[0]?.span.start ?? Infinity) <= text.length;
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('parseSelector', () => {
  test.each([
    ['up', ['__name__="up"']],
    ['up{job="a"}', ['job="a"', '__name__="up"']],
    ['{"my.metric", job!~"a|b"}', ['__name__="my.metric"', 'job!~"a|b"']],
  ])('%s is read', (text, expected) => {
    const result = parseSelector(text);
    expect(result.kind === 'ok' && result.matchers.map(String)).toEqual(expected);
  });

  test.each([
    ['up[5m]', '1:3: parse error: unexpected "["'],
    ['1', '1:1: parse error: unexpected number "1"'],
    ['{a=""}', '1:1: parse error: vector selector must contain at least one non-empty matcher'],
    ['', '1:1: parse error: unexpected end of input'],
    ['up + 1', '1:4: parse error: unexpected <op:+>'],
  ])('%s is no selector', (text, message) => {
    const result = parseSelector(text);
    expect(result.kind === 'error' && result.errors[0]?.text).toBe(message);
  });
});

describe('prettyExpr', () => {
  test('long nodes are spread over lines', () => {
    const query =
      'sum by (instance) (rate(node_cpu_seconds_total{mode!="idle",instance=~"a.*"}[5m])) / on(instance) count by (instance) (node_cpu_seconds_total{mode="idle"})';
    expect(prettyExpr(parse(query))).toBe(
      `  sum by (instance) (rate(node_cpu_seconds_total{instance=~"a.*",mode!="idle"}[5m]))
/ on (instance)
  count by (instance) (node_cpu_seconds_total{mode="idle"})`,
    );
  });
});

// Random trees: print, parse, print again.

const name = fc.constantFrom('foo', 'a:b', 'sum', 'offset', 'x1');
const label = fc.constantFrom('a', 'job', 'le', 'by', 'with.dot', 'ä');
const duration = fc.constantFrom('5m', '1h30m', '90', 'step()', '(1m + 2)', 'max_of(1s, range())', '(-step() * 2 + 7m)');
const quoted = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'ü', '€') }).map((text) => JSON.stringify(text));
const matcher = fc.tuple(label, fc.constantFrom('=', '!='), quoted).map(([l, op, value]) => `${JSON.stringify(l)}${op}${value}`);
const modifiers = fc.constantFrom('', ' offset 5m', ' @ 17', ' @ start() offset -1m', ' offset step()', ' @ end()');
const selector = fc
  .tuple(name, fc.array(matcher, { maxLength: 3 }))
  .map(([n, list]) => `${n}${list.length > 0 ? `{${list.join(',')}}` : ''}`);
const labels = fc.array(label, { maxLength: 3 }).map((list) => `(${list.map((l) => JSON.stringify(l)).join(', ')})`);

const { vector } = fc.letrec<{ vector: string; scalar: string }>((tie) => ({
  scalar: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('1', '-0.5', '1e9', '5m', 'time()', 'NaN'),
    tie('vector').map((v) => `scalar(${v})`),
    fc.tuple(tie('scalar'), fc.constantFrom('+', '-', '^', '%', '== bool'), tie('scalar')).map((parts) => parts.join(' ')),
    tie('scalar').map((s) => `-(${s})`),
  ),
  vector: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(selector, modifiers).map((parts) => parts.join('')),
    fc.tuple(fc.constantFrom('rate', 'sum_over_time'), selector, duration, modifiers).map(([f, s, d, m]) => `${f}(${s}[${d}]${m})`),
    fc.tuple(tie('vector'), duration, fc.constantFrom('', '1m'), modifiers).map(([v, d, s, m]) => `max_over_time((${v})[${d}:${s}]${m})`),
    fc
      .tuple(fc.constantFrom('sum', 'avg'), fc.constantFrom('by', 'without'), labels, tie('vector'))
      .map(([op, by, l, v]) => `${op} ${by} ${l} (${v})`),
    fc.tuple(tie('scalar'), tie('vector')).map(([s, v]) => `topk(${s}, ${v})`),
    fc
      .tuple(
        tie('vector'),
        fc.constantFrom('+', '*', 'and', 'or', '>', '!= bool', 'atan2'),
        fc.constantFrom('', 'on', 'ignoring'),
        labels,
        tie('vector'),
      )
      .map(([l, op, on, list, r]) => `(${l}) ${op} ${on === '' ? '' : on + list} (${r})`),
    fc.tuple(tie('vector'), fc.constantFrom('+', '^', '<'), tie('scalar')).map((parts) => parts.join(' ')),
    tie('vector').map((v) => `-${v}`),
    tie('vector').map((v) => `(${v})`),
  ),
}));

function withoutSpans(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part: unknown) => (key === 'span' || key === 'isDuration' ? undefined : part === Infinity ? 'Inf' : part)),
  );
}

test('the print of a tree parses to the same tree', () => {
  fc.assert(
    fc.property(vector, (text) => {
      const first = parse(text);
      const second = parse(printExpr(first));
      const sorted = (tree: unknown): string =>
        JSON.stringify(withoutSpans(tree), (key, part: unknown) =>
          key === 'matchers'
            ? (part as { name: string; value: string; type: string }[]).map((m) => JSON.stringify([m.name, m.type, m.value])).sort()
            : part,
        );
      expect(sorted(second)).toBe(sorted(first));
      expect(printExpr(parse(prettyExpr(first)))).toBe(printExpr(first));
    }),
    { numRuns: 500 },
  );
});
