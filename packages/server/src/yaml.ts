/**
 * A YAML document as a tree that knows where every node stands. js-yaml's event stream gives offsets; this file turns the first
 * document into nodes, refuses duplicate keys, and keeps plain and quoted scalars apart, because `5` and `"5"` are different to a reader.
 */
import { createRequire } from 'node:module';
import type { Event, ScalarEvent } from 'js-yaml';

type JsYaml = typeof import('js-yaml');

interface Place {
  /** Offset into the text. */
  readonly start: number;
}
export interface ScalarNode extends Place {
  readonly kind: 'scalar';
  readonly text: string;
  /** Neither quoted nor a block: its text may mean a number, a boolean or null. */
  readonly isPlain: boolean;
  /** Explicit tag such as `!!str`, or empty. */
  readonly tag: string;
}
export interface SequenceNode extends Place {
  readonly kind: 'sequence';
  readonly items: YamlNode[];
}
export interface MappingNode extends Place {
  readonly kind: 'mapping';
  readonly entries: { readonly key: string; readonly keyStart: number; readonly value: YamlNode }[];
}
export type YamlNode = ScalarNode | SequenceNode | MappingNode;

export type YamlFault = { readonly start: number; readonly message: string };

/** Aliases may repeat a node at most so often in all: a few lines of YAML could otherwise stand for billions of nodes. */
const maxNodes = 1_000_000;

/** The first document's root (undefined: empty document), or why there is none. */
export function parseYaml(text: string): { root: YamlNode | undefined; faults: readonly YamlFault[] } {
  const yaml = createRequire(import.meta.url)('js-yaml') as JsYaml;
  let events: Event[];
  try {
    events = yaml.parseEvents(text, {});
  } catch (error) {
    if (!(error instanceof yaml.YAMLException)) throw error;
    return { root: undefined, faults: [{ start: error.mark?.position ?? 0, message: `not valid YAML: ${error.reason}` }] };
  }
  return new Composer(text, events, yaml.getScalarValue).compose();
}

class Composer {
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #scalarText: JsYaml['getScalarValue'];
  readonly #faults: YamlFault[] = [];
  readonly #anchors = new Map<string, { node: YamlNode; nodes: number }>();
  #at = 0;
  #nodes = 0;

  constructor(text: string, events: readonly Event[], scalarText: JsYaml['getScalarValue']) {
    this.#text = text;
    this.#events = events;
    this.#scalarText = scalarText;
  }

