import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Labels } from './labels.ts';
import { md5 } from './md5.ts';
import { createRelabelRule, expandTemplate, type RelabelOptions, relabel } from './relabel.ts';

type Record_ = Record<string, string>;

function f(input: Record_, rules: RelabelOptions[], expected: Record_ | undefined): void {
  const result = relabel(
    Labels.from(input),
    rules.map((rule) => createRelabelRule(rule)),
  );
  expect(result === undefined ? undefined : { ...result.toObject() }, JSON.stringify(rules)).toEqual(expected);
}

describe('relabel', () => {
  it('follows the table of actions', () => {
    const abc = { a: 'foo', b: 'bar', c: 'baz' };
    f(abc, [], abc);
    f(abc, [{ source_labels: ['a'], regex: 'f(.*)', target_label: 'd', replacement: 'ch${1}-ch${1}' }], { ...abc, d: 'choo-choo' });
    f(
      abc,
      [
        { source_labels: ['a', 'b'], regex: 'f(.*);(.*)r', target_label: 'a', replacement: 'b${1}${2}m' },
        { source_labels: ['c', 'a'], regex: '(b).*b(.*)ba(.*)', target_label: 'd', replacement: '$1$2$2$3' },
      ],
      { a: 'boobam', b: 'bar', c: 'baz', d: 'boooom' },
    );
    f({ a: 'foo' }, [{ source_labels: ['a'], regex: '.*o.*', action: 'drop' }], undefined);
    f({ a: 'foo' }, [{ source_labels: ['a'], regex: 'no', action: 'drop' }], { a: 'foo' });
    f({ a: 'foo' }, [{ source_labels: ['a'], regex: 'foo', action: 'KEEP' }], { a: 'foo' });
    f({ a: 'foo' }, [{ source_labels: ['a'], regex: 'fo', action: 'keep' }], undefined);
    f({ a: 'foo' }, [{ source_labels: ['missing'], regex: '', action: 'keep' }], { a: 'foo' });
    f({ a: 'foo' }, [{ target_label: 'b', replacement: 'fixed' }], { a: 'foo', b: 'fixed' });
    f({ a: 'foo' }, [{ target_label: 'a', replacement: '' }], {});
    f({ a: 'foo' }, [{ source_labels: ['a'], regex: 'f(?P<rest>.*)', target_label: '$rest', replacement: '${rest}!' }], {
      a: 'foo',
      oo: 'oo!',
    });
    f({ a: 'foo' }, [{ source_labels: ['a'], regex: '(foo)', target_label: 'b', replacement: '$1x' }], { a: 'foo' });
    f({ a: 'foo\nbar' }, [{ source_labels: ['a'], regex: 'foo.bar', target_label: 'b', replacement: 'seen' }], {
      a: 'foo\nbar',
      b: 'seen',
    });
    f({ a: 'foo' }, [{ source_labels: ['a'], target_label: '${1}', replacement: 'x' }], { a: 'foo', foo: 'x' });
    f({ a: '' }, [{ source_labels: ['a'], target_label: '${1}', replacement: 'x' }], {});
    f(abc, [{ source_labels: ['c'], target_label: 'd', action: 'hashmod', modulus: 1000 }], { ...abc, d: '976' });
    f({ a: 'foo\nbar' }, [{ source_labels: ['a'], target_label: 'b', action: 'hashmod', modulus: 1000 }], { a: 'foo\nbar', b: '734' });
    f({ a: 'FoO' }, [{ source_labels: ['a'], target_label: 'u', action: 'uppercase' }], { a: 'FoO', u: 'FOO' });
    f({ a: 'FoO' }, [{ source_labels: ['a'], target_label: 'l', action: 'lowercase' }], { a: 'FoO', l: 'foo' });
    f({ __meta_x: '1', y: '2' }, [{ regex: '__meta_(.*)', action: 'labelmap' }], { __meta_x: '1', x: '1', y: '2' });
    f({ a: '1', b1: '2', b2: '3' }, [{ regex: 'b.*', action: 'labeldrop' }], { a: '1' });
    f({ a: '1', b1: '2', b2: '3' }, [{ regex: 'b.*', action: 'labelkeep' }], { b1: '2', b2: '3' });
    f({ a: '1', b: '1' }, [{ source_labels: ['a'], target_label: 'b', action: 'keepequal' }], { a: '1', b: '1' });
    f({ a: '1', b: '2' }, [{ source_labels: ['a'], target_label: 'b', action: 'keepequal' }], undefined);
    f({ a: '1', b: '1' }, [{ source_labels: ['a'], target_label: 'b', action: 'dropequal' }], undefined);
  });

  it('returns the very same labels when nothing changed', () => {
    const labels = Labels.from({ a: '1' });
    expect(relabel(labels, [createRelabelRule({ source_labels: ['a'], action: 'keep', regex: '.+' })])).toBe(labels);
  });

  it.each<[RelabelOptions, string]>([
    [{ action: 'nope' }, 'unknown relabel action "nope"'],
    [{ action: 'hashmod', target_label: 'x' }, 'requires non-zero modulus'],
    [{}, "relabel configuration for replace action requires 'target_label' value"],
    [{ action: 'lowercase', target_label: 'x', replacement: 'y' }, "'replacement' can not be set for lowercase action"],
    [{ action: 'labeldrop', target_label: 'x' }, "labeldrop action requires only 'regex', and no other fields"],
    [{ action: 'keepequal', target_label: 'x', regex: 'y' }, 'keepequal action requires only'],
    [{ target_label: 'x', regex: '(' }, 'error parsing regexp: missing closing )'],
    [{ target_label: 'x', regex: '(?=a)' }, 'error parsing regexp'],
  ])('refuses %j', (options, message) => {
    expect(() => createRelabelRule(options)).toThrow(message);
  });

  it('takes only plain names in the legacy scheme', () => {
    expect(() => createRelabelRule({ target_label: 'a.b' })).not.toThrow();
    expect(() => createRelabelRule({ target_label: 'a.b' }, 'legacy')).toThrow("is invalid 'target_label'");
    expect(() => createRelabelRule({ target_label: 'a_${1}_$name' }, 'legacy')).not.toThrow();
  });
});

describe('expandTemplate', () => {
  it('reads names as Go does', () => {
    const expand = (template: string): string => expandTemplate(template, (name) => `<${name}>`);
    expect(expand('$1-$$-${two}-$three_4-$')).toBe('<1>-$-<two>-<three_4>-$');
    expect(expand('${}$-${a b}')).toBe('${}$-${a b}');
  });
});

describe('md5', () => {
  it('equals the platform for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        expect(Buffer.from(md5(text)).toString('hex')).toBe(createHash('md5').update(text).digest('hex'));
      }),
    );
  });
});
