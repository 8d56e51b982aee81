/**
 * The body of POST /api/v2/alerts, read alert by alert. Prometheus sends the same alerts again and again, so a label set that is known
 * is recognized by its text and never parsed; what is new or unusual goes through JSON.parse and is looked at member by member.
 * Hot: bench `alertmanager`.
 */
import { compareBytes, Labels, type Moment } from '@pronoia/model';
import { Alert, momentAt, readTime, zeroMoment } from '../alert.ts';
import type { AlertStore } from '../alert-store.ts';
import { AlertIdentity, ownText, pairsJson } from '../identity.ts';
import { isValidName, type MatcherMode } from '../matcher.ts';
import { InvalidRequest } from './context.ts';

export interface BodyOptions {
  readonly store: AlertStore;
  readonly mode: MatcherMode;
  readonly nowMs: number;
  readonly resolveTimeoutMs: number;
}

/** An alert, or why it cannot be stored though it is well written. */
export interface ReadAlert {
  readonly alert: Alert;
  readonly problem: string | undefined;
}

const quoteCode = 34;
const commaCode = 44;
const colonCode = 58;
const openCode = 123;
const closeCode = 125;

/** As long as the generator is asked, the text is read; a fault of the writing is thrown where it stands. */
export class AlertBody {
  readonly #text: string;
  /** The bytes, when each is a character: copies are then cut from them. */
  readonly #ascii: Buffer | undefined;
  readonly #options: BodyOptions;
  readonly #now: Moment;
  readonly #defaultEnd: Moment;
  #at = 0;
  #index = 0;
  // Within a request many alerts say the same.
  #timeText = '';
  #time: Moment | undefined;
  #urlText = '';
  #url = '';
  // The members of the alert that is being read, as their texts.
  #labels = '';
  #labelsAt = 0;
  #annotations = '';
  #annotationsAt = 0;
  #startsAt = '';
  #endsAt = '';
  #generatorUrl = '';

  constructor(bytes: Buffer, options: BodyOptions) {
    this.#text = bytes.toString();
    this.#ascii = this.#text.length === bytes.length ? bytes : undefined;
    this.#options = options;
    this.#now = momentAt(options.nowMs);
    this.#defaultEnd = momentAt(options.nowMs + options.resolveTimeoutMs);
  }

