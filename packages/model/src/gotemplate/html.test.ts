import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTemplate } from './index.ts';

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '"',
    "'",
    '<script>',
    '</script>',
    '-->',
    '*/',
    '\\',
    '\\"',
    '`',
    '${x}',
    'javascript:x',
    'JaVaScRiPt:x',
    '" onload="x',
    "' x='",
    '> <',
    '&quot;',
    '\u2028',
    '\n',
    ' ',
    '=',
    '//',
    '/*',
    ')',
    'url(x)',
    ';',
    '}',
    '\0',
  ),
  fc
    .array(fc.constantFrom('"', "'", '<', '>', '/', '\\', '*', '-', '`', '\n', '&', ';', ')', '}', 'a'), { maxLength: 12 })
    .map((parts) => parts.join('')),
);

/** Where a value stands, and what the whole must still look like. */
const places: readonly (readonly [template: string, shape: RegExp])[] = [
  ['<p>{{.}}</p>', /^<p>[^<>]*<\/p>$/],
  ['<a title="{{.}}">', /^<a title="[^"<>]*">$/],
  ["<a title='{{.}}'>", /^<a title='[^'<>]*'>$/],
  ['<a title={{.}} x>', /^<a title=[^\t\n\f\r "'<>`=]+ x>$/],
  ['<a href="{{.}}">', /^<a href="(?![^":/?#]*script:)[^"<> \t\n]*">$/i],
  ['<a href="/x?q={{.}}&r=1">', /^<a href="\/x\?q=[A-Za-z0-9\-._~%]*&r=1">$/],
  ['<a {{.}}="1">', /^<a [a-zA-Z0-9]+="1">$/],
  ['<textarea>{{.}}</textarea>', /^<textarea>[^<>]*<\/textarea>$/],
  ['<script>var x = {{.}};</script>', /^<script>var x = "(?:[^"\\\n\u2028\u2029<>]|\\.)*";<\/script>$/],
  ['<script>var x = "{{.}}";</script>', /^<script>var x = "(?:[^"\\\n\u2028\u2029<>]|\\.)*";<\/script>$/],
  ["<script>var x = '{{.}}';</script>", /^<script>var x = '(?:[^'\\\n\u2028\u2029<>]|\\.)*';<\/script>$/],
  ['<p onclick="f({{.}})">', /^<p onclick="f\(&#34;[^"<>]*&#34;\)">$/],
  ['<style>p { color: {{.}} }</style>', /^<style>p \{ color: [^{};<>"'\\/]* \}<\/style>$/],
  ['<p style="color: {{.}}">', /^<p style="color: [^"{};<>]*">$/],
  ['<!-- {{.}} -->x', /^x$/],
];

describe('a value stays in its place in HTML', () => {
  it.each(places)('%s', (template, shape) => {
    const parsed = parseTemplate('t', template, { html: true });
    fc.assert(
      fc.property(nasty, (value) => {
        // Entities end in a semicolon; they are the escaping, not the style.
        const output = parsed.execute(value).replace(template.includes('style') ? /&#?\w+;/g : /$^/, '');
        expect(output).toMatch(shape);
      }),
    );
  });
});
