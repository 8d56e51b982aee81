/**
 * The receivers' fields: 18 kinds, each a list of configurations. What a field means is told where the kind is implemented
 * (`notify/`); here stands only what can be written.
 */
import {
  type Field,
  type Fields,
  type ObjectOf,
  optional,
  required,
  type Schema,
  type SchemaValue,
  schema,
  withDefault,
} from '@pronoia/server';
import { exclusive, goDuration, hostPort } from './common.ts';
import { httpConfigSchema, tlsConfigSchema } from './http-config.ts';

const text = optional(schema.string());
const texts = optional(schema.map(schema.string()));
const no = withDefault(schema.boolean(), false);
const httpFields = { http_config: optional(httpConfigSchema) };
const timeout = withDefault(goDuration(), 0);

/** Any YAML value: its strings are templates (webhook payload, jira fields, pagerduty details). */
const anyValue = schema.custom((value) => value);

type WithSendResolved<F extends Fields> = ObjectOf<F> & { readonly send_resolved: boolean };

function configOf<const F extends Fields>(
  sendResolved: boolean,
  fields: F,
  check: (config: ObjectOf<F>) => void = () => {},
): Schema<WithSendResolved<F>> {
  // TypeScript cannot see that the fields of both parts are the fields of the whole.
  const whole = schema.object({ send_resolved: withDefault(schema.boolean(), sendResolved), ...fields }) as unknown as Schema<
    WithSendResolved<F>
  >;
  return schema.refine(whole, (config) => {
    check(config);
    return config;
  });
}

/** One of a pair must be there. */
function needs(config: object, kind: string, ...names: string[]): void {
  const record = config as Record<string, unknown>;
  if (names.every((name) => record[name] === undefined || record[name] === ''))
    throw new Error(`missing ${names.join(' or ')} in ${kind} config`);
}

const webhook = configOf(
  true,
  {
    url: text,
    url_file: text,
    max_alerts: withDefault(schema.integer({ min: 0 }), 0),
    timeout,
    payload: optional(anyValue),
    ...httpFields,
  },
  (config) => {
    exclusive(config, 'url', 'url_file');
    if (config.url === undefined && config.url_file === undefined) throw new Error('one of url or url_file must be configured');
    if (config.url !== undefined && !config.url.includes('{{')) checkUrl(config.url);
  },
);

const threading = schema.object({ enabled: no, thread_by_date: withDefault(schema.oneOf(['none', 'daily']), 'none') });

const email = configOf(
  false,
  {
    to: text,
    from: text,
    hello: text,
    smarthost: optional(hostPort()),
    auth_username: text,
    auth_password: text,
    auth_password_file: text,
    auth_secret: text,
    auth_secret_file: text,
    auth_identity: text,
    headers: texts,
    html: text,
    text: text,
    require_tls: optional(schema.boolean()),
    tls_config: optional(tlsConfigSchema),
    force_implicit_tls: optional(schema.boolean()),
    threading: optional(threading),
  },
  (config) => {
    if (config.to === undefined || config.to === '') throw new Error('missing to address in email config');
    exclusive(config, 'auth_password', 'auth_password_file');
    exclusive(config, 'auth_secret', 'auth_secret_file');
    const seen = new Set<string>();
    for (const name of Object.keys(config.headers ?? {})) {
      if (seen.has(name.toLowerCase())) throw new Error(`duplicate header ${JSON.stringify(name)} in email config`);
      seen.add(name.toLowerCase());
    }
    if (config.threading?.enabled && (seen.has('references') || seen.has('in-reply-to')))
      throw new Error('conflicting configuration: threading.enabled conflicts with custom References or In-Reply-To headers');
  },
);

const slackAction = schema.refine(
  schema.object({
    type: required(schema.string()),
    text: required(schema.string()),
    url: text,
    name: text,
    value: text,
    style: text,
    confirm: optional(schema.object({ text: required(schema.string()), title: text, ok_text: text, dismiss_text: text })),
  }),
  (action) => {
    if (action.type === '') throw new Error('missing type in Slack action configuration');
    if (action.text === '') throw new Error('missing text in Slack action configuration');
    if (action.url === undefined && action.name === undefined) throw new Error('missing name or url in Slack action configuration');
    return action;
  },
);

const slackField = schema.object({ title: required(schema.string()), value: required(schema.string()), short: optional(schema.boolean()) });

