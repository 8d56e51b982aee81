/**
 * Output of an HTML template: each value is escaped for the place where it lands — text, attribute, URL, script, style —
 * as Go's html/template does.
 *
 * Go works the places out from the template before it runs; we follow the text while it is written. Values cannot change
 * the place (that is what escaping means), so both see the same, and loops, branches and template calls need no rules of
 * their own. What Go refuses beforehand (branches that end in different places) we simply render.
 */
import type { Sink } from './execute.ts';
import {
  escapeAttribute,
  escapeCssString,
  escapeCssValue,
  escapeJsRegexp,
  escapeJsString,
  escapeJsValue,
  escapeName,
  escapeRcdata,
  escapeText,
  escapeUrl,
} from './html-escape.ts';

type Place = 'text' | 'comment' | 'tag' | 'attributeName' | 'afterName' | 'beforeValue' | 'attribute' | 'rcdata' | 'script' | 'style';

type AttributeKind = 'plain' | 'url' | 'js' | 'css';
/** Where inside a script or style. */
type Inner =
  | 'code'
  | 'doubleQuoted'
  | 'singleQuoted'
  | 'template'
  | 'regexp'
  | 'blockComment'
  | 'lineComment'
  | 'url'
  | 'doubleUrl'
  | 'singleUrl';

const rawElements: Readonly<Record<string, 'rcdata' | 'script' | 'style'>> = {
  script: 'script',
  style: 'style',
  textarea: 'rcdata',
  title: 'rcdata',
};

const urlAttributes = new Set([
  'action',
  'archive',
  'background',
  'cite',
  'classid',
  'codebase',
  'data',
  'formaction',
  'href',
  'icon',
  'longdesc',
  'manifest',
  'poster',
  'profile',
  'src',
  'srcset',
  'usemap',
  'xmlns',
]);

