import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpositionError, type ExpositionSink, type SampleLine } from './exposition.ts';
import { formatFloat } from './float-text.ts';
import { Labels } from './labels.ts';
import { openMetricsSlices, parseOpenMetrics } from './openmetrics.ts';
import { parseTextFormat, textFormatSlices } from './text-format.ts';

type Parse = (bytes: Uint8Array, sink: ExpositionSink) => void;
const strict: Parse = (bytes, sink) => parseOpenMetrics(bytes, sink, { strict: true });

/** The page as lines of one form, so that a table row can hold what is expected. */
function read(parse: Parse, page: string): string[] {
  const lines: string[] = [];
  parse(Buffer.from(page), {
    sample(line) {
      const exemplar = line.exemplar(-1);
      lines.push(
        `${String(line.labels())} ${formatFloat(line.value)}${line.hasTimestamp ? ` @${line.timestampMs}` : ''}` +
          (exemplar === undefined ? '' : ` # ${String(exemplar.labels)} ${exemplar.value} @${exemplar.timestampMs}`),
      );
    },
    type: (family, type) => lines.push(`type ${family} ${type}`),
    help: (family, help) => lines.push(`help ${family} ${help}`),
    unit: (family, unit) => lines.push(`unit ${family} ${unit}`),
  });
  return lines;
}

function faultOf(run: () => void): unknown {
  try {
    run();
    return undefined;
  } catch (fault) {
    return fault;
  }
}

