/**
 * The configuration file: read, checked as a whole, and echoed. Every fault is told with its line; nothing is used before all of it
 * is right.
 */
import { readFileSync } from 'node:fs';
import { type Field, optional, readConfig, required, type Schema, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { AlertMatcher, compareMatchers, isValidName, type MatcherMode, type OnDisagreement, parseMatchers } from '../matcher.ts';
import { exclusive, hostPort } from './common.ts';
import { echoConfig } from './echo.ts';
import { httpConfigSchema, tlsConfigSchema } from './http-config.ts';
import { type Receiver, receiverSchema } from './receivers.ts';
import { type EventRecorderConfig, eventRecorderSchema, type TracingConfig, tracingSchema } from './recording.ts';
import { type SilencePolicy, silencePolicySchema } from './silence-policy.ts';
import { type NamedTimeIntervals, timeIntervalsSchema } from './time-intervals.ts';

export interface ConfigOptions {
  readonly mode?: MatcherMode;
  readonly onDisagreement?: OnDisagreement;
}

const text = optional(schema.string());

const globalSchema = schema.refine(
  schema.object({
    resolve_timeout: withDefault(schema.duration(), 300_000),
    http_config: optional(httpConfigSchema),
    smtp_from: text,
    smtp_smarthost: optional(hostPort()),
    smtp_hello: withDefault(schema.string(), 'localhost'),
    smtp_auth_username: text,
    smtp_auth_password: text,
    smtp_auth_password_file: text,
    smtp_auth_secret: text,
    smtp_auth_secret_file: text,
    smtp_auth_identity: text,
    smtp_require_tls: withDefault(schema.boolean(), true),
    smtp_tls_config: optional(tlsConfigSchema),
    smtp_force_implicit_tls: optional(schema.boolean()),
    slack_api_url: text,
    slack_api_url_file: text,
    slack_app_token: text,
    slack_app_token_file: text,
    slack_app_url: withDefault(schema.string(), 'https://slack.com/api/chat.postMessage'),
    pagerduty_url: withDefault(schema.url(), 'https://events.pagerduty.com/v2/enqueue'),
    opsgenie_api_url: withDefault(schema.url(), 'https://api.opsgenie.com/'),
    opsgenie_api_key: text,
    opsgenie_api_key_file: text,
    wechat_api_url: withDefault(schema.url(), 'https://qyapi.weixin.qq.com/cgi-bin/'),
    wechat_api_secret: text,
    wechat_api_secret_file: text,
    wechat_api_corp_id: text,
    victorops_api_url: withDefault(schema.url(), 'https://alert.victorops.com/integrations/generic/20131114/alert/'),
    victorops_api_key: text,
    victorops_api_key_file: text,
    telegram_api_url: withDefault(schema.url(), 'https://api.telegram.org'),
    telegram_bot_token: text,
    telegram_bot_token_file: text,
    webex_api_url: withDefault(schema.url(), 'https://webexapis.com/v1/messages'),
    rocketchat_api_url: withDefault(schema.url(), 'https://open.rocket.chat/'),
    rocketchat_token: text,
    rocketchat_token_file: text,
    rocketchat_token_id: text,
    rocketchat_token_id_file: text,
    mattermost_webhook_url: text,
    mattermost_webhook_url_file: text,
    jira_api_url: text,
  }),
  (global) => {
    for (const name of [
      'smtp_auth_password',
      'smtp_auth_secret',
      'slack_api_url',
      'slack_app_token',
      'opsgenie_api_key',
      'wechat_api_secret',
      'victorops_api_key',
      'telegram_bot_token',
      'rocketchat_token',
      'rocketchat_token_id',
      'mattermost_webhook_url',
    ])
      exclusive(global, name, `${name}_file`);
    const hasToken = global.slack_app_token !== undefined || global.slack_app_token_file !== undefined;
    const hasUrl =
      (global.slack_api_url !== undefined && global.slack_api_url !== global.slack_app_url) || global.slack_api_url_file !== undefined;
    if (hasToken && hasUrl) throw new Error('at most one of slack_app_token & slack_api_url must be configured');
    const slash = (url: string): string => (url.endsWith('/') ? url : `${url}/`);
    return {
      ...global,
      opsgenie_api_url: slash(global.opsgenie_api_url),
      wechat_api_url: slash(global.wechat_api_url),
      victorops_api_url: slash(global.victorops_api_url),
    };
  },
);
export type GlobalConfig = SchemaValue<typeof globalSchema>;

/** As written; what a route inherits is worked out in `route.ts`. */
export interface RouteConfig {
  readonly receiver?: string;
  readonly group_by?: readonly string[];
  readonly group_wait?: number;
  readonly group_interval?: number;
  readonly repeat_interval?: number;
  /** match, match_re and matchers together, sorted. */
  readonly matchers: readonly AlertMatcher[];
  readonly continue: boolean;
  readonly mute_time_intervals: readonly string[];
  readonly active_time_intervals: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Not in the original: an end is told only when it has lasted so long. */
  readonly resolve_delay?: number;
  /** Not in the original: see `flap.ts`. */
  readonly flap_damping?: { readonly flaps: number; readonly within: number };
  /** Not in the original: who is told too when nobody acknowledges. */
  readonly escalate?: readonly { readonly after: number; readonly receiver: string }[];
  readonly routes: readonly RouteConfig[];
}

export interface InhibitRule {
  readonly name?: string;
  /** One in the original. An alert must fire for each. */
  readonly sources: readonly (readonly AlertMatcher[])[];
  readonly target: readonly AlertMatcher[];
  readonly equal: readonly string[];
}

export interface Config {
  readonly global: GlobalConfig;
  readonly route: RouteConfig;
  readonly receivers: readonly Receiver[];
  readonly inhibit_rules: readonly InhibitRule[];
  readonly templates: readonly string[];
  readonly timeIntervals: ReadonlyMap<string, NamedTimeIntervals['time_intervals']>;
  /** Not in the original. */
  readonly silence_policy?: SilencePolicy;
  readonly tracing?: TracingConfig;
  readonly event_recorder?: EventRecorderConfig;
  /** The echo: defaults filled in, secrets hidden. */
  readonly original: string;
  /** What was read. */
  readonly text: string;
  /** Where relative paths of the file begin. */
  readonly file: string;
}

/** Throws ConfigError with every fault. */
export function parseConfig(text: string, file: string, options: ConfigOptions = {}): Config {
  const parts = readConfig(text, file, configSchema(options));
  const plain = readConfig(
    text,
    file,
    schema.custom((value) => value),
  );
  return { ...parts, original: echoConfig(plain), text, file };
}

export function loadConfig(file: string, options: ConfigOptions = {}): Config {
  return parseConfig(readFileSync(file, 'utf8'), file, options);
}

function configSchema(options: ConfigOptions): Schema<Omit<Config, 'original' | 'text' | 'file'>> {
  const mode = options.mode ?? 'fallback';
  const list = schema.list(schema.refine(schema.string(), (input) => parseMatchers(input, mode, options.onDisagreement)));
  const matchers = schema.refine(list, (found) => found.flat());
  const equalities = matcherMap('=', mode);
  const patterns = matcherMap('=~', mode);
  const labelName = schema.refine(schema.string(), (name) => {
    if (!isValidName(name, mode)) throw new Error(`${JSON.stringify(name)} is not a valid label name`);
    return name;
  });

  const groupBy = schema.refine(schema.list(schema.string()), (names) => {
    if (names.includes('...') && names.length > 1)
      throw new Error('cannot have wildcard group_by (`...`) and other labels at the same time');
    const seen = new Set<string>();
    for (const name of names) {
      if (name !== '...' && !isValidName(name, mode)) throw new Error(`invalid label name ${JSON.stringify(name)} in group_by list`);
      if (seen.has(name)) throw new Error(`duplicated label ${JSON.stringify(name)} in group_by`);
      seen.add(name);
    }
    return names;
  });
  const notZero = (name: string): Schema<number> =>
    schema.refine(schema.duration(), (ms) => {
      if (ms === 0) throw new Error(`${name} cannot be zero`);
      return ms;
    });

  const names = withDefault(schema.list(schema.string()), []);
  const routeFields = {
    receiver: text,
    group_by: optional(groupBy),
    group_wait: optional(schema.duration()),
    group_interval: optional(notZero('group_interval')),
    repeat_interval: optional(notZero('repeat_interval')),
    match: withDefault(equalities, []),
    match_re: withDefault(patterns, []),
    matchers: withDefault(matchers, []),
    continue: withDefault(schema.boolean(), false),
    mute_time_intervals: names,
    active_time_intervals: names,
    labels: withDefault(schema.map(schema.string()), {}),
    resolve_delay: optional(schema.duration()),
    flap_damping: optional(schema.object({ flaps: required(schema.integer({ min: 1, max: 100 })), within: required(notZero('within')) })),
    escalate: optional(schema.list(schema.object({ after: required(schema.duration()), receiver: required(schema.string()) }))),
  };
  const routeSchema: Schema<RouteConfig> = schema.lazy(() =>
    schema.refine(
      schema.object({ ...routeFields, routes: withDefault(schema.list(routeSchema), []) as Field<readonly RouteConfig[], 'default'> }),
      ({ match, match_re, matchers: own, ...rest }, report): RouteConfig => {
        for (const name of Object.keys(rest.labels))
          if (!isValidName(name, mode)) report(['labels', name], `invalid label name ${JSON.stringify(name)}`);
        return { ...rest, matchers: [...match, ...match_re, ...own].sort(compareMatchers) };
      },
    ),
  );

  const side = withDefault(matchers, []);
  const inhibitSchema = schema.refine(
    schema.nullable(
      schema.object({
        name: text,
        source_match: withDefault(equalities, []),
        source_match_re: withDefault(patterns, []),
        source_matchers: side,
        sources: optional(schema.list(schema.object({ matchers: required(matchers) }))),
        target_match: withDefault(equalities, []),
        target_match_re: withDefault(patterns, []),
        target_matchers: side,
        equal: withDefault(schema.list(labelName), []),
      }),
    ),
    (rule): InhibitRule => ({
      ...(rule?.name === undefined ? {} : { name: rule.name }),
      sources: inhibitSources(rule),
      target: [...(rule?.target_match ?? []), ...(rule?.target_match_re ?? []), ...(rule?.target_matchers ?? [])],
      equal: rule?.equal ?? [],
    }),
  );

  return schema.refine(
    schema.object({
      global: withDefault(globalSchema, readConfig('{}', 'default', globalSchema)),
      route: optional(routeSchema),
      receivers: withDefault(schema.list(receiverSchema), []),
      inhibit_rules: withDefault(schema.list(inhibitSchema), []),
      templates: withDefault(schema.list(schema.string()), []),
      time_intervals: withDefault(timeIntervalsSchema, []),
      mute_time_intervals: withDefault(timeIntervalsSchema, []),
      silence_policy: optional(silencePolicySchema(matchers)),
      tracing: optional(tracingSchema),
      event_recorder: optional(eventRecorderSchema),
    }),
    (config, report) => {
      if (config.route === undefined) throw new Error('no route provided in config');
      checkRoot(config.route, report);
      const receivers = new Set<string>();
      config.receivers.forEach(({ name }, i) => {
        if (receivers.has(name)) report(['receivers', i, 'name'], `notification config name ${JSON.stringify(name)} is not unique`);
        receivers.add(name);
      });
      const intervals = new Map<string, NamedTimeIntervals['time_intervals']>();
      for (const key of ['time_intervals', 'mute_time_intervals'] as const) {
        config[key].forEach(({ name, time_intervals }, i) => {
          if (name === '') report([key, i, 'name'], 'missing name in time interval');
          if (intervals.has(name)) report([key, i, 'name'], `time interval ${JSON.stringify(name)} is not unique`);
          intervals.set(name, time_intervals);
        });
      }
      checkRoute(config.route, ['route'], receivers, intervals, report);
      config.receivers.forEach((receiver, i) =>
        checkGlobals(receiver, config.global, (path, message) => report(['receivers', i, ...path], message)),
      );
      const { global, receivers: list, inhibit_rules, templates, route } = config;
      config.silence_policy?.recurring.forEach(({ time_intervals: names }, i) =>
        names.forEach((name, j) => {
          if (!intervals.has(name))
            report(['silence_policy', 'recurring', i, 'time_intervals', j], `undefined time interval ${JSON.stringify(name)}`);
        }),
      );
      return {
        global,
        route,
        receivers: list,
        inhibit_rules,
        templates,
        timeIntervals: intervals,
        ...(config.tracing === undefined ? {} : { tracing: config.tracing }),
        ...(config.event_recorder === undefined ? {} : { event_recorder: config.event_recorder }),
        ...(config.silence_policy === undefined ? {} : { silence_policy: config.silence_policy }),
      };
    },
  );
}

interface SourceSides {
  readonly source_match: readonly AlertMatcher[];
  readonly source_match_re: readonly AlertMatcher[];
  readonly source_matchers: readonly AlertMatcher[];
  readonly sources?: readonly { readonly matchers: readonly AlertMatcher[] }[];
}

function inhibitSources(rule: SourceSides | null): InhibitRule['sources'] {
  const single = [...(rule?.source_match ?? []), ...(rule?.source_match_re ?? []), ...(rule?.source_matchers ?? [])];
  if (rule?.sources === undefined) return [single];
  if (single.length > 0) throw new Error('at most one of source_matchers and sources can be given');
  if (rule.sources.length === 0) throw new Error('sources must not be empty');
  return rule.sources.map(({ matchers }) => matchers);
}

function matcherMap(type: '=' | '=~', mode: MatcherMode): Schema<AlertMatcher[]> {
  return schema.refine(schema.map(schema.string()), (map, report) =>
    Object.entries(map).flatMap(([name, value]) => {
      if (!isValidName(name, mode)) report([name], `invalid label name ${JSON.stringify(name)}`);
      try {
        // The original shows the pattern of match_re with its anchors, in group keys too.
        return [type === '=' ? new AlertMatcher(type, name, value) : new AlertMatcher(type, name, `^(?:${value})$`, value)];
      } catch (error) {
        report([name], (error as Error).message);
        return [];
      }
    }),
  );
}

type Report = (path: readonly (string | number)[], message: string) => void;

function checkRoot(root: RouteConfig, report: Report): void {
  if (root.receiver === undefined || root.receiver === '') report(['route'], 'root route must specify a default receiver');
  if (root.matchers.length > 0) report(['route'], 'root route must not have any matchers');
  if (root.mute_time_intervals.length > 0) report(['route', 'mute_time_intervals'], 'root route must not have any mute time intervals');
  if (root.active_time_intervals.length > 0)
    report(['route', 'active_time_intervals'], 'root route must not have any active time intervals');
  if (root.continue) report(['route', 'continue'], 'cannot have continue in root route');
}

function checkRoute(
  route: RouteConfig,
  path: readonly (string | number)[],
  receivers: ReadonlySet<string>,
  intervals: ReadonlyMap<string, unknown>,
  report: Report,
  inherited = '',
): void {
  if (route.receiver !== undefined && route.receiver !== '' && !receivers.has(route.receiver))
    report([...path, 'receiver'], `undefined receiver ${JSON.stringify(route.receiver)} used in route`);
  for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
    route[key].forEach((name, i) => {
      if (!intervals.has(name)) report([...path, key, i], `undefined time interval ${JSON.stringify(name)} used in route`);
    });
  }
  const own = route.receiver === undefined || route.receiver === '' ? inherited : route.receiver;
  const seen = new Set([own]);
  route.escalate?.forEach(({ receiver }, i) => {
    if (!receivers.has(receiver))
      report([...path, 'escalate', i, 'receiver'], `undefined receiver ${JSON.stringify(receiver)} used in escalate`);
    else if (seen.has(receiver))
      report([...path, 'escalate', i, 'receiver'], `${JSON.stringify(receiver)} is told already; name another receiver`);
    seen.add(receiver);
  });
  route.routes.forEach((child, i) => checkRoute(child, [...path, 'routes', i], receivers, intervals, report, own));
}

