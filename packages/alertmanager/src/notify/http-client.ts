/** HTTP as receivers need it: authentication, TLS, proxies, headers, redirects, time-outs; and which answers are worth another try. */
import { readFileSync, statSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Dispatcher } from 'undici';
import { defaultHttpConfig, type HttpConfig, type OAuth2Config, type TlsConfig } from '../config/http-config.ts';
import { userAgent } from '../version.ts';
import { type FailureReason, NotifyError } from './integration.ts';
import { secret } from './secret.ts';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly signal: AbortSignal;
  /** 0 for none beside the signal's. */
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Loaded when there is a receiver to speak to: an alertmanager without one is smaller. */
const loadUndici = (): Promise<typeof import('undici')> => import('undici');

/** A receiver's answer beyond this is not read. */
const maxAnswerBytes = 1024 * 1024;
const maxRedirects = 10;

export class HttpClient {
  readonly #config: HttpConfig;
  readonly #folder: string;
  #dispatcher: Dispatcher | undefined;
  #dispatcherFiles = '';
  readonly #configFile: string;
  #tokenClient: HttpClient | undefined;
  #token: { readonly value: string; readonly expiresAtMs: number } | undefined;

  /** Relative paths in `config` begin at the folder of `configFile`. */
  constructor(config: HttpConfig, configFile: string) {
    this.#config = config;
    this.#configFile = configFile;
    this.#folder = dirname(configFile);
    // Before the first notification, which is the one that should not wait.
    loadUndici().catch(() => {});
  }