const slack = configOf(
  false,
  {
    api_url: text,
    api_url_file: text,
    app_token: text,
    app_token_file: text,
    app_url: text,
    channel: text,
    username: text,
    color: text,
    title: text,
    title_link: text,
    pretext: text,
    text,
    message_text: text,
    fields: withDefault(schema.list(slackField), []),
    short_fields: no,
    footer: text,
    fallback: text,
    callback_id: text,
    icon_emoji: text,
    icon_url: text,
    image_url: text,
    thumb_url: text,
    link_names: no,
    mrkdwn_in: optional(schema.list(schema.string())),
    actions: withDefault(schema.list(slackAction), []),
    update_message: no,
    timeout,
    ...httpFields,
  },
  (config) => {
    exclusive(config, 'api_url', 'api_url_file');
    exclusive(config, 'app_token', 'app_token_file');
  },
);

const pagerduty = configOf(
  true,
  {
    routing_key: text,
    routing_key_file: text,
    service_key: text,
    service_key_file: text,
    url: text,
    client: text,
    client_url: text,
    description: text,
    severity: text,
    source: text,
    class: text,
    component: text,
    group: text,
    details: optional(schema.map(anyValue)),
    images: withDefault(schema.list(schema.object({ src: text, alt: text, href: text })), []),
    links: withDefault(schema.list(schema.object({ href: text, text })), []),
    timeout,
    ...httpFields,
  },
  (config) => {
    needs(config, 'PagerDuty', 'routing_key', 'service_key', 'routing_key_file', 'service_key_file');
    exclusive(config, 'routing_key', 'routing_key_file');
    exclusive(config, 'service_key', 'service_key_file');
  },
);

const opsgenie = configOf(
  true,
  {
    api_key: text,
    api_key_file: text,
    api_url: text,
    message: text,
    description: text,
    source: text,
    details: texts,
    entity: text,
    responders: withDefault(
      schema.list(
        schema.refine(schema.object({ id: text, name: text, username: text, type: required(schema.string()) }), (responder) => {
          if (!responder.id && !responder.name && !responder.username)
            throw new Error('opsGenieConfig responder has to have at least one of id, username or name specified');
          if (!responder.type.includes('{{') && !/^(team|teams|user|escalation|schedule)$/i.test(responder.type))
            throw new Error('opsGenieConfig responder type is not valid; it must be one of team, teams, user, escalation, schedule');
          return responder;
        }),
      ),
      [],
    ),
    actions: text,
    tags: text,
    note: text,
    priority: text,
    update_alerts: no,
    ...httpFields,
  },
  (config) => exclusive(config, 'api_key', 'api_key_file'),
);

const victoropsReserved = [
  'routing_key',
  'message_type',
  'state_message',
  'entity_display_name',
  'monitoring_tool',
  'entity_id',
  'entity_state',
];
const victorops = configOf(
  true,
  {
    api_key: text,
    api_key_file: text,
    api_url: text,
    routing_key: text,
    message_type: text,
    state_message: text,
    entity_display_name: text,
    monitoring_tool: text,
    custom_fields: texts,
    ...httpFields,
  },
  (config) => {
    if (!config.routing_key) throw new Error('missing Routing key in VictorOps config');
    exclusive(config, 'api_key', 'api_key_file');
    for (const name of Object.keys(config.custom_fields ?? {}))
      if (victoropsReserved.includes(name))
        throw new Error(`victorOps config contains custom field ${name} which cannot be used as it conflicts with the fixed/static fields`);
  },
);

const pushover = configOf(
  true,
  {
    user_key: text,
    user_key_file: text,
    token: text,
    token_file: text,
    title: text,
    message: text,
    url: text,
    url_title: text,
    device: text,
    sound: text,
    priority: text,
    retry: withDefault(goDuration(), 60_000),
    expire: withDefault(goDuration(), 3_600_000),
    ttl: withDefault(goDuration(), 0),
    html: no,
    monospace: no,
    ...httpFields,
  },
  (config) => {
    needs(config, 'Pushover', 'user_key', 'user_key_file');
    needs(config, 'Pushover', 'token', 'token_file');
    exclusive(config, 'user_key', 'user_key_file');
    exclusive(config, 'token', 'token_file');
    if (config.html && config.monospace) throw new Error('at most one of monospace & html must be configured');
  },
);

