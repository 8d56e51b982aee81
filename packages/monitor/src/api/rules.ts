/** Rules and alerts as they stand (prometheus-server.md §6.5). */
import { createHash } from 'node:crypto';
import { formatExponentFloat, Labels, type Matcher } from '@pronoia/model';
import type { Alert, AlertingRule } from '../rules/alerting.ts';
import type { Rule, RuleGroup } from '../rules/group.ts';
import type { RuleManager } from '../rules/manager.ts';
import { type ApiAnswer, type ApiRequest, type ApiRoute, badParameter } from './answer.ts';
import { goTime } from './go-time.ts';
import { matchParameters } from './parameters.ts';

export interface RulesDeps {
  readonly rules: RuleManager;
}

export function ruleRoutes({ rules }: RulesDeps): ApiRoute[] {
  return [
    { methods: ['GET'], path: '/rules', handle: (request) => listRules(rules, request) },
    { methods: ['GET'], path: '/alerts', handle: () => ({ data: { alerts: activeAlerts(rules) } }) },
  ];
}

interface Filters {
  readonly type: 'alert' | 'record' | undefined;
  readonly names: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
  readonly selectors: readonly (readonly Matcher[])[];
  readonly excludesAlerts: boolean;
}

function listRules(rules: RuleManager, { params }: ApiRequest): ApiAnswer {
  const filters = readFilters(params);
  const limit = pageLimit(params);
  const token = params.get('group_next_token') ?? '';
  if (token !== '' && limit === 0) throw badParameter('group_limit', 'group_limit needs to be set in order to paginate over the groups');
  const groups = rules.groups.filter(
    ({ config }) =>
      (filters.groups.size === 0 || filters.groups.has(config.name)) && (filters.files.size === 0 || filters.files.has(config.file)),
  );
  let from = 0;
  if (token !== '') {
    from = groups.findIndex((group) => tokenOf(group) === token);
    if (from < 0) throw badParameter('group_next_token', `invalid group_next_token '${token}'. were rule groups changed?`);
  }
  const shown: object[] = [];
  let nextToken: string | undefined;
  for (const group of groups.slice(from)) {
    const described = group.rules.filter((rule) => isWanted(rule, filters)).map((rule) => describeRule(rule, filters.excludesAlerts));
    if (described.length === 0) continue;
    if (limit > 0 && shown.length === limit) {
      nextToken = tokenOf(group);
      break;
    }
    shown.push(describeGroup(group, described));
  }
  return { data: nextToken === undefined ? { groups: shown } : { groups: shown, groupNextToken: nextToken } };
}

function readFilters(params: URLSearchParams): Filters {
  const type = params.get('type') ?? '';
  if (type !== '' && type !== 'alert' && type !== 'record') throw badParameter('type', `not supported value "${type}"`);
  const all = (name: string): Set<string> => new Set([...params.getAll(`${name}[]`), ...params.getAll(name)].filter((text) => text !== ''));
  const exclude = params.get('exclude_alerts') ?? '';
  if (!/^(|0|1|t|f|true|false)$/i.test(exclude))
    throw badParameter('exclude_alerts', `error converting exclude_alerts: "${exclude}" is not a boolean`);
  return {
    type: type === '' ? undefined : type,
    names: all('rule_name'),
    groups: all('rule_group'),
    files: all('file'),
    selectors: matchParameters(params),
    excludesAlerts: /^(1|t|true)$/i.test(exclude),
  };
}

function pageLimit(params: URLSearchParams): number {
  const text = params.get('group_limit') ?? '';
  if (text === '') return 0;
  if (!/^\d+$/.test(text) || Number(text) === 0 || !Number.isSafeInteger(Number(text))) {
    throw badParameter('group_limit', `"${text}": a whole number greater than 0 is expected`);
  }
  return Number(text);
}

function tokenOf({ config }: RuleGroup): string {
  return createHash('sha256').update(`${config.file};${config.name}`).digest('hex');
}

function isWanted(rule: Rule, { type, names, selectors }: Filters): boolean {
  if (type !== undefined && (type === 'alert') !== (rule.kind === 'alerting')) return false;
  if (names.size > 0 && !names.has(rule.name)) return false;
  const labels = Labels.from(rule.config.labels);
  return selectors.length === 0 || selectors.some((matchers) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))));
}

function describeGroup(group: RuleGroup, rules: readonly object[]): object {
  const { config, lastRun, intervalMs } = group;
  return {
    name: config.name,
    file: config.file,
    rules,
    interval: intervalMs / 1000,
    limit: config.limit,
    evaluationTime: lastRun.durationSeconds,
    lastEvaluation: goTime(lastRun.atMs),
  };
}

function describeRule(rule: Rule, excludesAlerts: boolean): object {
  const { health, lastError, evaluationSeconds, lastEvaluationMs } = rule.health;
  const evaluation = {
    health,
    ...(lastError === '' ? {} : { lastError }),
    evaluationTime: evaluationSeconds,
    lastEvaluation: goTime(lastEvaluationMs),
  };
  if (rule.kind === 'recording') {
    const { record, expr, labels } = rule.config;
    return { name: record, query: expr, ...(Object.keys(labels).length === 0 ? {} : { labels }), ...evaluation, type: 'recording' };
  }
  const { alert, expr, forMs, keepFiringForMs, labels, annotations } = rule.config;
  return {
    state: rule.state,
    name: alert,
    query: expr,
    duration: forMs / 1000,
    keepFiringFor: keepFiringForMs / 1000,
    labels,
    annotations,
    alerts: excludesAlerts ? null : shownAlerts(rule),
    ...evaluation,
    type: 'alerting',
  };
}

function activeAlerts(rules: RuleManager): object[] {
  return rules.groups.flatMap((group) => group.rules.flatMap((rule) => (rule.kind === 'alerting' ? shownAlerts(rule) : [])));
}

function shownAlerts(rule: AlertingRule): object[] {
  return [...rule.alertByKey.values()].filter(({ state }) => state !== 'inactive').map(describeAlert);
}

function describeAlert(alert: Alert): object {
  return {
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    state: alert.state,
    activeAt: goTime(alert.activeAtMs),
    ...(alert.keepFiringSinceMs === undefined ? {} : { keepFiringSince: goTime(alert.keepFiringSinceMs) }),
    value: formatExponentFloat(alert.value),
  };
}
