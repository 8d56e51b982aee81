/** sns: Publish of the AWS query API, signed with Signature Version 4. */
import { createHash, createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { queryEscape } from '@pronoia/model';
import type { ReceiverConfig } from '../config/receivers.ts';
import { eventId } from '../hash.ts';
import { type BuildContext, httpClient } from './context.ts';
import { truncateBytes } from './go-json.ts';
import { checkAnswer, type HttpClient } from './http-client.ts';
import { type Integration, type Notification, NotifyError } from './integration.ts';

const maxTopicBytes = 262_144;
const maxPhoneBytes = 1600;

export function createSns(config: ReceiverConfig<'sns'>, context: BuildContext): Integration {
  const client = httpClient(context, config.http_config);
  const { templates } = context;
  return {
    kind: 'sns',
    index: context.index,
    sendResolved: config.send_resolved,
    async notify(notification) {
      const data = templates.data(notification);
      const text = (template: string | undefined): string => templates.text(template ?? '', data);
      const topic = text(config.topic_arn);
      const phone = text(config.phone_number);
      const form: [string, string][] = [
        ['Action', 'Publish'],
        ['Version', '2010-03-31'],
      ];
      if (phone !== '') form.push(['PhoneNumber', phone]);
      else if (config.target_arn !== undefined) form.push(['TargetArn', text(config.target_arn)]);
      else form.push(['TopicArn', topic]);
      const message = templates.text(config.message ?? '{{ template "sns.default.message" . }}', data);
      const cut = truncateBytes(message, phone === '' ? maxTopicBytes : maxPhoneBytes);
      form.push(['Message', cut]);
      const subject = templates.text(config.subject ?? '{{ template "sns.default.subject" . }}', data);
      if (subject !== '') form.push(['Subject', subject]);
      const attributes = Object.entries(config.attributes ?? {}).map(([name, value]) => [text(name), text(value)] as const);
      if (cut !== message) attributes.push(['truncated', 'true']);
      attributes.forEach(([name, value], i) => {
        const entry = `MessageAttributes.entry.${i + 1}`;
        form.push([`${entry}.Name`, name], [`${entry}.Value.DataType`, 'String'], [`${entry}.Value.StringValue`, value]);
      });
      if (topic.endsWith('.fifo')) {
        const id = eventId(notification.groupKey);
        form.push(['MessageDeduplicationId', id], ['MessageGroupId', id]);
      }
      await publish(form, notification, text(config.api_url));
      return undefined;
    },
    close: () => client.close(),
  };

  async function publish(form: readonly [string, string][], notification: Notification, apiUrl: string): Promise<void> {
    const region = config.sigv4.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
    if (region === undefined || region === '')
      throw new NotifyError('region not configured in sns.sigv4.region or in default credentials chain', {
        isRetryable: false,
        reason: 'clientError',
      });
    const credentials = await resolveCredentials(config.sigv4, client, region, notification);
    const body = encodeForm(form);
    const url = apiUrl === '' ? `https://sns.${region}.amazonaws.com/` : apiUrl.replace(/\/?$/, '/');
    const headers = sign({ url, body, region, service: 'sns', credentials, atMs: notification.nowMs });
    const answer = await client.send(url, { headers, body, signal: notification.signal });
    checkAnswer(answer);
  }
}

export interface AwsCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

/** The configured key, else the environment, else the shared credentials file; then the role, when one is named. */
async function resolveCredentials(
  sigv4: ReceiverConfig<'sns'>['sigv4'],
  client: HttpClient,
  region: string,
  notification: Notification,
): Promise<AwsCredentials> {
  let credentials: AwsCredentials | undefined;
  const environment = process.env;
  if (sigv4.access_key !== undefined && sigv4.secret_key !== undefined)
    credentials = { accessKey: sigv4.access_key, secretKey: sigv4.secret_key };
  else if (sigv4.profile === undefined && environment['AWS_ACCESS_KEY_ID'] && environment['AWS_SECRET_ACCESS_KEY']) {
    const token = environment['AWS_SESSION_TOKEN'];
    credentials = {
      accessKey: environment['AWS_ACCESS_KEY_ID'],
      secretKey: environment['AWS_SECRET_ACCESS_KEY'],
      ...(token ? { sessionToken: token } : {}),
    };
  } else credentials = await readProfile(sigv4.profile ?? environment['AWS_PROFILE'] ?? 'default');
  if (credentials === undefined)
    throw new NotifyError('could not get SigV4 credentials: none configured, in the environment or in ~/.aws/credentials', {
      isRetryable: false,
      reason: 'authError',
    });
  if (sigv4.role_arn === undefined || sigv4.role_arn === '') return credentials;
  const form: [string, string][] = [
    ['Action', 'AssumeRole'],
    ['Version', '2011-06-15'],
    ['RoleArn', sigv4.role_arn],
    ['RoleSessionName', 'alertmanager'],
  ];
  if (sigv4.external_id) form.push(['ExternalId', sigv4.external_id]);
  const url = `https://sts.${region}.amazonaws.com/`;
  const body = encodeForm(form);
  const answer = await client.send(url, {
    headers: sign({ url, body, region, service: 'sts', credentials, atMs: notification.nowMs }),
    body,
    signal: notification.signal,
  });
  checkAnswer(answer);
  const member = (name: string): string => new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer.text)?.[1] ?? '';
  return { accessKey: member('AccessKeyId'), secretKey: member('SecretAccessKey'), sessionToken: member('SessionToken') };
}

async function readProfile(profile: string): Promise<AwsCredentials | undefined> {
  const file = process.env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(homedir(), '.aws', 'credentials');
  const text = await readFile(file, 'utf8').catch(() => '');
  let isWanted = false;
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const section = /^\s*\[(.+)\]\s*$/.exec(line)?.[1];
    if (section !== undefined) isWanted = section.trim() === profile;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (isWanted && name !== undefined && value !== undefined) values.set(name, value);
  }
  const accessKey = values.get('aws_access_key_id');
  const secretKey = values.get('aws_secret_access_key');
  const sessionToken = values.get('aws_session_token');
  return accessKey === undefined || secretKey === undefined
    ? undefined
    : { accessKey, secretKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Sorted by name, blanks as plus signs: as the AWS library writes it. */
function encodeForm(form: readonly (readonly [string, string])[]): string {
  return [...form]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${queryEscape(name)}=${queryEscape(value)}`)
    .join('&');
}

interface Signing {
  readonly method?: 'GET' | 'POST';
  /** Its query, when there is one, is sorted and encoded already. */
  readonly url: string;
  readonly body: string;
  readonly region: string;
  readonly service: string;
  readonly credentials: AwsCredentials;
  readonly atMs: number;
}

/** Headers of a signed request (AWS Signature Version 4, "Create a signed request"). */
export function sign({ method = 'POST', url, body, region, service, credentials, atMs }: Signing): Record<string, string> {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const { host, pathname, search } = new URL(url);
  const stamp = new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = stamp.slice(0, 8);
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    host,
    'x-amz-date': stamp,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    method,
    pathname,
    search.slice(1),
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    hash(body),
  ].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, hash(canonical)].join('\n');
  const key = mac(mac(mac(mac(`AWS4${credentials.secretKey}`, day), region), service), 'aws4_request');
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}
