/**
 * Relabeling: a list of rules that rewrites a label set or drops it (prometheus-server.md §2.5). The same rules shape targets,
 * scraped samples, alerts and the discovered Alertmanagers. Rules are checked once when they are made; applying them cannot fail.
 */
import { RE2JS } from 're2js';
import { compareBytes, isLegacyName, Labels } from './labels.ts';
import { md5 } from './md5.ts';

const relabelActions = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const;

export type RelabelAction = (typeof relabelActions)[number];

export type NameValidation = 'utf8' | 'legacy';

/** A rule as users write it; absent fields have Prometheus' defaults. */
export interface RelabelOptions {
  readonly source_labels?: readonly string[];
  readonly separator?: string;
  readonly regex?: string;
  readonly modulus?: number;
  readonly target_label?: string;
  readonly replacement?: string;
  /** In any case. */
  readonly action?: string;
}

/** A checked rule; make it with `createRelabelRule`. */
export interface RelabelRule {
  readonly action: RelabelAction;
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: AnchoredRegex;
  readonly modulus: number;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly validation: NameValidation;
}

/** A rule that contradicts itself; the message is the original's. */
export class RelabelError extends Error {
  override readonly name = 'RelabelError';
}

const defaultRegex = '(.*)';
const defaultReplacement = '$1';
const legacyTemplate = /^(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+(?:\w|\$(?:\{\w+\}|\w+))*$/;

/** Checks a rule and compiles its pattern; throws RelabelError. */
export function createRelabelRule(options: RelabelOptions, validation: NameValidation = 'utf8'): RelabelRule {
  const action = (options.action ?? 'replace').toLowerCase() as RelabelAction;
  if (!relabelActions.includes(action)) throw new RelabelError(`unknown relabel action "${options.action}"`);
  const pattern = options.regex ?? defaultRegex;
  const rule: RelabelRule = {
    action,
    sourceLabels: options.source_labels ?? [],
    separator: options.separator ?? ';',
    regex: new AnchoredRegex(pattern),
    modulus: options.modulus ?? 0,
    targetLabel: options.target_label ?? '',
    replacement: options.replacement ?? defaultReplacement,
    validation,
  };
  checkRule(rule, options);
  return rule;
}

function checkRule(rule: RelabelRule, given: RelabelOptions): void {
  const { action, targetLabel, replacement, validation } = rule;
  const isName = (name: string): boolean => isValidLabelName(name, validation);
  const isTemplate = (text: string): boolean => (validation === 'utf8' ? text !== '' : legacyTemplate.test(text));
  const needsTarget = ['replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal'].includes(action);

  for (const name of rule.sourceLabels) if (!isName(name)) throw new RelabelError(`"${name}" is not a valid label name`);
  if (action === 'hashmod' && rule.modulus === 0) throw new RelabelError('relabel configuration for hashmod requires non-zero modulus');
  if (needsTarget && targetLabel === '') throw new RelabelError(`relabel configuration for ${action} action requires 'target_label' value`);
  if (action === 'replace' && !isTemplate(targetLabel)) {
    throw new RelabelError(`"${targetLabel}" is invalid 'target_label' for ${action} action`);
  }
  if (needsTarget && action !== 'replace' && !isName(targetLabel)) {
    throw new RelabelError(`"${targetLabel}" is invalid 'target_label' for ${action} action`);
  }
  if ((action === 'lowercase' || action === 'uppercase') && replacement !== defaultReplacement) {
    throw new RelabelError(`'replacement' can not be set for ${action} action`);
  }
  if (action === 'labelmap' && !isTemplate(replacement))
    throw new RelabelError(`"${replacement}" is invalid 'replacement' for ${action} action`);
  if (action === 'keepequal' || action === 'dropequal') refuseOthers(action, given, ['source_labels', 'target_label']);
  if (action === 'labeldrop' || action === 'labelkeep') refuseOthers(action, given, ['regex']);
}

function refuseOthers(action: RelabelAction, given: RelabelOptions, allowed: readonly (keyof RelabelOptions)[]): void {
  for (const key of Object.keys(given) as (keyof RelabelOptions)[]) {
    if (key === 'action' || allowed.includes(key) || given[key] === undefined) continue;
    const wanted = allowed.map((name) => `'${name}'`).join(' and ');
    throw new RelabelError(`${action} action requires only ${wanted}, and no other fields; remove '${key}'`);
  }
}

/**
 * Applies the rules in order. Returns the changed labels (the same object when nothing changed), or undefined when a rule
 * dropped them.
 */
export function relabel(labels: Labels, rules: readonly RelabelRule[]): Labels | undefined {
  if (rules.length === 0) return labels;
  const values = new Map<string, string>(labels);
  for (const rule of rules) if (!applyRule(values, rule)) return undefined;
  return toLabels(values, labels);
}

/** Back to the immutable form; keeps `before` when no rule touched anything, so that callers can compare by identity. */
function toLabels(values: Map<string, string>, before: Labels): Labels {
  let same = values.size === before.size;
  for (const [name, value] of before) {
    if (!same) break;
    same = values.get(name) === value;
  }
  if (same) return before;
  const pairs: string[] = [];
  for (const name of [...values.keys()].sort(compareBytes)) pairs.push(name, values.get(name) as string);
  return Labels.fromSorted(pairs);
}

/** False means: drop the whole label set. */
function applyRule(values: Map<string, string>, rule: RelabelRule): boolean {
  const { regex } = rule;
  const set = (name: string, value: string): void => {
    if (value === '') values.delete(name);
    else values.set(name, value);
  };
  const source = (): string => rule.sourceLabels.map((name) => values.get(name) ?? '').join(rule.separator);
  switch (rule.action) {
    case 'replace': {
      const expand = regex.match(source());
      if (expand === undefined) return true;
      const target = expand(rule.targetLabel);
      if (isValidLabelName(target, rule.validation)) set(target, expand(rule.replacement));
      return true;
    }
    case 'keep':
      return regex.test(source());
    case 'drop':
      return !regex.test(source());
    case 'keepequal':
      return (values.get(rule.targetLabel) ?? '') === source();
    case 'dropequal':
      return (values.get(rule.targetLabel) ?? '') !== source();
    case 'lowercase':
      set(rule.targetLabel, source().toLowerCase());
      return true;
    case 'uppercase':
      set(rule.targetLabel, source().toUpperCase());
      return true;
    case 'hashmod':
      set(rule.targetLabel, hashModulus(source(), rule.modulus));
      return true;
    case 'labelmap': {
      const before = [...values];
      for (const [name, value] of before) {
        const expand = regex.match(name);
        if (expand !== undefined) set(expand(rule.replacement), value);
      }
      return true;
    }
    case 'labeldrop':
      for (const name of values.keys()) if (regex.test(name)) values.delete(name);
      return true;
    case 'labelkeep':
      for (const name of values.keys()) if (!regex.test(name)) values.delete(name);
      return true;
  }
}

function hashModulus(text: string, modulus: number): string {
  const digest = md5(text);
  const last8 = new DataView(digest.buffer).getBigUint64(8);
  return (last8 % BigInt(modulus)).toString();
}

/** Any non-empty, well-formed text, or in the legacy scheme `[a-zA-Z_][a-zA-Z0-9_]*`. */
export function isValidLabelName(name: string, validation: NameValidation): boolean {
  return validation === 'utf8' ? name !== '' && !/\p{Surrogate}/u.test(name) : isLegacyName(name);
}

/** An RE2 pattern that must match the whole text, where `.` is any character (prometheus-server.md §1.4). */
class AnchoredRegex {
  readonly pattern: string;
  readonly #matchesAll: boolean;
  /** Set when the pattern has no special character: then it is a plain comparison. */
  readonly #literal: string | undefined;
  readonly #compiled: RE2JS;

  constructor(pattern: string) {
    this.pattern = pattern;
    this.#matchesAll = pattern === defaultRegex || pattern === '.*';
    this.#literal = /[\\^$.|?*+()[\]{}]/.test(pattern) ? undefined : pattern;
    try {
      this.#compiled = RE2JS.compile(`^(?s:${pattern})$`);
    } catch (cause) {
      throw new RelabelError(`error parsing regexp: ${(cause as Error).message.replace(/^error parsing regexp: /, '')}`, { cause });
    }
  }

  test(text: string): boolean {
    if (this.#matchesAll) return true;
    if (this.#literal !== undefined) return this.#literal === text;
    return this.#compiled.test(text);
  }

  /** What fills a template with this match's groups, or undefined when there is no match. */
  match(text: string): ((template: string) => string) | undefined {
    if (this.pattern === defaultRegex)
      return (template) => expandTemplate(template, (group) => (group === '0' || group === '1' ? text : ''));
    if (this.#literal !== undefined) {
      return this.#literal === text ? (template) => expandTemplate(template, (group) => (group === '0' ? text : '')) : undefined;
    }
    const matcher = this.#compiled.matcher(text);
    if (!matcher.find()) return undefined;
    const names = this.#compiled.namedGroups();
    return (template) =>
      expandTemplate(template, (group) => {
        const index = /^(?:0|[1-9]\d{0,7})$/.test(group) ? Number(group) : names[group];
        if (index === undefined || index > matcher.groupCount()) return '';
        return matcher.group(index) ?? '';
      });
  }
}

/**
 * Go's `Regexp.Expand`: `$1`, `${1}`, `$name`, `${name}`, `$$`. A name is the longest run of letters, digits and underscores, so
 * `$1x` means the group named `1x`; a `$` that begins none of these stays as it is.
 */
export function expandTemplate(template: string, group: (name: string) => string): string {
  if (!template.includes('$')) return template;
  return template.replace(/\$(?:(\$)|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (_, dollar, braced, plain) =>
    dollar === undefined ? group((braced ?? plain) as string) : '$',
  );
}