  /** Undefined at the end of the list. Throws InvalidRequest. */
  next(): ReadAlert | undefined {
    const text = this.#text;
    if (this.#index === 0 && !this.#enter()) return undefined;
    this.#skipBlanks();
    const from = this.#at;
    const read = this.#readUsual() ?? this.#readUnusual(from);
    this.#index++;
    this.#skipBlanks();
    const code = text.charCodeAt(this.#at);
    this.#at++;
    if (code === commaCode) return read;
    if (code !== 93) throw this.#malformed(`expected "," or "]" after alert ${this.#index - 1}`);
    this.#expectEnd();
    this.#isDone = true;
    return read;
  }

  #isDone = false;

  get isDone(): boolean {
    return this.#isDone;
  }

  /** To the first alert; false when there is none. */
  #enter(): boolean {
    this.#skipBlanks();
    const text = this.#text;
    if (text[this.#at] !== '[') {
      const value = parse(text, (reason) => this.#malformed(reason));
      if (value === null) throw new InvalidRequest(422, 602, 'alerts in body is required');
      throw badJson(`expected a list of alerts, found ${kindOf(value)}`);
    }
    this.#at++;
    this.#skipBlanks();
    if (text[this.#at] !== ']') return true;
    this.#at++;
    this.#expectEnd();
    this.#isDone = true;
    return false;
  }

  #expectEnd(): void {
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#malformed('unexpected text after the list');
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }

  #malformed(reason: string): InvalidRequest {
    return badJson(`${reason} at character ${this.#at}`);
  }

  // The usual writing: an object of texts and of flat objects of texts.

  /** Undefined when anything is unusual: then nothing is known, not even whether it is JSON. */
  #readUsual(): ReadAlert | undefined {
    const text = this.#text;
    this.#labels = this.#annotations = this.#startsAt = this.#endsAt = this.#generatorUrl = '';
    let at = this.#at;
    if (text.charCodeAt(at) !== openCode) return undefined;
    at = skip(text, at + 1);
    for (;;) {
      if (text.charCodeAt(at) !== quoteCode) return undefined;
      const nameEnd = text.indexOf('"', at + 1);
      const name = text.slice(at + 1, nameEnd);
      at = skip(text, nameEnd + 1);
      if (text.charCodeAt(at) !== colonCode) return undefined;
      at = skip(text, at + 1);
      const from = at;
      switch (name) {
        case 'labels':
          at = endOfFlatObject(text, from);
          this.#labels = text.slice(from, at);
          this.#labelsAt = from;
          break;
        case 'annotations':
          at = endOfFlatObject(text, from);
          this.#annotations = text.slice(from, at);
          this.#annotationsAt = from;
          break;
        case 'startsAt':
          at = endOfPlainText(text, from);
          this.#startsAt = text.slice(from + 1, at - 1);
          break;
        case 'endsAt':
          at = endOfPlainText(text, from);
          this.#endsAt = text.slice(from + 1, at - 1);
          break;
        case 'generatorURL':
          at = endOfPlainText(text, from);
          this.#generatorUrl = text.slice(from + 1, at - 1);
          break;
        default:
          return undefined;
      }
      if (at < 0) return undefined;
      at = skip(text, at);
      const code = text.charCodeAt(at);
      if (code === closeCode) break;
      if (code !== commaCode) return undefined;
      at = skip(text, at + 1);
    }
    if (this.#labels === '') return undefined;
    const read = this.#recognize() ?? this.#parseUsual();
    if (read !== undefined) this.#at = at + 1;
    return read;
  }

  /** The alert whose labels are known by their text. */
  #recognize(): ReadAlert | undefined {
    const { store, mode } = this.#options;
    const known = store.knownBy(this.#labels);
    if (known === undefined) return undefined;
    let annotationsJson = known.annotationsJson;
    if (this.#annotations !== annotationsJson) {
      const annotations = this.#readPairs(this.#annotations, this.#annotationsAt, true);
      // Not even a fault of the labels' names can be here: they were checked when they became known.
      if (annotations === undefined || problemOfNames(annotations.labels, mode) !== undefined) return undefined;
      annotationsJson = annotations.json;
    }
    return this.#finish(known.identity, annotationsJson, known);
  }

  #parseUsual(): ReadAlert | undefined {
    const pairs = this.#readPairs(this.#labels, this.#labelsAt, false);
    const annotations = this.#readPairs(this.#annotations, this.#annotationsAt, true);
    if (pairs === undefined || annotations === undefined) return undefined;
    const text = pairs.json === this.#labels ? pairs.json : this.#own(this.#labels, this.#labelsAt);
    const read = this.#finish(new AlertIdentity(pairs.labels, pairs.json, text), annotations.json, undefined);
    if (read === undefined) return undefined;
    const problem = problemOf(read.alert, annotations.labels, this.#options.mode);
    return problem === undefined ? read : { alert: read.alert, problem };
  }

  /**
   * In order of names, and their JSON. Undefined when the text is not JSON. The text itself is that JSON when it is in order and as
   * short as can be: an escape, a blank or a repeated name would make it longer.
   */
  #readPairs(text: string, at: number, keepsEmpty: boolean): { readonly labels: Labels; readonly json: string } | undefined {
    if (text === '' || text === '{}') return noPairs;
    const record = parseOrNothing(text);
    if (record === undefined) return undefined;
    const pairs: string[] = [];
    let length = 1;
    let last = '';
    let isUsual = true;
    // Numbers as names come first whatever the text's order: those go the long way.
    for (const name of Object.keys(record)) {
      const value = record[name] as string;
      length += name.length + value.length + 6;
      if (!isAfter(name, last) || (value === '' && !keepsEmpty)) {
        isUsual = false;
        break;
      }
      pairs.push(name, value);
      last = name;
    }
    if (isUsual && length === text.length) return { labels: Labels.fromSorted(pairs), json: this.#own(text, at) };
    const labels = keepsEmpty ? sortedPairs(record) : Labels.from(record);
    return { labels, json: ownText(pairsJson(labels)) };
  }

  /** A copy that does not keep the whole body alive. */
  #own(text: string, at: number): string {
    return this.#ascii === undefined ? ownText(text) : this.#ascii.toString('latin1', at, at + text.length);
  }

  #finish(identity: AlertIdentity, annotationsJson: string, known: Alert | undefined): ReadAlert | undefined {
    let startsAt: Moment | undefined;
    let endsAt: Moment | undefined;
    if (this.#startsAt !== '' && (startsAt = this.#readTime(this.#startsAt)) === undefined) return undefined;
    if (this.#endsAt !== '' && (endsAt = this.#readTime(this.#endsAt)) === undefined) return undefined;
    let generatorUrl = '';
    if (this.#generatorUrl !== '') {
      if (known !== undefined && known.generatorUrl === this.#generatorUrl) generatorUrl = known.generatorUrl;
      else if (this.#generatorUrl === this.#urlText) generatorUrl = this.#url;
      else {
        if (!isUri(this.#generatorUrl)) return undefined;
        this.#urlText = this.#url = generatorUrl = ownText(this.#generatorUrl);
      }
    }
    return this.#build(identity, annotationsJson, startsAt, endsAt, generatorUrl);
  }

  #readTime(text: string): Moment | undefined {
    if (text === this.#timeText) return this.#time;
    const time = readTime(text);
    this.#timeText = text;
    this.#time = time;
    return time;
  }

  /** Go's zero time stands for an absent one. */
  #build(
    identity: AlertIdentity,
    annotationsJson: string,
    startsAt: Moment | undefined,
    endsAt: Moment | undefined,
    generatorUrl: string,
  ): ReadAlert {
    const end = endsAt !== undefined && endsAt.unixMs === zeroMoment.unixMs ? undefined : endsAt;
    const start = startsAt !== undefined && startsAt.unixMs === zeroMoment.unixMs ? undefined : startsAt;
    const alert = new Alert({
      identity,
      annotationsJson,
      startsAt: start ?? end ?? this.#now,
      endsAt: end ?? this.#defaultEnd,
      generatorUrl,
      updatedAt: this.#now,
      isTimeout: end === undefined,
    });
    const problem = alert.endsAt.unixMs < alert.startsAt.unixMs ? 'start time must be before end time' : undefined;
    return { alert, problem };
  }

  // Any writing

  #readUnusual(from: number): ReadAlert {
    const i = this.#index;
    this.#at = from;
    const end = endOfValue(this.#text, from);
    if (end < 0) throw this.#malformed('unexpected end of the text, or no value,');
    const one = parse(this.#text.slice(from, end), (reason) => this.#malformed(`alert ${i}: ${reason}`));
    this.#at = end;
    if (one === null || typeof one !== 'object' || Array.isArray(one))
      throw badJson(`alert ${i}: expected an object, found ${kindOf(one)}`);
    const { labels, annotations, startsAt, endsAt, generatorURL } = one as Record<string, unknown>;
    if (labels === undefined || labels === null) throw new InvalidRequest(422, 602, `${i}.labels in body is required`);
    const url = textMember(generatorURL, i, 'generatorURL') ?? '';
    if (url !== '' && !isUri(url))
      throw new InvalidRequest(422, 601, `${i}.generatorURL in body must be of type uri: ${JSON.stringify(url)}`);
    const labelRecord = textMap(labels, i, 'labels');
    const annotationRecord = annotations === undefined || annotations === null ? {} : textMap(annotations, i, 'annotations');
    const time = (value: unknown, name: string): Moment | undefined => {
      const text = textMember(value, i, name);
      if (text === undefined || text === '') return undefined;
      const read = readTime(text);
      if (read === undefined) throw badJson(`parsing time ${JSON.stringify(text)}: ${name} must look like 2006-01-02T15:04:05Z`);
      return read;
    };
    const sorted = sortedPairs(annotationRecord);
    const { alert } = this.#build(
      new AlertIdentity(Labels.from(labelRecord)),
      ownText(pairsJson(sorted)),
      time(startsAt, 'startsAt'),
      time(endsAt, 'endsAt'),
      url,
    );
    return { alert, problem: problemOf(alert, sorted, this.#options.mode) };
  }
}

function skip(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at++;
  }
}

/** After the closing quote of the text that begins at `from`; −1 when there is none. */
function endOfText(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) return -1;
    if (text.charCodeAt(at - 1) !== 92) return at + 1;
    let slashes = 1;
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
}

/** After a text without escapes and control characters; −1 when it is something else. */
function endOfPlainText(text: string, from: number): number {
  if (text.charCodeAt(from) !== quoteCode) return -1;
  for (let at = from + 1; ; at++) {
    const code = text.charCodeAt(at);
    if (code === quoteCode) return at + 1;
    // NaN at the end of the text, too.
    if (!(code >= 32) || code === 92) return -1;
  }
}

/** After an object that holds nothing but texts, by the look of it; −1 when it holds something else. */
function endOfFlatObject(text: string, from: number): number {
  if (text.charCodeAt(from) !== openCode) return -1;
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quoteCode) {
      at = endOfText(text, at);
      if (at < 0) return -1;
    } else if (code === colonCode || code === commaCode || code === 32 || code === 10 || code === 13 || code === 9) at++;
    else return code === closeCode ? at + 1 : -1;
  }
}

/** After any value, by its brackets; −1 when the text ends before. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const char = text[at] as string;
    if (char === '"') {
      at = endOfText(text, at);
      if (at < 0) return -1;
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && (char === ',' || char === ']' || char === '}')) return at === from ? -1 : at;
    if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') {
      depth--;
      if (depth === 0) return at + 1;
    }
    at++;
  }
  return depth === 0 && at > from ? at : -1;
}

function parse(text: string, fault: (reason: string) => InvalidRequest): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // The engine's words quote the text, of which there may be much.
    throw fault((error as Error).message.slice(0, 200));
  }
}

/** Undefined when the text is not JSON, or the texts of the object are not texts. */
function parseOrNothing(text: string): Record<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
  return value as Record<string, string>;
}

const noPairs = { labels: Labels.empty, json: '{}' };

/** Both ASCII, so that units are bytes; names that begin with a digit are never after anything. */
function isAfter(name: string, last: string): boolean {
  const code = name.charCodeAt(0);
  return name > last && !(code >= 48 && code <= 57) && isAscii.test(name);
}

// oxlint-disable-next-line no-control-regex -- from the first to the last
const isAscii = /^[\u0000-\u007f]+$/;

/** Keeps empty values, unlike labels. */
function sortedPairs(record: Readonly<Record<string, string>>): Labels {
  const names = Object.keys(record).sort(compareBytes);
  const pairs: string[] = [];
  for (const name of names) pairs.push(name, record[name] as string);
  return Labels.fromSorted(pairs);
}

function problemOf(alert: Alert, annotations: Labels, mode: MatcherMode): string | undefined {
  if (alert.labels.size === 0) return 'at least one label pair required';
  const { pairs } = alert.labels;
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i] as string;
    const value = pairs[i + 1] as string;
    if (!isValidName(name, mode)) return `invalid label set: invalid name ${JSON.stringify(name)}`;
    if (!value.isWellFormed()) return `invalid label set: invalid value ${JSON.stringify(value)}`;
  }
  return (
    problemOfNames(annotations, mode) ?? (alert.endsAt.unixMs < alert.startsAt.unixMs ? 'start time must be before end time' : undefined)
  );
}

function problemOfNames({ pairs }: Labels, mode: MatcherMode): string | undefined {
  for (let i = 0; i < pairs.length; i += 2)
    if (!isValidName(pairs[i] as string, mode)) return `invalid annotations: invalid name ${JSON.stringify(pairs[i])}`;
  return undefined;
}

function badJson(reason: string): InvalidRequest {
  return new InvalidRequest(400, 400, `parsing alerts body from "" failed, because ${reason}`);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function textMember(value: unknown, i: number, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw badJson(`alert ${i}: ${name} must be a string, found ${kindOf(value)}`);
  return value;
}

function textMap(value: unknown, i: number, name: string): Readonly<Record<string, string>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw badJson(`alert ${i}: ${name} must be an object of strings, found ${kindOf(value)}`);
  for (const [key, inner] of Object.entries(value))
    if (typeof inner !== 'string') throw badJson(`alert ${i}: ${name}.${key} must be a string, found ${kindOf(inner)}`);
  return value as Readonly<Record<string, string>>;
}

/** Go's url.ParseRequestURI: absolute, or a path. */
function isUri(text: string): boolean {
  return text.startsWith('/') || /^[a-zA-Z][a-zA-Z0-9+.-]*:[^\s]/.test(text);
}
