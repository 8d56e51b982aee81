/**
 * The configuration as the API shows it: what the user wrote, with the global and root defaults filled in and secrets hidden. It is
 * YAML that `amtool` reads back, so defaults that older tools do not know are left to the reader.
 */
const secretKeys = new Set([
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
  'auth_password',
  'auth_secret',
  'api_url',
  'app_token',
  'routing_key',
  'service_key',
  'api_key',
  'api_secret',
  'user_key',
  'token',
  'token_id',
  'secret_key',
  'bot_token',
  'webhook_url',
  'alert_source_token',
  'password',
  'credentials',
  'bearer_token',
  'client_secret',
  'proxy_url',
  'key',
  'secrets',
  'external_id',
  'url',
]);

/** Not secret although the name is one elsewhere. */
const openPlaces = new Set([
  'opsgenie_configs.api_url',
  'victorops_configs.api_url',
  'victorops_configs.routing_key',
  'wechat_configs.api_url',
  'sns_configs.api_url',
  'telegram_configs.api_url',
  'webex_configs.api_url',
  'jira_configs.api_url',
  'rocketchat_configs.api_url',
  'pushover_configs.url',
  'pagerduty_configs.url',
  'actions.url',
]);

const globalDefaults: Readonly<Record<string, unknown>> = {
  resolve_timeout: '5m',
  http_config: { follow_redirects: true, enable_http2: true },
  smtp_hello: 'localhost',
  smtp_require_tls: true,
  pagerduty_url: 'https://events.pagerduty.com/v2/enqueue',
  opsgenie_api_url: 'https://api.opsgenie.com/',
  wechat_api_url: 'https://qyapi.weixin.qq.com/cgi-bin/',
  victorops_api_url: 'https://alert.victorops.com/integrations/generic/20131114/alert/',
  telegram_api_url: 'https://api.telegram.org',
  webex_api_url: 'https://webexapis.com/v1/messages',
};

const rootDefaults: Readonly<Record<string, unknown>> = { continue: false, group_wait: '30s', group_interval: '5m', repeat_interval: '4h' };

type Plain = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Plain {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

export function echoConfig(document: unknown): string {
  const given = isMapping(document) ? document : {};
  const route = isMapping(given['route']) ? given['route'] : {};
  const whole = {
    ...withoutOwnKeys(given),
    global: { ...globalDefaults, ...(isMapping(given['global']) ? given['global'] : {}) },
    route: completeRoute({ ...rootDefaults, ...route }),
    ...(Array.isArray(given['inhibit_rules']) ? { inhibit_rules: given['inhibit_rules'].map(withoutOwnKeys) } : {}),
  };
  return toYaml(hideSecrets(whole, ''), '');
}

/** What the original does not know, and its tools would refuse to read. */
const ownKeys = new Set(['silence_policy', 'sources', 'resolve_delay', 'flap_damping', 'escalate']);

function withoutOwnKeys<T>(value: T): T {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !ownKeys.has(key))) as T;
}

function completeRoute(given: Plain): Plain {
  const route = withoutOwnKeys(given);
  const children = Array.isArray(route['routes'])
    ? route['routes'].map((child) => (isMapping(child) ? completeRoute({ continue: false, ...child }) : child))
    : undefined;
  return children === undefined ? route : { ...route, routes: children };
}

function hideSecrets(value: unknown, place: string): unknown {
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, place));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isSecret = secretKeys.has(key) && !openPlaces.has(`${place}.${key}`) && !(place === 'details' || place === 'payload');
      if (isSecret && typeof inner === 'string' && inner !== '') return [key, key === 'url' ? hideUrl(inner) : '<secret>'];
      if (isSecret && Array.isArray(inner)) return [key, inner.map(() => '<secret>')];
      return [key, hideSecrets(inner, key)];
    }),
  );
}

/** Before 0.26 a webhook's URL was no secret, and the tools of then want to read one here: what is secret is its path. */
function hideUrl(url: string): string {
  return url.includes('{{') || !URL.canParse(url) ? '<secret>' : `${new URL(url).protocol}//${new URL(url).host}/<secret>`;
}

/** Block style, two blanks a level; text is quoted whenever plain could mean something else. */
export function toYaml(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]\n';
    return value.map((item) => `${indent}- ${nested(item, `${indent}  `).trimStart()}`).join('');
  }
  if (isMapping(value)) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    if (entries.length === 0) return '{}\n';
    return entries
      .map(([key, inner]) => {
        const head = `${indent}${scalar(key)}:`;
        const isBlock = (Array.isArray(inner) && inner.length > 0) || (isMapping(inner) && Object.keys(inner).length > 0);
        return isBlock ? `${head}\n${toYaml(inner, Array.isArray(inner) ? indent : `${indent}  `)}` : `${head} ${toYaml(inner, '')}`;
      })
      .join('');
  }
  return `${scalar(value)}\n`;
}

function nested(value: unknown, indent: string): string {
  return toYaml(value, indent);
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'null';
  const isPlain =
    /^[A-Za-z_/<][A-Za-z0-9_./<>@%+-]*(?: [A-Za-z0-9_./<>@%+-]+)*(?::\/\/[A-Za-z0-9_./@%+:-]+)?$/.test(value) &&
    !/^(?:y|n|yes|no|on|off|true|false|null|~|nan|inf)$/i.test(value);
  if (isPlain || /^[0-9]+(?:ms|[smhdwy])(?:[0-9]+(?:ms|[smhdwy]))*$/.test(value)) return value;
  return JSON.stringify(value);
}
