/**
 * Hands metrics to a Pushgateway (github.com/prometheus/pushgateway): for jobs that end before anyone could scrape them.
 * The interface is prom-client's; label values that a path cannot hold go as base64, as the gateway's protocol provides.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { gzipSync } from 'node:zlib';
import { globalRegistry, Registry, type RegistryContentType } from '../registry.ts';

export interface PushParameters {
  jobName?: string | undefined;
  /** Labels that, with the job, say which group of metrics is meant. */
  groupings?: Readonly<Record<string, string | number>> | undefined;
}

/** Options of the HTTP request (headers, agent, timeout, TLS, …); `Content-Encoding: gzip` in the headers compresses the body. */
export interface PushgatewayOptions extends RequestOptions {
  /** Default true. */
  requireJobName?: boolean | undefined;
  /** Protobuf also carries native histograms. Default text. */
  format?: 'text' | 'protobuf' | undefined;
}

export interface PushResult {
  resp: IncomingMessage;
  body: string;
}

const ACCEPT = {
  text: 'text/plain;version=0.0.4',
  protobuf: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
};

export class Pushgateway<T extends RegistryContentType = RegistryContentType> {
  readonly registry: Registry<T>;
  readonly gatewayUrl: string;
  readonly requireJobName: boolean;
  readonly requestOptions: RequestOptions;
  readonly #format: 'text' | 'protobuf';

  constructor(gatewayUrl: string, options?: PushgatewayOptions | Registry<T> | null, registry?: Registry<T>) {
    const { requireJobName = true, format = 'text', ...requestOptions } = options instanceof Registry ? {} : (options ?? {});
    this.gatewayUrl = gatewayUrl;
    this.registry = (options instanceof Registry ? options : registry) ?? (globalRegistry as Registry<T>);
    this.requireJobName = requireJobName;
    this.requestOptions = requestOptions;
    this.#format = format;
  }

  /** Replaces the metrics of the group that have the same names (POST). */
  pushAdd(parameters: PushParameters = {}): Promise<PushResult> {
    return this.#use('POST', parameters);
  }

  /** Replaces the whole group (PUT). */
  push(parameters: PushParameters = {}): Promise<PushResult> {
    return this.#use('PUT', parameters);
  }

  /** Removes the group. */
  delete(parameters: PushParameters = {}): Promise<PushResult> {
    return this.#use('DELETE', parameters);
  }

  #use(method: string, { jobName, groupings = {} }: PushParameters): Promise<PushResult> {
    if (this.requireJobName && !jobName) throw new Error('Missing jobName parameter');
    const url = new URL(this.gatewayUrl);
    const labels = jobName ? { job: jobName, ...groupings } : {};
    const path = Object.entries(labels).map(([name, value]) => pathLabel(name, String(value)));
    url.pathname = `${url.pathname.replace(/\/$/, '')}/metrics${path.join('')}`;
    return method === 'DELETE' ? this.#send(url, method, undefined, {}) : this.#sendMetrics(url, method);
  }

  async #sendMetrics(url: URL, method: string): Promise<PushResult> {
    const { contentType, body } = await this.registry.render(ACCEPT[this.#format]);
    const encoding = Object.entries(this.requestOptions.headers ?? {}).find(([name]) => name.toLowerCase() === 'content-encoding')?.[1];
    return this.#send(url, method, encoding === 'gzip' ? gzipSync(body) : body, { 'Content-Type': contentType });
  }

  #send(url: URL, method: string, body: Uint8Array | undefined, headers: Record<string, string>): Promise<PushResult> {
    const given = { ...(this.requestOptions.headers as Record<string, string> | undefined) };
    if (body === undefined) for (const name of Object.keys(given)) if (name.toLowerCase() === 'content-encoding') delete given[name];
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const req = request(url, { ...this.requestOptions, method, headers: { ...headers, ...given } }, (resp) => {
        let text = '';
        resp.setEncoding('utf8');
        resp.on('data', (chunk: string) => {
          text += chunk;
        });
        resp.on('error', reject);
        resp.on('end', () => {
          if ((resp.statusCode ?? 0) >= 400) reject(new Error(`push failed with status ${resp.statusCode}, ${text}`));
          else resolve({ resp, body: text });
        });
      });
      req.on('error', reject);
      req.on('timeout', () => req.destroy(new Error('Pushgateway request timed out')));
      req.end(body);
    });
  }
}

/** One label of the grouping key. A slash cannot stand in a path segment, nor can nothing (pushgateway README, "URL"). */
function pathLabel(name: string, value: string): string {
  if (value !== '' && !value.includes('/')) return `/${encodeURIComponent(name)}/${encodeURIComponent(value)}`;
  return `/${encodeURIComponent(name)}@base64/${value === '' ? '=' : Buffer.from(value).toString('base64url')}`;
}