  compose(): { root: YamlNode | undefined; faults: readonly YamlFault[] } {
    // Only the first document is read, as the originals do; 1 is its start event, 6 its end.
    if (this.#events[this.#at++] === undefined) return { root: undefined, faults: [] };
    const first = this.#events[this.#at];
    if (first === undefined || first.type === 6) return { root: undefined, faults: this.#faults };
    const root = this.#node(0);
    if (root.kind === 'scalar' && root.isPlain && root.text === '' && root.tag === '') return { root: undefined, faults: this.#faults };
    return { root, faults: this.#faults };
  }

  #node(parentStart: number): YamlNode {
    const event = this.#events[this.#at++];
    const nodesBefore = this.#nodes++;
    if (this.#nodes > maxNodes) return this.#fault(parentStart, 'the document is too large');
    if (event === undefined) return this.#fault(parentStart, 'the document ends too early');
    let node: YamlNode;
    // js-yaml's EVENT_ID: 1 document, 2 sequence, 3 mapping, 4 scalar, 5 alias, 6 end of the innermost open one.
    switch (event.type) {
      case 2: {
        const items: YamlNode[] = [];
        while (this.#more()) items.push(this.#node(event.start));
        node = { kind: 'sequence', start: event.start, items };
        break;
      }
      case 3:
        node = this.#mapping(event.start);
        break;
      case 4:
        node = this.#scalar(event, parentStart);
        break;
      case 5: {
        const name = this.#text.slice(event.anchorStart, event.anchorEnd);
        const target = this.#anchors.get(name);
        if (target === undefined) return this.#fault(event.anchorStart, `there is no anchor &${name} before *${name}`);
        this.#nodes += target.nodes;
        if (this.#nodes > maxNodes) return this.#fault(event.anchorStart, 'aliases repeat too much of the document');
        return target.node;
      }
      // A document or an end cannot stand where a value is due.
      case 1:
      case 6:
        return this.#fault(parentStart, 'the document ends too early');
    }
    if (event.anchorStart !== -1) {
      this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), { node, nodes: this.#nodes - nodesBefore });
    }
    return node;
  }

  /** False after stepping over the end of the collection. */
  #more(): boolean {
    const event = this.#events[this.#at];
    if (event === undefined) return false;
    if (event.type !== 6) return true;
    this.#at++;
    return false;
  }

  #mapping(start: number): MappingNode {
    const entries: MappingNode['entries'][number][] = [];
    const seen = new Set<string>();
    const merged: MappingNode['entries'][number][] = [];
    while (this.#more()) {
      const key = this.#node(start);
      const value = this.#node(key.start);
      if (key.kind !== 'scalar') {
        this.#faults.push({ start: key.start, message: 'a key must be a single word or text' });
        continue;
      }
      if (key.text === '<<' && key.isPlain) {
        for (const source of value.kind === 'sequence' ? value.items : [value]) {
          if (source.kind === 'mapping') merged.push(...source.entries);
          else this.#faults.push({ start: source.start, message: '<< needs a mapping, or a list of mappings' });
        }
        continue;
      }
      if (seen.has(key.text)) {
        this.#faults.push({ start: key.start, message: `the key "${key.text}" stands here twice; remove one` });
        continue;
      }
      seen.add(key.text);
      entries.push({ key: key.text, keyStart: key.start, value });
    }
    // Merged keys come second: the mapping's own win, then earlier sources.
    for (const entry of merged) {
      if (seen.has(entry.key)) continue;
      seen.add(entry.key);
      entries.push(entry);
    }
    return { kind: 'mapping', start, entries };
  }

  #scalar(event: ScalarEvent, parentStart: number): ScalarNode {
    const isEmpty = event.valueStart === -1;
    const tag = event.tagStart === -1 ? '' : this.#text.slice(event.tagStart, event.tagEnd);
    return {
      kind: 'scalar',
      // An empty value (`key:`) has no place of its own: its key's serves. A quoted one (styles 2 and 3) begins at its quote.
      start: isEmpty ? parentStart : event.valueStart - (event.style === 2 || event.style === 3 ? 1 : 0),
      text: isEmpty ? '' : this.#scalarText(this.#text, event),
      isPlain: event.style === 1 && tag !== '!!str' && tag !== '!',
      tag,
    };
  }

  #fault(start: number, message: string): ScalarNode {
    if (this.#faults.at(-1)?.message !== message) this.#faults.push({ start, message });
    // Nothing after this makes sense.
    this.#at = this.#events.length;
    return { kind: 'scalar', start, text: '', isPlain: true, tag: '' };
  }
}

export function isNull(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.isPlain && /^(?:|~|null|Null|NULL)$/.test(node.text);
}

/** The JavaScript value of a node (YAML 1.2 core schema). */
export function plainValue(node: YamlNode): unknown {
  switch (node.kind) {
    case 'sequence':
      return node.items.map(plainValue);
    case 'mapping':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainValue(value)]));
    case 'scalar': {
      const { text } = node;
      if (!node.isPlain) return text;
      if (isNull(node)) return null;
      if (/^(?:true|True|TRUE)$/.test(text)) return true;
      if (/^(?:false|False|FALSE)$/.test(text)) return false;
      if (/^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/.test(text) || /^0(?:o[0-7]+|x[\da-fA-F]+)$/.test(text)) return Number(text);
      if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
      if (/^\.(?:nan|NaN|NAN)$/.test(text)) return NaN;
      return text;
    }
  }
}
