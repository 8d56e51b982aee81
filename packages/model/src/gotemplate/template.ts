/**
 * Templates and sets of templates: the front door of this folder. Definitions of a set see each other; a text may be
 * executed on top of a set without becoming part of it.
 */
import { quoteGo } from '../quote.ts';
import { builtins, escapeHtml, evalArgs, queryEscape } from './builtin.ts';
import { execute, type Limits, type MissingKey, type Program, type Sink } from './execute.ts';
import { HtmlSink } from './html.ts';
import { escapedHtmlType, escapedUrlType } from './html-escape.ts';
import { isEmptyTree, parseTrees, type Tree } from './parser.ts';
import { TextSink } from './text-sink.ts';
import { type GoFunction, goFunction, Typed } from './value.ts';

export interface TemplateOptions {
  /** Beside the built-in ones; the same name replaces. */
  readonly functions?: Readonly<Record<string, GoFunction>>;
  /** Escape values by where they stand in HTML (Go html/template). */
  readonly html?: boolean;
  readonly missingKey?: MissingKey;
  readonly limits?: Partial<Limits>;
}

/** In HTML these mark their result, so that it is not escaped again. */
const htmlFunctions: Readonly<Record<string, GoFunction>> = {
  html: goFunction(['...any'], (...args) => new Typed(escapedHtmlType, escapeHtml(evalArgs(args)))),
  urlquery: goFunction(['...any'], (...args) => new Typed(escapedUrlType, queryEscape(evalArgs(args)))),
};

const defaultLimits: Limits = { maxOutput: 8 * 1024 * 1024, maxDepth: 1000, maxSteps: 5_000_000 };

/** Named templates that can call each other. */
export class TemplateSet {
  readonly #options: TemplateOptions;
  readonly #functions: ReadonlyMap<string, GoFunction>;
  readonly #trees: Map<string, Tree>;

  constructor(options: TemplateOptions = {}, trees: ReadonlyMap<string, Tree> = new Map()) {
    this.#options = options;
    const ownFunctions = options.html ? { ...htmlFunctions, ...options.functions } : (options.functions ?? {});
    this.#functions = new Map(Object.entries(ownFunctions));
    this.#trees = new Map(trees);
  }

  /** Parses `text` and adds it with everything it defines; a later definition replaces an earlier one. Throws TemplateParseError. */
  add(name: string, text: string): void {
    this.#merge(
      this.#trees,
      parseTrees(name, text, (word) => this.#functions.has(word) || builtins.has(word)),
    );
  }

  #merge(into: Map<string, Tree>, trees: ReadonlyMap<string, Tree>): void {
    for (const [name, tree] of trees) {
      const old = into.get(name);
      if (old === undefined || isEmptyTree(old.root) || !isEmptyTree(tree.root)) into.set(name, tree);
    }
  }

  has(name: string): boolean {
    return this.#trees.has(name);
  }

  /** A copy that can grow by itself. */
  clone(): TemplateSet {
    return new TemplateSet(this.#options, this.#trees);
  }

  /** The output of the template `name`. Throws TemplateExecError. */
  execute(name: string, data: unknown): string {
    return this.#run(this.#trees, name, data);
  }

  /** The template of `text` with the set's definitions in reach. Throws TemplateParseError. */
  parse(name: string, text: string): Template {
    const trees = new Map(this.#trees);
    // The text's own body always counts, even when it is empty.
    const parsed = parseTrees(name, text, (word) => this.#functions.has(word) || builtins.has(word));
    this.#merge(trees, parsed);
    trees.set(name, parsed.get(name) as Tree);
    return { name, execute: (data) => this.#run(trees, name, data) };
  }

  #run(trees: ReadonlyMap<string, Tree>, name: string, data: unknown): string {
    const { html = false, missingKey = 'default' } = this.#options;
    const limits = { ...defaultLimits, ...this.#options.limits };
    const program: Program = { trees, functions: this.#functions, missingKey, limits };
    const sink: Sink & { text(): string } = html ? new HtmlSink(limits.maxOutput) : new TextSink(limits.maxOutput);
    execute(program, name, data, sink);
    return sink.text();
  }

  toString(): string {
    return `templates ${[...this.#trees.keys()].map(quoteGo).join(', ')}`;
  }
}

export interface Template {
  readonly name: string;
  /** The output, or a TemplateExecError; a failing template gives no partial output. */
  execute(data: unknown): string;
}

/** One template by itself. */
export function parseTemplate(name: string, text: string, options: TemplateOptions = {}): Template {
  return new TemplateSet(options).parse(name, text);
}