describe('the text format', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['\n\n', []],
    ['a 1', ['a 1']],
    ['a 1\n', ['a 1']],
    ['\ta  1  \n', ['a 1']],
    ['a{} 1\n', ['a 1']],
    ['a {x="1"} 1', ['a{x="1"} 1']],
    ['a{x="1",} 1', ['a{x="1"} 1']],
    ['a{ x = "1" , b="2" } 1 5', ['a{b="2", x="1"} 1 @5']],
    ['a{x=""} 1', ['a 1']],
    ['a{x="\\\\\\"\\n\\x"} 1', ['a{x="\\\\\\"\\n\\\\x"} 1']],
    ['a{x="}"} 1', ['a{x="}"} 1']],
    ['a{x="ü😀"} 1', ['a{x="ü😀"} 1']],
    [
      '{"my.metric","label.name"="v",plain="w"} 1',
      ['{__name__="my.metric", "label.name"="v", plain="w"} 1'.replace('{__name__="my.metric", ', 'my.metric{')],
    ],
    ['a:b_c9 1', ['a:b_c9 1']],
    ['a -0\na +1e3\na NaN\na +Inf\na -inf\na .5\na 5.\n', ['a -0', 'a 1000', 'a NaN', 'a +Inf', 'a -Inf', 'a 0.5', 'a 5']],
    ['a 0.1\na 123456789012345678\na 9007199254740993', ['a 0.1', 'a 123456789012345680', 'a 9007199254740992']],
    ['# comment\n#comment\n# HELPER x\n#', []],
    ['# HELP a some  \\\\text\\n"x" \n', ['help a some  \\text\n"x" ']],
    ['# HELP a\n', ['help a ']],
    ['# TYPE a counter\n# TYPE b untyped', ['type a counter', 'type b unknown']],
    ['# TYPE "my.m" gauge\n', ['type my.m gauge']],
    [
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2',
      ['type h histogram', 'h_bucket{le="1.0"} 1', 'h_bucket{le="+Inf"} 2'],
    ],
    ['# TYPE s summary\ns{quantile="0.50"} 1', ['type s summary', 's{quantile="0.5"} 1']],
    ['x{le="1"} 1', ['x{le="1"} 1']],
  ])('reads %j', (page, expected) => {
    expect(read(parseTextFormat, page)).toEqual(expected);
  });

  it.each([
    ['a', 'line 1, column 2: expected a value'],
    ['a\n', 'line 1, column 2: expected a value'],
    ['b 1\na x\n', 'line 2, column 3: expected a number'],
    ['a 1\r\n', 'line 1, column 3: expected a number'],
    ['a 0x10', 'expected a number'],
    ['a 1_0', 'expected a number'],
    ['a 1e400', 'expected a number'],
    ['a 1 -5', 'expected a timestamp'],
    ['a 1 1.5', 'expected a line end'],
    ['a 1 99999999999999999999', 'expected a timestamp'],
    ['a{x=1} 1', 'expected a label value'],
    ['a{x} 1', 'expected "="'],
    ['a{x="1"y="2"} 1', 'expected ","'],
    ['a{,} 1', 'expected a label name'],
    ['a{x="1} 1', 'not closed'],
    ['a{x="1"', 'expected ","'],
    ['a{x="1",x="2"} 1', 'label name "x" is not unique'],
    ['{x="1"} 1', 'metric name not set'],
    ['a{"b"} 1', 'metric name already set'],
    ['1a 1', 'expected a metric name'],
    ['.5 1', 'expected a metric name'],
    ['# TYPE a foo', 'invalid metric type'],
    ['# TYPE 1 counter', 'expected a metric name'],
  ])('refuses %j: %s', (page, message) => {
    expect(() => read(parseTextFormat, page)).toThrow(message);
  });

  it('refuses a label value that is not UTF-8', () => {
    const page = Buffer.from('a{x="?"} 1');
    page[5] = 0xff;
    expect(() => parseTextFormat(page, { sample: (line) => line.labels() })).toThrow('not valid UTF-8');
  });

  it('gives the bytes of the series as they stand on the page', () => {
    const page = Buffer.from('x 0\na{b="c"} 1\n');
    const seen: string[] = [];
    parseTextFormat(page, { sample: (line) => seen.push(page.toString('latin1', line.start, line.end)) });
    expect(seen).toEqual(['x', 'a{b="c"}']);
  });

  it.each([parseTextFormat, parseOpenMetrics])('does not look again at a series that the sink recognizes (%#)', (parse) => {
    const known = Buffer.from('foo{a="1"}');
    const seen: string[] = [];
    const asked: number[] = [];
    const page = Buffer.from('foo{a="1"} 1\nfoobar 2\nfoo 3\nfoo{a="1"} 4\n# EOF\n');
    parse(page, {
      sample: (line) => seen.push(`${page.toString('latin1', line.start, line.end)} ${line.value}`),
      recognize(bytes, start) {
        asked.push(start);
        // The second answer is a prefix of a longer name: not to be believed.
        if (bytes === page && page.compare(known, 0, known.length, start, start + known.length) === 0) return start + known.length;
        return start + 3;
      },
    });
    expect(seen).toEqual(['foo{a="1"} 1', 'foobar 2', 'foo 3', 'foo{a="1"} 4']);
    expect(asked).toEqual([0, 13, 22, 28]);
  });

  it('reads any number as JavaScript does', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        parseTextFormat(Buffer.from(`a ${formatFloat(value)}`), { sample: (line) => expect(line.value).toBe(value) });
      }),
    );
  });

  it('meets random bytes with an answer or an ExpositionError', () => {
    const token = fc.constantFrom(
      'a',
      '{',
      '}',
      '"',
      '=',
      ',',
      ' ',
      '\n',
      '#',
      ' HELP ',
      ' TYPE ',
      '1',
      '\\',
      '\xff',
      '\t',
      '-',
      '# EOF\n',
      'e',
      '.',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 20 }), (tokens) => {
        const page = Buffer.from(tokens.join(''), 'latin1');
        for (const parse of [parseTextFormat, parseOpenMetrics, strict]) {
          const fault = faultOf(() => parse(page, { sample: (line) => [line.labels(), line.exemplar(0)] }));
          expect(fault === undefined || fault instanceof ExpositionError).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('OpenMetrics', () => {
  it.each<[string, string[]]>([
    ['# EOF', []],
    ['# EOF\n', []],
    ['a 1\n# EOF\n', ['a 1']],
    ['a 1 1.5\n# EOF\n', ['a 1 @1500']],
    ['a 1 -1\n# EOF\n', ['a 1 @-1000']],
    ['# TYPE a counter\n# UNIT a \n# HELP a x\\"y\n# EOF', ['type a counter', 'unit a ', 'help a x"y']],
    ['# TYPE a_s gauge\n# UNIT a_s s\n# EOF', ['type a_s gauge', 'unit a_s s']],
    ['a_total 1 # {id="x"} 0.5 2\n# EOF', ['a_total 1 # {id="x"} 0.5 @2000']],
    ['a_total 1 7 # {} 0.5\n# EOF', ['a_total 1 @7000 # {} 0.5 @-1']],
    ['{"a.b",c="d"} 1\n# EOF', ['a.b{c="d"} 1']],
    // Rules about families are not required here.
    ['# TYPE a counter\na 1\na_bucket 1\n# EOF', ['type a counter', 'a 1', 'a_bucket 1']],
  ])('reads %j', (page, expected) => {
    expect(read(parseOpenMetrics, page)).toEqual(expected);
  });

  it.each([
    ['', 'data does not end with # EOF'],
    ['a 1\n', 'data does not end with # EOF'],
    ['a 1\n\n# EOF', 'expected a metric name'],
    ['a 1\n# EOF\n\n', 'unexpected data after # EOF'],
    ['a  1\n# EOF', 'expected a value'],
    ['a 1 \n# EOF', 'expected a timestamp'],
    ['# free\n# EOF', 'expected # HELP'],
    ['# UNIT a s\n# EOF', 'not a suffix'],
    ['a 1 NaN\n# EOF', 'invalid timestamp'],
    ['a 1 # {x="1"}\n# EOF', 'expected a blank'],
  ])('refuses %j: %s', (page, message) => {
    expect(() => read(parseOpenMetrics, page)).toThrow(message);
  });
});

const corpus = join(import.meta.dirname, '../../../../shared/conformance/openmetrics');
const hasCorpus = existsSync(corpus);
// A suite without its data must not look like one that passed.
if (!hasCorpus) process.stderr.write(`SKIPPED: the OpenMetrics conformance suite: no folder ${corpus}\n`);

describe.skipIf(!hasCorpus)('the OpenMetrics corpus', () => {
  const cases = hasCorpus ? readdirSync(corpus, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];
  it.each(cases.map(({ name }) => name))('%s', (name) => {
    const folder = join(corpus, name);
    const { file, shouldParse } = JSON.parse(readFileSync(join(folder, 'test.json'), 'utf8')) as { file: string; shouldParse: boolean };
    const page = readFileSync(join(folder, file));
    const fault = faultOf(() => strict(page, { sample: () => undefined }));
    expect({ parsed: fault === undefined, fault }).toMatchObject({ parsed: shouldParse });
  });
});

it('labels of a line are those of Labels.from', () => {
  parseTextFormat(Buffer.from('a{c="1",b="2"} 1'), {
    sample: (line) => expect(line.labels().equals(Labels.from({ __name__: 'a', b: '2', c: '1' }))).toBe(true),
  });
});

it.each([textFormatSlices, (bytes: Uint8Array, sink: ExpositionSink, slice?: number) => openMetricsSlices(bytes, sink, {}, slice)])(
  'a page read in slices of any size is the same page (%#)',
  (slices) => {
    const page = Buffer.from(
      '# TYPE a counter\na_total{x="1"} 1\na_total{x="\\n}"} 2\n# HELP b text\n# TYPE b gauge\nb 3\nb{y="z"} 4 5\n# EOF\n',
    );
    const readIn = (sliceBytes: number): { lines: string[]; count: number } => {
      const lines: string[] = [];
      const sink = {
        sample: (line: SampleLine) => lines.push(`${line.labels().toString()} ${line.value} ${line.metricType}`),
        type: (family: string, type: string) => lines.push(`${family} ${type}`),
      };
      return { count: [...slices(page, sink, sliceBytes)].length, lines };
    };
    const whole = readIn(Infinity);
    expect(whole.lines).toHaveLength(6);
    for (let size = 1; size <= page.length; size++) expect(readIn(size).lines).toEqual(whole.lines);
    expect(readIn(1).count).toBeGreaterThan(6);
    expect(readIn(page.length + 1).count).toBeLessThan(2);
  },
);