  /** Throws NotifyError, retryable, when there is no answer. */
  async send(url: string, { method = 'POST', headers = {}, body, signal, timeoutMs = 0 }: HttpRequest): Promise<HttpAnswer> {
    const limit = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined;
    try {
      const { request } = await loadUndici();
      const answer = await request(url, {
        method,
        dispatcher: await this.#connect(),
        signal: limit === undefined ? signal : AbortSignal.any([signal, limit]),
        headers: { 'user-agent': userAgent, ...(await this.#ownHeaders(signal)), ...headers },
        body: body ?? null,
        // The flush has its own, longer deadline.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      return { status: answer.statusCode, headers: answer.headers, text: await readBody(answer.body) };
    } catch (error) {
      if (error instanceof NotifyError) throw error;
      const what = limit?.aborted === true ? `no answer within ${timeoutMs} ms` : messageOf(error);
      throw new NotifyError(what, {
        isRetryable: true,
        reason: signal.aborted ? 'contextCanceled' : limit?.aborted === true ? 'contextDeadlineExceeded' : 'other',
        cause: error,
      });
    }
  }

  async #ownHeaders(signal: AbortSignal): Promise<Record<string, string>> {
    const config = this.#config;
    const headers: Record<string, string> = {};
    for (const [name, { values, secrets, files }] of Object.entries(config.http_headers ?? {})) {
      const read = await Promise.all(files.map((file) => secret(undefined, this.#path(file))));
      headers[name.toLowerCase()] = [...values, ...secrets, ...read].join(', ');
    }
    if (config.basic_auth !== undefined) {
      const { username, username_file: userFile, password, password_file: passwordFile } = config.basic_auth;
      const user = await secret(username, this.#path(userFile));
      const pass = await secret(password, this.#path(passwordFile));
      headers['authorization'] = `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`;
    } else if (config.authorization !== undefined) {
      const { type, credentials, credentials_file: file } = config.authorization;
      headers['authorization'] = `${type} ${await secret(credentials, this.#path(file))}`;
    } else if (config.bearer_token !== undefined || config.bearer_token_file !== undefined) {
      headers['authorization'] = `Bearer ${await secret(config.bearer_token, this.#path(config.bearer_token_file))}`;
    } else if (config.oauth2 !== undefined) {
      headers['authorization'] = `Bearer ${await this.#accessToken(config.oauth2, signal)}`;
    }
    return headers;
  }

  /** Client credentials (RFC 6749 §4.4); kept until a little before it runs out. */
  async #accessToken(oauth2: OAuth2Config, signal: AbortSignal): Promise<string> {
    if (this.#token !== undefined && this.#token.expiresAtMs > Date.now()) return this.#token.value;
    const clientSecret = await secret(oauth2.client_secret, this.#path(oauth2.client_secret_file));
    const form = new URLSearchParams({ grant_type: 'client_credentials', ...oauth2.endpoint_params });
    if (oauth2.scopes.length > 0) form.set('scope', oauth2.scopes.join(' '));
    // The token's server is reached in its own way, not as the receiver is.
    this.#tokenClient ??= new HttpClient(tokenConfig(oauth2), this.#configFile);
    const ask = (body: URLSearchParams, headers: Readonly<Record<string, string>>): Promise<HttpAnswer> =>
      (this.#tokenClient as HttpClient).send(oauth2.token_url, {
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: body.toString(),
        signal,
      });
    const credentials = `${encodeURIComponent(oauth2.client_id)}:${encodeURIComponent(clientSecret)}`;
    let answer = await ask(form, { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` });
    // Some servers take the client's name in the body alone.
    if (answer.status === 400 || answer.status === 401)
      answer = await ask(new URLSearchParams([...form, ['client_id', oauth2.client_id], ['client_secret', clientSecret]]), {});
    const { status, text } = answer;
    if (status >= 300)
      throw new NotifyError(`oauth2: cannot fetch token: ${status}: ${text.slice(0, 500)}`, {
        isRetryable: true,
        reason: reasonOf(status),
      });
    let token: { access_token?: unknown; expires_in?: unknown };
    try {
      token = JSON.parse(text) as typeof token;
    } catch (error) {
      throw new NotifyError('oauth2: cannot parse the token answer', { isRetryable: true, cause: error });
    }
    if (typeof token.access_token !== 'string')
      throw new NotifyError('oauth2: server response missing access_token', { isRetryable: true });
    const seconds = Number(token.expires_in ?? 3600);
    this.#token = {
      value: token.access_token,
      expiresAtMs: Date.now() + Math.max(0, (Number.isFinite(seconds) ? seconds : 3600) - 10) * 1000,
    };
    return token.access_token;
  }

  #path(file: string | undefined): string | undefined {
    return file === undefined || file === '' ? undefined : resolve(this.#folder, file);
  }

  /** Made anew when a certificate's file has changed. */
  async #connect(): Promise<Dispatcher> {
    const { Agent, EnvHttpProxyAgent, interceptors, ProxyAgent } = await loadUndici();
    const tls = this.#config.tls_config;
    const files = [tls?.ca_file, tls?.cert_file, tls?.key_file].map((file) => this.#path(file));
    const state = files.map((file) => (file === undefined ? '' : `${file}:${statSync(file).mtimeMs}`)).join('|');
    if (this.#dispatcher !== undefined && state === this.#dispatcherFiles) return this.#dispatcher;
    void this.#dispatcher?.close().catch(() => {});
    this.#dispatcherFiles = state;
    const connect = tlsOptions(tls, this.#folder);
    // HTTP/2 only where the user has not switched it off; plain HTTP stays at 1.1.
    const options = { connect, allowH2: this.#config.enable_http2 };
    const { proxy_url: proxy, no_proxy: noProxy } = this.#config;
    let dispatcher: Dispatcher;
    if (this.#config.proxy_from_environment) dispatcher = new EnvHttpProxyAgent({ connect });
    else if (proxy !== undefined && proxy !== '') {
      const headers = Object.fromEntries(
        Object.entries(this.#config.proxy_connect_header ?? {}).map(([name, values]) => [name, values.join(', ')]),
      );
      const through = new ProxyAgent({ uri: proxy, requestTls: connect, headers });
      dispatcher = noProxy === undefined || noProxy === '' ? through : through.compose(bypass(noProxy, new Agent(options)));
    } else dispatcher = new Agent(options);
    this.#dispatcher = this.#config.follow_redirects
      ? dispatcher.compose(interceptors.redirect({ maxRedirections: maxRedirects }))
      : dispatcher;
    return this.#dispatcher;
  }

  async close(): Promise<void> {
    await Promise.all([this.#dispatcher?.destroy().catch(() => {}), this.#tokenClient?.close()]);
  }
}

export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
}

const tlsVersions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;

export function tlsOptions(tls: TlsConfig | undefined, folder: string): TlsOptions {
  if (tls === undefined) return {};
  const material = (text: string | undefined, file: string | undefined): string | Buffer | undefined =>
    text !== undefined && text !== '' ? text : file !== undefined && file !== '' ? readFileSync(resolve(folder, file)) : undefined;
  const ca = material(tls.ca, tls.ca_file);
  const cert = material(tls.cert, tls.cert_file);
  const key = material(tls.key, tls.key_file);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.server_name === undefined ? {} : { servername: tls.server_name }),
    ...(tls.insecure_skip_verify ? { rejectUnauthorized: false } : {}),
    ...(tls.min_version === undefined ? {} : { minVersion: tlsVersions[tls.min_version] }),
    ...(tls.max_version === undefined ? {} : { maxVersion: tlsVersions[tls.max_version] }),
  };
}

function tokenConfig({ tls_config, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header }: OAuth2Config): HttpConfig {
  return {
    ...defaultHttpConfig,
    proxy_from_environment,
    ...(tls_config === undefined ? {} : { tls_config }),
    ...(proxy_url === undefined ? {} : { proxy_url }),
    ...(no_proxy === undefined ? {} : { no_proxy }),
    ...(proxy_connect_header === undefined ? {} : { proxy_connect_header }),
  };
}

/** Hosts of the list (names, `.suffix`, addresses, `10.0.0.0/8`, any of them with `:port`, `*`) are asked directly. */
function bypass(list: string, direct: Dispatcher): Dispatcher.DispatcherComposeInterceptor {
  const isDirect = directHosts(list);
  return (dispatch) => (options, handler) =>
    options.origin !== undefined && isDirect(new URL(options.origin)) ? direct.dispatch(options, handler) : dispatch(options, handler);
}

/** As Go reads no_proxy (golang.org/x/net/http/httpproxy). */
export function directHosts(list: string): (url: URL) => boolean {
  const networks = new BlockList();
  const names: { name: string; port: string | undefined }[] = [];
  for (const entry of list.split(',').map((one) => one.trim().toLowerCase())) {
    if (entry === '') continue;
    const [, base = '', bits] = /^(.*)\/(\d+)$/.exec(entry) ?? [];
    if (bits !== undefined && isIP(base) !== 0) {
      networks.addSubnet(base, Number(bits), isIP(base) === 6 ? 'ipv6' : 'ipv4');
      continue;
    }
    const [, name = entry, port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
    names.push({ name: name.replace(/^\[|\]$/g, ''), port });
  }
  return (url) => {
    const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
    const ownPort = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    if (isIP(host) !== 0 && networks.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')) return true;
    return names.some(({ name, port }) => {
      if (port !== undefined && port !== ownPort) return false;
      if (name === '*' || name === host) return true;
      return isIP(name) === 0 && host.endsWith(name.startsWith('.') ? name : `.${name}`);
    });
  };
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length > maxAnswerBytes) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node wraps the attempts on several addresses of a name.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error.message;
}

export function reasonOf(status: number): FailureReason {
  if (status === 401 || status === 403) return 'authError';
  if (status === 429) return 'rateLimited';
  if (status >= 500) return 'serverError';
  return status >= 400 ? 'clientError' : 'other';
}

/** 2xx is success; 5xx and the codes given are worth another try; anything else is final for this flush. */
export function checkAnswer(
  answer: HttpAnswer,
  retryCodes: readonly number[] = [],
  describe: (text: string) => string = (text) => text,
): void {
  if (answer.status >= 200 && answer.status < 300) return;
  const detail = describe(answer.text).slice(0, 1024);
  throw new NotifyError(`unexpected status code ${answer.status}${detail === '' ? '' : `: ${detail}`}`, {
    isRetryable: answer.status >= 500 || retryCodes.includes(answer.status),
    reason: reasonOf(answer.status),
  });
}