const sns = configOf(
  true,
  {
    api_url: text,
    sigv4: withDefault(
      schema.object({ region: text, access_key: text, secret_key: text, profile: text, role_arn: text, external_id: text }),
      {},
    ),
    topic_arn: text,
    phone_number: text,
    target_arn: text,
    subject: text,
    message: text,
    attributes: texts,
    use_aws_http_client: no,
    ...httpFields,
  },
  (config) => {
    const targets = [config.topic_arn, config.phone_number, config.target_arn].filter((one) => one !== undefined && one !== '');
    if (targets.length !== 1) throw new Error('must provide either a Target ARN, Topic ARN, or Phone Number for SNS config');
    if ((config.sigv4.access_key === undefined) !== (config.sigv4.secret_key === undefined))
      throw new Error('must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SNS config');
  },
);

const telegram = configOf(
  true,
  {
    api_url: text,
    bot_token: text,
    bot_token_file: text,
    chat_id: optional(schema.integer()),
    chat_id_file: text,
    message_thread_id: optional(schema.integer()),
    message: text,
    disable_notifications: no,
    parse_mode: optional(schema.oneOf(['', 'Markdown', 'MarkdownV2', 'HTML'])),
    ...httpFields,
  },
  (config) => {
    exclusive(config, 'bot_token', 'bot_token_file');
    if ((config.chat_id ?? 0) === 0 && config.chat_id_file === undefined)
      throw new Error('missing chat_id or chat_id_file on telegram_config');
    exclusive(config, 'chat_id', 'chat_id_file');
  },
);

const webhookUrlPair = (kind: string) => (config: object) => {
  needs(config, kind, 'webhook_url', 'webhook_url_file');
  exclusive(config, 'webhook_url', 'webhook_url_file');
};

const discord = configOf(
  true,
  { webhook_url: text, webhook_url_file: text, title: text, message: text, content: text, username: text, avatar_url: text, ...httpFields },
  webhookUrlPair('discord'),
);

const webex = configOf(true, { api_url: text, room_id: text, message: text, ...httpFields }, (config) => {
  if (!config.room_id) throw new Error('missing room_id on webex_config');
  if (config.http_config?.authorization === undefined) throw new Error('missing webex_configs.http_config.authorization');
});

const msteams = configOf(
  true,
  { webhook_url: text, webhook_url_file: text, title: text, summary: text, text, ...httpFields },
  webhookUrlPair('msteams'),
);
const msteamsv2 = configOf(
  true,
  { webhook_url: text, webhook_url_file: text, title: text, text, ...httpFields },
  webhookUrlPair('msteamsv2'),
);

const wechat = configOf(
  false,
  {
    api_secret: text,
    api_secret_file: text,
    corp_id: text,
    api_url: text,
    message: text,
    message_type: withDefault(schema.oneOf(['text', 'markdown']), 'text'),
    to_user: text,
    to_party: text,
    to_tag: text,
    agent_id: text,
    ...httpFields,
  },
  (config) => exclusive(config, 'api_secret', 'api_secret_file'),
);

function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value);
}