export class HtmlSink implements Sink {
  readonly #maxLength: number;
  readonly #parts: string[] = [];
  #length = 0;
  #place: Place = 'text';
  /** The raw element (script, style, …) that the current tag opens. */
  #element = '';
  #name = '';
  #kind: AttributeKind = 'plain';
  #delimiter: '"' | "'" | '' = '"';
  #inner: Inner = 'code';
  #urlPart: 'start' | 'path' | 'query' = 'start';
  /** A `/` here begins a regular expression, not a division. */
  #slashIsRegexp = true;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  text(): string {
    return this.#parts.join('');
  }

  #emit(text: string): void {
    this.#length += text.length;
    if (this.#length > this.#maxLength) throw new Error(`output is longer than ${this.#maxLength} characters`);
    this.#parts.push(text);
  }

  value(value: unknown): void {
    switch (this.#place) {
      case 'text':
        this.#emit(escapeText(value));
        return;
      case 'comment':
        return;
      case 'tag':
        this.#startName('');
        this.#emit(escapeName(value, this.#kind !== 'plain'));
        return;
      case 'attributeName':
      case 'afterName':
        this.#emit(escapeName(value, kindOfAttribute(this.#name) !== 'plain'));
        return;
      case 'rcdata':
        this.#emit(escapeRcdata(value));
        return;
      case 'script':
        this.#emit(this.#script(value));
        return;
      case 'style':
        this.#emit(this.#style(value));
        return;
      case 'beforeValue':
        this.#startValue('');
        this.#attribute(value);
        return;
      case 'attribute':
        this.#attribute(value);
    }
  }

  #attribute(value: unknown): void {
    switch (this.#kind) {
      case 'plain':
        this.#emit(escapeAttribute(value, this.#delimiter === ''));
        return;
      case 'url':
        this.#emit(escapeAttribute(escapeUrl(value, this.#urlPart), this.#delimiter === ''));
        if (this.#urlPart === 'start') this.#urlPart = 'path';
        return;
      case 'js':
        this.#emit(escapeAttribute(this.#script(value), this.#delimiter === ''));
        return;
      case 'css':
        this.#emit(escapeAttribute(this.#style(value), this.#delimiter === ''));
    }
  }

  #script(value: unknown): string {
    const inner: string = this.#inner;
    switch (inner) {
      case 'doubleQuoted':
      case 'singleQuoted':
      case 'template':
        return escapeJsString(value);
      case 'regexp':
        return escapeJsRegexp(value);
      case 'blockComment':
      case 'lineComment':
        return '';
      default:
        this.#slashIsRegexp = false;
        return escapeJsValue(value);
    }
  }

  #style(value: unknown): string {
    const inner: string = this.#inner;
    switch (inner) {
      case 'code':
        return escapeCssValue(value);
      case 'blockComment':
      case 'lineComment':
        return '';
      case 'url':
      case 'doubleUrl':
      case 'singleUrl': {
        const text = escapeUrl(value, this.#urlPart);
        this.#urlPart = this.#urlPart === 'start' ? 'path' : this.#urlPart;
        return text;
      }
      default:
        return escapeCssString(value);
    }
  }

  // Following the text

  literal(text: string): void {
    let at = 0;
    while (at < text.length) at = this.#advance(text, at);
  }

  /** Writes from `at` to where the place changes, and says where that is. */
  #advance(text: string, at: number): number {
    switch (this.#place) {
      case 'text':
        return this.#advanceText(text, at);
      case 'comment': {
        // Comments of the template's HTML are dropped, as Go drops them.
        const end = text.indexOf('-->', at);
        if (end < 0) return text.length;
        this.#place = 'text';
        return end + 3;
      }
      case 'tag':
        return this.#advanceTag(text, at);
      case 'attributeName': {
        const end = match(/[^\s=/>]*/y, text, at);
        this.#emit(text.slice(at, end));
        this.#name += text.slice(at, end);
        if (end < text.length) this.#place = 'afterName';
        return end;
      }
      case 'afterName': {
        const end = match(/\s*/y, text, at);
        this.#emit(text.slice(at, end));
        if (end >= text.length) return end;
        if (text[end] !== '=') {
          this.#place = 'tag';
          return end;
        }
        this.#emit('=');
        this.#place = 'beforeValue';
        return end + 1;
      }
      case 'beforeValue': {
        const end = match(/\s*/y, text, at);
        this.#emit(text.slice(at, end));
        const next = text[end];
        if (next === undefined) return end;
        if (next === '>') {
          this.#place = 'tag';
          return end;
        }
        const delimiter = next === '"' || next === "'" ? next : '';
        this.#startValue(delimiter);
        this.#emit(delimiter);
        return end + delimiter.length;
      }
      case 'attribute':
        return this.#advanceAttribute(text, at);
      case 'rcdata':
      case 'script':
      case 'style':
        return this.#advanceRaw(text, at);
    }
  }

  #advanceText(text: string, at: number): number {
    const open = text.indexOf('<', at);
    if (open < 0) {
      this.#emit(text.slice(at));
      return text.length;
    }
    this.#emit(text.slice(at, open));
    if (text.startsWith('<!--', open)) {
      this.#place = 'comment';
      return open + 4;
    }
    const tag = /<(\/?)([a-zA-Z][^\s/>]*)/y;
    tag.lastIndex = open;
    const found = tag.exec(text);
    if (found === null) {
      // As Go: a lone < in text that opens nothing stays harmless.
      this.#emit(text.startsWith('<!', open) ? '<' : '&lt;');
      return open + 1;
    }
    this.#emit(found[0]);
    this.#element = found[1] === '/' ? '' : (found[2] as string).toLowerCase();
    this.#place = 'tag';
    return tag.lastIndex;
  }

  #advanceTag(text: string, at: number): number {
    const end = match(/[\s/]*/y, text, at);
    this.#emit(text.slice(at, end));
    if (end >= text.length) return end;
    if (text[end] !== '>') {
      this.#startName('');
      return end;
    }
    this.#emit('>');
    this.#place = rawElements[this.#element] ?? 'text';
    this.#inner = 'code';
    this.#slashIsRegexp = true;
    return end + 1;
  }

  #startName(name: string): void {
    this.#place = 'attributeName';
    this.#name = name;
    this.#kind = 'plain';
  }

  #startValue(delimiter: '"' | "'" | ''): void {
    this.#place = 'attribute';
    this.#delimiter = delimiter;
    this.#kind = kindOfAttribute(this.#name);
    this.#inner = 'code';
    this.#urlPart = 'start';
    this.#slashIsRegexp = true;
  }

  #advanceAttribute(text: string, at: number): number {
    const end = this.#delimiter === '' ? match(/[^\s>]*/y, text, at) : until(text, this.#delimiter, at);
    const chunk = text.slice(at, end);
    this.#emit(chunk);
    const plain = chunk.replace(/&(?:amp|quot|#34|#39|lt|gt);/g, (entity) => entities[entity] as string);
    if (this.#kind === 'url') this.#followUrl(plain);
    else if (this.#kind === 'js') this.#followScript(plain);
    else if (this.#kind === 'css') this.#followStyle(plain);
    if (end >= text.length) return end;
    this.#place = 'tag';
    this.#emit(this.#delimiter);
    return end + this.#delimiter.length;
  }

  #advanceRaw(text: string, at: number): number {
    const close = new RegExp(`</${this.#element}(?=[\\s/>]|$)`, 'ig');
    close.lastIndex = at;
    const found = close.exec(text);
    const end = found?.index ?? text.length;
    const chunk = text.slice(at, end);
    this.#emit(chunk);
    if (this.#place === 'script') this.#followScript(chunk);
    else if (this.#place === 'style') this.#followStyle(chunk);
    if (found === null) return end;
    this.#emit(found[0]);
    this.#element = '';
    this.#place = 'tag';
    return close.lastIndex;
  }

  #followUrl(chunk: string): void {
    if (/[?#]/.test(chunk)) this.#urlPart = 'query';
    else if (chunk.trim() !== '' && this.#urlPart === 'start') this.#urlPart = 'path';
  }

  #followScript(chunk: string): void {
    let at = 0;
    while (at < chunk.length) {
      const inner: string = this.#inner;
      switch (inner) {
        case 'doubleQuoted':
        case 'singleQuoted':
        case 'template':
          at = this.#followQuoted(chunk, at, inner === 'doubleQuoted' ? '"' : inner === 'singleQuoted' ? "'" : '`');
          break;
        case 'regexp': {
          const close = /(?:[^\\/[]|\\.|\[(?:[^\]\\]|\\.)*\])*\//y;
          close.lastIndex = at;
          if (close.exec(chunk) === null) return;
          at = close.lastIndex;
          this.#inner = 'code';
          this.#slashIsRegexp = false;
          break;
        }
        case 'blockComment':
        case 'lineComment':
          at = this.#followComment(chunk, at);
          break;
        default:
          at = this.#followCode(chunk, at);
      }
    }
  }

  #followCode(chunk: string, at: number): number {
    const next = /["'`/]/g;
    next.lastIndex = at;
    const found = next.exec(chunk);
    const before = chunk.slice(at, found?.index).trimEnd();
    if (before !== '') {
      const word = /[\p{L}\p{N}_$]+$/u.exec(before)?.[0];
      const last = before.at(-1) as string;
      this.#slashIsRegexp = word === undefined ? !'])}.'.includes(last) && !/(?:\+\+|--)$/.test(before) : regexpWords.has(word);
    }
    if (found === null) return chunk.length;
    const at2 = found.index;
    switch (found[0]) {
      case '"':
        this.#inner = 'doubleQuoted';
        return at2 + 1;
      case "'":
        this.#inner = 'singleQuoted';
        return at2 + 1;
      case '`':
        this.#inner = 'template';
        return at2 + 1;
      default:
        if (chunk[at2 + 1] === '/') this.#inner = 'lineComment';
        else if (chunk[at2 + 1] === '*') this.#inner = 'blockComment';
        else if (this.#slashIsRegexp) {
          this.#inner = 'regexp';
          return at2 + 1;
        } else {
          this.#slashIsRegexp = true;
          return at2 + 1;
        }
        return at2 + 2;
    }
  }

  #followQuoted(chunk: string, at: number, quote: string): number {
    for (let i = at; i < chunk.length; i++) {
      if (chunk[i] === '\\') i++;
      else if (chunk[i] === quote) {
        this.#inner = 'code';
        this.#slashIsRegexp = false;
        return i + 1;
      }
    }
    return chunk.length;
  }

  #followComment(chunk: string, at: number): number {
    const mark = this.#inner === 'blockComment' ? '*/' : '\n';
    const end = chunk.indexOf(mark, at);
    if (end < 0) return chunk.length;
    this.#inner = 'code';
    return end + mark.length;
  }

  #followStyle(chunk: string): void {
    let at = 0;
    while (at < chunk.length) {
      const inner: string = this.#inner;
      switch (inner) {
        case 'blockComment':
        case 'lineComment':
          at = this.#followComment(chunk, at);
          break;
        case 'doubleQuoted':
          at = this.#followQuoted(chunk, at, '"');
          break;
        case 'singleQuoted':
          at = this.#followQuoted(chunk, at, "'");
          break;
        case 'url':
        case 'doubleUrl':
        case 'singleUrl': {
          const mark = this.#inner === 'url' ? ')' : this.#inner === 'doubleUrl' ? '"' : "'";
          const end = until(chunk, mark, at);
          this.#followUrl(chunk.slice(at, end));
          if (end < chunk.length) this.#inner = 'code';
          at = end + 1;
          break;
        }
        default: {
          const next = /url\(\s*(["']?)|\/\*|\/\/|["']/gi;
          next.lastIndex = at;
          const found = next.exec(chunk);
          if (found === null) return;
          at = next.lastIndex;
          if (found[0] === '/*') this.#inner = 'blockComment';
          else if (found[0] === '//') this.#inner = 'lineComment';
          else if (found[0] === '"') this.#inner = 'doubleQuoted';
          else if (found[0] === "'") this.#inner = 'singleQuoted';
          else {
            this.#inner = found[1] === '"' ? 'doubleUrl' : found[1] === "'" ? 'singleUrl' : 'url';
            this.#urlPart = 'start';
          }
        }
      }
    }
  }
}

const entities: Readonly<Record<string, string>> = { '&amp;': '&', '&quot;': '"', '&#34;': '"', '&#39;': "'", '&lt;': '<', '&gt;': '>' };

/** Words after which a slash begins a regular expression. */
const regexpWords = new Set([
  'break',
  'case',
  'continue',
  'delete',
  'do',
  'else',
  'finally',
  'in',
  'instanceof',
  'return',
  'throw',
  'try',
  'typeof',
  'void',
]);

function kindOfAttribute(fullName: string): AttributeKind {
  let name = fullName.toLowerCase();
  if (name.startsWith('data-')) name = name.slice(5);
  const colon = name.indexOf(':');
  if (colon >= 0) {
    if (name.slice(0, colon) === 'xmlns') return 'url';
    name = name.slice(colon + 1);
  }
  if (name === 'style') return 'css';
  if (name.startsWith('on')) return 'js';
  if (urlAttributes.has(name) || /src|uri|url/.test(name)) return 'url';
  return 'plain';
}

function match(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.exec(text);
  return pattern.lastIndex;
}

function until(text: string, mark: string, at: number): number {
  const end = text.indexOf(mark, at);
  return end < 0 ? text.length : end;
}
