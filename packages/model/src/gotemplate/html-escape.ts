/** The escapers of HTML output, one per kind of place (Go html/template: html.go, url.go, js.go, css.go, content.go). */
import { encodeString, marshalJson } from './json.ts';
import { sprint } from './print.ts';
import { baseOf, type GoType, kindOf, Typed } from './value.ts';

/** Text that its author vouches for: it passes unescaped where its kind fits. */
export const safeHtmlType: GoType = { name: 'template.HTML' };
export const safeUrlType: GoType = { name: 'template.URL' };
export const safeAttributeType: GoType = { name: 'template.HTMLAttr' };
export const safeCssType: GoType = { name: 'template.CSS' };
export const safeJsType: GoType = { name: 'template.JS' };
/** What the functions `html` and `urlquery` give inside an HTML template: not to be escaped a second time. */
export const escapedHtmlType: GoType = { name: 'string' };
export const escapedUrlType: GoType = { name: 'string' };

/** What a value becomes that cannot be shown safely. The word is Go's, so that it can be looked up. */
const unsafe = 'ZgotmplZ';

function textOf(value: unknown): string {
  return kindOf(value) === 'nil' ? '' : typeof value === 'string' ? value : sprint([value]);
}

function isSafe(value: unknown, type: GoType): value is Typed {
  return value instanceof Typed && value.type === type;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  '&': '&amp;',
  "'": '&#39;',
  '+': '&#43;',
  '<': '&lt;',
  '>': '&gt;',
};

function escapeAll(text: string): string {
  return text.replace(/[\0"&'+<>]/g, (char) => escapes[char] as string);
}

/** As escapeAll, but entities that are there already stay. */
function normalize(text: string): string {
  return text.replace(/[\0"'+<>]/g, (char) => escapes[char] as string);
}

function escapeSpaces(text: string): string {
  return text.replace(/[\t\n\v\f\r =`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

export function escapeText(value: unknown): string {
  if (isSafe(value, escapedHtmlType)) return String(value.base);
  return isSafe(value, safeHtmlType) ? String(value.base) : escapeAll(textOf(value));
}

export function escapeRcdata(value: unknown): string {
  return isSafe(value, safeHtmlType) ? normalize(String(value.base)) : escapeAll(textOf(value));
}

export function escapeAttribute(value: unknown, isUnquoted: boolean): string {
  if (isSafe(value, escapedHtmlType)) return isUnquoted ? escapeSpaces(String(value.base)) : String(value.base);
  const text = isSafe(value, safeHtmlType) ? normalize(String(value.base).replace(/<[^>]*>/g, '')) : escapeAll(textOf(value));
  if (!isUnquoted) return text;
  return text === '' ? unsafe : escapeSpaces(text);
}

export function escapeName(value: unknown, isActive: boolean): string {
  if (isSafe(value, safeAttributeType)) return String(value.base);
  const text = textOf(value).toLowerCase();
  if (text === '') return unsafe;
  if (isActive || !/^[a-z0-9]+$/.test(text) || /^on|style|src|href|uri|url/.test(text)) return unsafe;
  return text;
}

export function escapeUrl(value: unknown, part: 'start' | 'path' | 'query'): string {
  if (part === 'query' && isSafe(value, escapedUrlType)) return String(value.base);
  const vouched = isSafe(value, safeUrlType);
  let text = textOf(vouched ? value.base : value);
  if (part === 'query' && !vouched) return percentEncode(text, /[^A-Za-z0-9\-._~]/g);
  if (part === 'start' && !vouched) {
    const scheme = /^([^/?#]*?):/.exec(text)?.[1];
    if (scheme !== undefined && !/^(?:https?|mailto)$/i.test(scheme)) text = `#${unsafe}`;
  }
  // An escape that is there already stays.
  return percentEncode(text, /%(?![0-9a-fA-F]{2})|[^A-Za-z0-9\-._~!#$&*+,/:;=?@[\]%]/g);
}

function percentEncode(text: string, pattern: RegExp): string {
  return text.toWellFormed().replace(new RegExp(pattern.source, 'gu'), (rune) => Buffer.from(rune).toString('hex').replace(/../g, '%$&'));
}

export function escapeJsValue(value: unknown): string {
  if (isSafe(value, safeJsType)) return String(value.base);
  const base = baseOf(value);
  if (kindOf(base) === 'string') return encodeString(base as string);
  let json: string;
  try {
    json = marshalJson(value);
  } catch (error) {
    return ` /* ${(error as Error).message.replaceAll('*/', '* /').replaceAll('</', '\\x3C/')} */null `;
  }
  return /^[\w$]/.test(json) || /[\w$]$/.test(json) ? ` ${json} ` : json;
}

const jsStringEscapes: Readonly<Record<string, string>> = {
  '\0': '\\u0000',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\u000b',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\u0022',
  '`': '\\u0060',
  '&': '\\u0026',
  "'": '\\u0027',
  '+': '\\u002b',
  '/': '\\/',
  '<': '\\u003c',
  '>': '\\u003e',
  '\\': '\\\\',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

export function escapeJsString(value: unknown): string {
  return textOf(value).replace(/[\0\t\n\v\f\r"`&'+/<>\\\u2028\u2029]|\$(?=\{)/g, (char) => jsStringEscapes[char] ?? `\\u0024`);
}

export function escapeJsRegexp(value: unknown): string {
  const text = escapeJsString(value).replace(/[$()*.?[\]^{|}-]/g, '\\$&');
  return text === '' ? '(?:)' : text;
}

export function escapeCssValue(value: unknown): string {
  if (isSafe(value, safeCssType)) return String(value.base);
  const text = textOf(value);
  // Only plain values: keywords, colours, lengths, lists of them.
  if (/[\0"'()/;@[\\\]`{}<>]|--/.test(text) || /expression|mozbinding/i.test(text.replace(/[^a-z]/gi, ''))) return unsafe;
  return text;
}

export function escapeCssString(value: unknown): string {
  return textOf(value).replace(/[\0\t\n\f\r"&'()+/:;<>\\{}]/g, (char) =>
    char === '\\' ? '\\\\' : char === '/' ? '\\/' : `\\${char.charCodeAt(0).toString(16)}`,
  );
}
