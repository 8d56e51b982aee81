/** Rule files (prometheus-server.md §7.1): read, and checked so that nothing in them can fail later but a query. */
import { readFile } from 'node:fs/promises';
import { isValidLabelName, TemplateParseError } from '@pronoia/model';
import { type ParseOptions, parseExpr, printExpr } from '@pronoia/promql';
import { optional, type Report, readConfig, required, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { globLastPart } from '../glob.ts';
import { AlertTemplate } from '../template/alert-template.ts';

export interface RecordingRuleConfig {
  readonly kind: 'recording';
  readonly record: string;
  /** In the printer's form. */
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface AlertingRuleConfig {
  readonly kind: 'alerting';
  readonly alert: string;
  readonly expr: string;
  readonly forMs: number;
  readonly keepFiringForMs: number;
  /** Templates, as annotations are. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export type RuleConfig = RecordingRuleConfig | AlertingRuleConfig;

/** Plain data: two groups are the same when their JSON is. */
export interface RuleGroupConfig {
  readonly file: string;
  readonly name: string;
  /** Absent: the global one. */
  readonly intervalMs: number | undefined;
  readonly queryOffsetMs: number | undefined;
  /** 0 = none. */
  readonly limit: number;
  readonly rules: readonly RuleConfig[];
}

const ruleSchema = schema.object({
  record: optional(schema.string()),
  alert: optional(schema.string()),
  expr: withDefault(schema.string(), ''),
  for: optional(schema.duration()),
  keep_firing_for: optional(schema.duration()),
  labels: withDefault(schema.map(schema.string()), {}),
  annotations: withDefault(schema.map(schema.string()), {}),
});
type WrittenRule = SchemaValue<typeof ruleSchema>;

const fileSchema = (options: ParseOptions) =>
  schema.refine(
    schema.nullable(
      schema.object({
        groups: withDefault(
          schema.list(
            schema.object({
              name: required(schema.string()),
              interval: optional(schema.duration()),
              query_offset: optional(schema.duration()),
              limit: withDefault(schema.integer({ min: 0 }), 0),
              labels: withDefault(schema.map(schema.string()), {}),
              rules: withDefault(schema.list(ruleSchema), []),
            }),
          ),
          [],
        ),
      }),
    ),
    (written, report): Omit<RuleGroupConfig, 'file'>[] => {
      const names = new Set<string>();
      return (written?.groups ?? []).map((group, index) => {
        const path = ['groups', index];
        if (group.name === '') report([...path, 'name'], 'Groupname must not be empty');
        if (names.has(group.name)) report([...path, 'name'], `groupname: "${group.name}" is repeated in the same file`);
        names.add(group.name);
        checkLabels(group.labels, report, [...path, 'labels']);
        return {
          name: group.name,
          intervalMs: group.interval || undefined,
          queryOffsetMs: group.query_offset,
          limit: group.limit,
          rules: group.rules.map((rule, at) => readRule(rule, group.labels, options, report, [...path, 'rules', at])),
        };
      });
    },
  );

/** Files in the order of the patterns, each pattern's sorted. Throws with everything that is wrong with the first bad file. */
export async function loadRuleFiles(patterns: readonly string[], options: ParseOptions = {}): Promise<RuleGroupConfig[]> {
  const files = new Set((await Promise.all(patterns.map(globLastPart))).flat());
  const groups: RuleGroupConfig[] = [];
  for (const file of files) groups.push(...parseRuleFile(await readFile(file, 'utf8'), file, options));
  return groups;
}

export function parseRuleFile(text: string, file: string, options: ParseOptions = {}): RuleGroupConfig[] {
  return readConfig(text, file, fileSchema(options)).map((group) => ({ file, ...group }));
}

type Path = readonly (string | number)[];

function readRule(
  rule: WrittenRule,
  groupLabels: Readonly<Record<string, string>>,
  options: ParseOptions,
  report: Report,
  path: Path,
): RuleConfig {
  const labels = { ...groupLabels, ...rule.labels };
  checkLabels(rule.labels, report, [...path, 'labels']);
  const expr = readExpr(rule.expr, options, report, path);
  if (rule.record !== undefined && rule.alert !== undefined) report(path, 'only one of record and alert must be set');
  if (rule.record !== undefined && rule.record !== '') {
    checkRecording(rule, rule.record, report, path);
    return { kind: 'recording', record: rule.record, expr, labels };
  }
  const alert = rule.alert ?? '';
  if (alert === '') report(path, 'one of record or alert must be set');
  checkTemplates(alert, rule.labels, report, [...path, 'labels']);
  checkTemplates(alert, rule.annotations, report, [...path, 'annotations']);
  for (const name of Object.keys(rule.annotations)) {
    if (!isValidLabelName(name, 'utf8')) report([...path, 'annotations', name], `invalid annotation name: ${name}`);
  }
  return {
    kind: 'alerting',
    alert,
    expr,
    forMs: rule.for ?? 0,
    keepFiringForMs: rule.keep_firing_for ?? 0,
    labels,
    annotations: rule.annotations,
  };
}

function checkRecording(rule: WrittenRule, name: string, report: Report, path: Path): void {
  if (Object.keys(rule.annotations).length > 0) report([...path, 'annotations'], 'invalid field annotations in recording rule');
  if (rule.for !== undefined && rule.for !== 0) report([...path, 'for'], "invalid field 'for' in recording rule");
  if (rule.keep_firing_for !== undefined && rule.keep_firing_for !== 0) {
    report([...path, 'keep_firing_for'], "invalid field 'keep_firing_for' in recording rule");
  }
  if (!isValidLabelName(name, 'utf8')) report([...path, 'record'], `invalid recording rule name: ${name}`);
  if (/[{}]/.test(name)) report([...path, 'record'], `braces present in the recording rule name; should it be in expr?: ${name}`);
}

function readExpr(text: string, options: ParseOptions, report: Report, path: Path): string {
  if (text === '') {
    report([...path, 'expr'], "field 'expr' must be set in rule");
    return '';
  }
  const parsed = parseExpr(text, options);
  if (parsed.kind === 'ok') return printExpr(parsed.expr);
  report([...path, 'expr'], `could not parse expression: ${parsed.errors[0]?.text}`);
  return text;
}

function checkLabels(labels: Readonly<Record<string, string>>, report: Report, path: Path): void {
  for (const name of Object.keys(labels)) {
    if (!isValidLabelName(name, 'utf8') || name === '__name__') report([...path, name], `invalid label name: ${name}`);
  }
}

function checkTemplates(alert: string, texts: Readonly<Record<string, string>>, report: Report, path: Path): void {
  for (const [name, text] of Object.entries(texts)) {
    try {
      new AlertTemplate(alert, text);
    } catch (error) {
      if (!(error instanceof TemplateParseError)) throw error;
      report([...path, name], `template does not parse: ${error.message}`);
    }
  }
}