/** A string, or `{template, enable_update}`. */
const jiraText = schema.custom((value): { template?: string; enable_update: boolean } => {
  if (value === null || typeof value !== 'object') return { template: scalarText(value), enable_update: true };
  const { template, enable_update = true, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Error(`unknown key "${unknown}"`);
  if (typeof enable_update !== 'boolean') throw new Error('enable_update: expected true or false');
  return { ...(template === undefined ? {} : { template: scalarText(template) }), enable_update };
});

const jira = configOf(
  true,
  {
    api_url: text,
    api_type: withDefault(schema.oneOf(['auto', 'cloud', 'datacenter']), 'auto'),
    project: text,
    issue_type: text,
    summary: optional(jiraText),
    description: optional(jiraText),
    labels: withDefault(schema.list(schema.string()), []),
    priority: text,
    reopen_transition: text,
    resolve_transition: text,
    wont_fix_resolution: text,
    reopen_duration: withDefault(schema.duration(), 0),
    fields: optional(schema.map(anyValue)),
    ...httpFields,
  },
  (config) => {
    if (!config.project) throw new Error('missing project in jira_config');
    if (!config.issue_type) throw new Error('missing issue_type in jira_config');
  },
);

const incidentio = configOf(
  true,
  {
    url: text,
    url_file: text,
    alert_source_token: text,
    alert_source_token_file: text,
    max_alerts: withDefault(schema.integer({ min: 0 }), 0),
    timeout,
    ...httpFields,
  },
  (config) => {
    needs(config, 'incidentio', 'url', 'url_file');
    exclusive(config, 'url', 'url_file');
    exclusive(config, 'alert_source_token', 'alert_source_token_file');
    const hasToken = config.alert_source_token !== undefined || config.alert_source_token_file !== undefined;
    if (!hasToken && config.http_config?.authorization === undefined)
      throw new Error('at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured');
    if (hasToken && config.http_config?.authorization !== undefined)
      throw new Error('at most one of alert_source_token & http_config.authorization must be configured');
  },
);

const rocketchat = configOf(
  false,
  {
    api_url: text,
    token: text,
    token_file: text,
    token_id: text,
    token_id_file: text,
    channel: text,
    color: text,
    title: text,
    title_link: text,
    text,
    emoji: text,
    icon_url: text,
    image_url: text,
    thumb_url: text,
    fields: withDefault(schema.list(schema.object({ title: text, value: text, short: optional(schema.boolean()) })), []),
    short_fields: no,
    link_names: no,
    actions: withDefault(
      schema.list(
        schema.object({
          type: text,
          text,
          url: text,
          msg: text,
          image_url: text,
          is_webview: optional(schema.boolean()),
          webview_height_ratio: text,
          msg_in_chat_window: optional(schema.boolean()),
          msg_processing_type: text,
        }),
      ),
      [],
    ),
    ...httpFields,
  },
  (config) => {
    exclusive(config, 'token', 'token_file');
    exclusive(config, 'token_id', 'token_id_file');
  },
);

const attachmentFields = {
  fallback: text,
  color: text,
  pretext: text,
  text,
  author_name: text,
  author_link: text,
  author_icon: text,
  title: text,
  title_link: text,
  fields: withDefault(schema.list(slackField), []),
  thumb_url: text,
  footer: text,
  footer_icon: text,
  image_url: text,
};

const mattermost = configOf(
  true,
  {
    webhook_url: text,
    webhook_url_file: text,
    channel: text,
    username: text,
    ...attachmentFields,
    icon_url: text,
    icon_emoji: text,
    attachments: withDefault(schema.list(schema.object(attachmentFields)), []),
    type: text,
    props: optional(schema.object({ card: text })),
    priority: optional(
      schema.object({ priority: text, requested_ack: optional(schema.boolean()), persistent_notifications: optional(schema.boolean()) }),
    ),
    ...httpFields,
  },
  (config) => exclusive(config, 'webhook_url', 'webhook_url_file'),
);

function checkUrl(url: string): void {
  if (!URL.canParse(url) || new URL(url).host === '')
    throw new Error('unsupported scheme or missing host for URL; write http://host:port/path');
  const { protocol } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new Error(`unsupported scheme "${protocol.slice(0, -1)}" for URL; use http or https`);
}

/** In the order in which a receiver's integrations are built. */
export const receiverKinds = {
  webhook,
  email,
  pagerduty,
  opsgenie,
  wechat,
  slack,
  victorops,
  pushover,
  sns,
  telegram,
  discord,
  webex,
  msteams,
  msteamsv2,
  jira,
  incidentio,
  rocketchat,
  mattermost,
} as const;

export type ReceiverKind = keyof typeof receiverKinds;
export type ReceiverConfig<K extends ReceiverKind> = SchemaValue<(typeof receiverKinds)[K]>;

type Lists = { readonly [K in ReceiverKind as `${K}_configs`]: Field<readonly ReceiverConfig<K>[], 'default'> };

function lists(): Lists {
  const fields = Object.entries(receiverKinds).map(([kind, of]) => [
    `${kind}_configs`,
    withDefault(schema.list(of as Schema<unknown>), []),
  ]);
  return Object.fromEntries(fields) as unknown as Lists;
}

export const receiverSchema = schema.refine(
  schema.object({ name: required(schema.string()), labels: withDefault(schema.map(schema.string()), {}), ...lists() }),
  (receiver) => {
    if (receiver.name === '') throw new Error('missing name in receiver');
    if (receiver.labels['name'] !== undefined && receiver.labels['name'] !== receiver.name)
      throw new Error(`receiver ${JSON.stringify(receiver.name)}: label "name" must equal the receiver's name`);
    return receiver;
  },
);
export type Receiver = SchemaValue<typeof receiverSchema>;