/** What a receiver leaves to the global section must stand there. */
function checkGlobals(receiver: Receiver, global: GlobalConfig, report: Report): void {
  const check = (kind: string, configs: readonly object[], problem: (config: Record<string, unknown>) => string | undefined): void =>
    configs.forEach((config, i) => {
      const message = problem(config as Record<string, unknown>);
      if (message !== undefined) report([`${kind}_configs`, i], message);
    });
  check('email', receiver.email_configs, (config) => {
    if (config['smarthost'] === undefined && global.smtp_smarthost === undefined) return 'no global SMTP smarthost set';
    if (!config['from'] && !global.smtp_from) return 'no global SMTP from set';
    return undefined;
  });
  const either = (
    config: Record<string, unknown>,
    names: readonly string[],
    globals: readonly (string | undefined)[],
    message: string,
  ): string | undefined => (names.every((name) => !config[name]) && globals.every((one) => !one) ? message : undefined);
  check('slack', receiver.slack_configs, (config) =>
    either(
      config,
      ['api_url', 'api_url_file', 'app_token', 'app_token_file'],
      [global.slack_api_url, global.slack_api_url_file, global.slack_app_token, global.slack_app_token_file],
      'no Slack API URL nor App token set either inline or in a file',
    ),
  );
  check('opsgenie', receiver.opsgenie_configs, (config) =>
    either(
      config,
      ['api_key', 'api_key_file'],
      [global.opsgenie_api_key, global.opsgenie_api_key_file],
      'no global OpsGenie API Key set either inline or in a file',
    ),
  );
  check(
    'wechat',
    receiver.wechat_configs,
    (config) =>
      either(
        config,
        ['api_secret', 'api_secret_file'],
        [global.wechat_api_secret, global.wechat_api_secret_file],
        'no global Wechat Api Secret set either inline or in a file',
      ) ?? either(config, ['corp_id'], [global.wechat_api_corp_id], 'no global Wechat CorpID set'),
  );
  check('victorops', receiver.victorops_configs, (config) =>
    either(
      config,
      ['api_key', 'api_key_file'],
      [global.victorops_api_key, global.victorops_api_key_file],
      'no global VictorOps API Key set',
    ),
  );
  check('telegram', receiver.telegram_configs, (config) =>
    either(
      config,
      ['bot_token', 'bot_token_file'],
      [global.telegram_bot_token, global.telegram_bot_token_file],
      'missing bot_token or bot_token_file on telegram_config',
    ),
  );
  check('jira', receiver.jira_configs, (config) => either(config, ['api_url'], [global.jira_api_url], 'no global Jira Cloud URL set'));
  check(
    'rocketchat',
    receiver.rocketchat_configs,
    (config) =>
      either(
        config,
        ['token', 'token_file'],
        [global.rocketchat_token, global.rocketchat_token_file],
        'no global Rocketchat Token set either inline or in a file',
      ) ??
      either(
        config,
        ['token_id', 'token_id_file'],
        [global.rocketchat_token_id, global.rocketchat_token_id_file],
        'no global Rocketchat TokenID set either inline or in a file',
      ),
  );
  check('mattermost', receiver.mattermost_configs, (config) =>
    either(
      config,
      ['webhook_url', 'webhook_url_file'],
      [global.mattermost_webhook_url, global.mattermost_webhook_url_file],
      'no global Mattermost webhook URL set',
    ),
  );
}
