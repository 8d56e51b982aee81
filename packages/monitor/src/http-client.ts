/**
 * HTTP as a configuration entry asks for it: authentication, TLS, redirects, headers, a deadline over everything and a limit on the
 * body (prometheus-server.md §2.4). Scraping, discovery and the notifier each hold one client per entry.
 */
import { readFile, stat } from 'node:fs/promises';
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import type { Clock } from '@pronoia/server';
import type { HttpClientConfig, TlsConfig } from './config/http-client.ts';

export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Covers connecting, waiting and reading the body. */
  readonly timeoutMs: number;
  /** The inflated body must stay below this; 0 or absent = no limit. */
  readonly bodyLimitBytes?: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case name. */
  header(name: string): string;
  /** Inflated. */
  readonly body: Buffer;
}

/** Rejects with an Error whose message names the URL and what went wrong, as the original words it. */
export type HttpFetch = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpClient {
  readonly fetch: HttpFetch;
  close(): Promise<void>;
}

export class BodyLimitError extends Error {
  override readonly name = 'BodyLimitError';
  constructor() {
    super('body size limit exceeded');
  }
}

const inflate = promisify(gunzip);
const maxRedirects = 10;
/** A page this small is inflated in less time than it takes to hand it to another thread. */
const inlineBytes = 16 * 1024;

export function createHttpClient(config: HttpClientConfig, clock: Clock): HttpClient {
  const box = new AgentBox(config.tls_config);

  const fetch: HttpFetch = async (wanted) => {
    const method = wanted.method ?? 'GET';
    const deadline = new AbortController();
    const timer = clock.setTimer(wanted.timeoutMs, () => deadline.abort(new Error('context deadline exceeded')));
    const signal = wanted.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, wanted.signal]);
    let url = wanted.url;
    try {
      const agents = await box.current();
      for (let redirects = 0; ; redirects++) {
        const sameHost = new URL(url).host === new URL(wanted.url).host;
        // Credentials are for the host that was configured, and for no other that it points to.
        const secret = sameHost ? await secretHeaders(config) : {};
        const headers = { ...wanted.headers, ...secret };
        const response = await send(url, agents, { method, headers, signal }, wanted.body);
        const location = response.headers.location;
        if (config.follow_redirects && location !== undefined && isRedirect(response.statusCode) && method === 'GET') {
          response.resume();
          if (redirects === maxRedirects) throw new Error(`stopped after ${maxRedirects} redirects`);
          url = new URL(location, url).href;
          continue;
        }
        return await readResponse(response, wanted.bodyLimitBytes ?? 0);
      }
    } catch (error) {
      if (error instanceof BodyLimitError) throw error;
      const cause = signal.aborted ? signal.reason : error;
      throw new Error(`${method === 'GET' ? 'Get' : 'Post'} "${url}": ${describe(cause, url)}`, { cause });
    } finally {
      timer.cancel();
    }
  };
  return { fetch, close: async () => box.close() };
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

interface SendOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Resolves with the head of the answer; the body is still to be read. */
export async function send(url: string, agents: Agents, options: SendOptions, body?: string | Uint8Array): Promise<IncomingMessage> {
  try {
    return await sendOnce(url, agents, options, body);
  } catch (error) {
    // The server closed a kept connection just as we took it: what we asked has not been seen.
    if (!(error instanceof StaleConnection)) throw error;
    return sendOnce(url, agents, options, body);
  }
}

class StaleConnection extends Error {}

function sendOnce(url: string, agents: Agents, options: SendOptions, body?: string | Uint8Array): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const isSecure = url.startsWith('https:');
    const request = isSecure
      ? requestHttps(url, { ...options, agent: agents.https })
      : requestHttp(url, { ...options, agent: agents.http });
    request.on('response', resolve);
    request.on('error', (error: NodeJS.ErrnoException) => {
      reject(request.reusedSocket && error.code === 'ECONNRESET' && !options.signal.aborted ? new StaleConnection() : error);
    });
    request.end(body);
  });
}

function isRedirect(status: number | undefined): boolean {
  return status !== undefined && [301, 302, 303, 307, 308].includes(status);
}

async function readResponse(response: IncomingMessage, limitBytes: number): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    received += chunk.length;
    if (limitBytes > 0 && received >= limitBytes) {
      response.destroy();
      throw new BodyLimitError();
    }
  }
  const header = (name: string): string => {
    const value = response.headers[name];
    return Array.isArray(value) ? value.join(', ') : (value ?? '');
  };
  const raw = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, received);
  const body = header('content-encoding') === 'gzip' ? await inflateBody(raw, limitBytes) : raw;
  return { status: response.statusCode ?? 0, header, body };
}

async function inflateBody(raw: Buffer, limitBytes: number): Promise<Buffer> {
  const options = limitBytes > 0 ? { maxOutputLength: limitBytes - 1 } : {};
  try {
    return raw.length <= inlineBytes ? gunzipSync(raw, options) : await inflate(raw, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new BodyLimitError();
    throw error;
  }
}

/** Read at each request, so that a rotated secret is used at once. */
async function secretHeaders(config: HttpClientConfig): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  const { basic_auth: basic, authorization } = config;
  if (basic !== undefined) {
    const username = basic.username_file === undefined ? (basic.username ?? '') : await readSecret(basic.username_file);
    const password = basic.password_file === undefined ? (basic.password ?? '') : await readSecret(basic.password_file);
    headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  } else if (authorization !== undefined) {
    const { credentials_file: file } = authorization;
    const credentials = file === undefined ? (authorization.credentials ?? '') : await readSecret(file);
    headers.authorization = `${authorization.type} ${credentials.trim()}`;
  }
  for (const [name, { values, secrets, files }] of Object.entries(config.http_headers ?? {})) {
    const fromFiles = await Promise.all((files ?? []).map(readSecret));
    headers[name] = [...(values ?? []), ...(secrets ?? []), ...fromFiles].join(', ');
  }
  return headers;
}

async function readSecret(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim();
}

/** Holds the kept connections; begins anew when a certificate file has changed. */
class AgentBox {
  readonly #tls: TlsConfig | undefined;
  #agents: Agents | undefined;
  #stamp = '';

  constructor(tls: TlsConfig | undefined) {
    this.#tls = tls;
  }

  async current(): Promise<Agents> {
    const tls = this.#tls;
    const files = [tls?.ca_file, tls?.cert_file, tls?.key_file].filter((file) => file !== undefined);
    const stamp = (await Promise.all(files.map(async (file) => `${(await stat(file)).mtimeMs}`))).join(' ');
    if (this.#agents !== undefined && stamp === this.#stamp) return this.#agents;
    const options = tls === undefined ? {} : await tlsOptions(tls);
    this.close();
    this.#agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true, ...options }) };
    this.#stamp = stamp;
    return this.#agents;
  }

  close(): void {
    this.#agents?.http.destroy();
    this.#agents?.https.destroy();
  }
}

const nodeTlsVersion = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;

async function tlsOptions(tls: TlsConfig) {
  const text = async (inline: string | undefined, file: string | undefined): Promise<string | undefined> =>
    file === undefined ? inline : await readFile(file, 'utf8');
  const ca = await text(tls.ca, tls.ca_file);
  const cert = await text(tls.cert, tls.cert_file);
  const key = await text(tls.key, tls.key_file);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls.server_name === undefined ? {} : { servername: tls.server_name }),
    rejectUnauthorized: !tls.insecure_skip_verify,
    minVersion: nodeTlsVersion[tls.min_version ?? 'TLS12'],
    ...(tls.max_version === undefined ? {} : { maxVersion: nodeTlsVersion[tls.max_version] }),
  };
}

/** The commonest failures in the words that users of the original search for. */
function describe(error: unknown, url: string): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const { hostname, port, protocol } = new URL(url);
  const address = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  if (code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${hostname}: the name server does not answer`;
  if (code === 'ECONNRESET') return 'EOF';
  return error.message === '' ? (code ?? error.name) : error.message;
}
