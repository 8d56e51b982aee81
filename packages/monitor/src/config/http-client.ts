/** How we speak to others over HTTP: the block that scrape, discovery and alertmanager entries share (prometheus-server.md §2.4). */
import { isAbsolute, join } from 'node:path';
import { type ObjectOf, optional, type Report, type Schema, schema, withDefault } from '@pronoia/server';
import { notImplemented } from './not-implemented.ts';

const tlsVersions = ['TLS10', 'TLS11', 'TLS12', 'TLS13'] as const;

/** Relative paths in a configuration file are meant from its own folder. */
export function pathFrom(directory: string): Schema<string> {
  return schema.refine(schema.string(), (path) => (path === '' || isAbsolute(path) ? path : join(directory, path)));
}

function tlsFields(directory: string) {
  return {
    ca: optional(schema.string()),
    ca_file: optional(pathFrom(directory)),
    cert: optional(schema.string()),
    cert_file: optional(pathFrom(directory)),
    key: optional(schema.string()),
    key_file: optional(pathFrom(directory)),
    server_name: optional(schema.string()),
    insecure_skip_verify: withDefault(schema.boolean(), false),
    min_version: optional(schema.oneOf(tlsVersions)),
    max_version: optional(schema.oneOf(tlsVersions)),
    ca_ref: notImplemented('secrets by reference (ca_ref)'),
    cert_ref: notImplemented('secrets by reference (cert_ref)'),
    key_ref: notImplemented('secrets by reference (key_ref)'),
  };
}

export type TlsConfig = ObjectOf<ReturnType<typeof tlsFields>>;

function tlsSchema(directory: string): Schema<TlsConfig> {
  return schema.refine(schema.object(tlsFields(directory)), (tls) => {
    const atMostOne = (a: keyof TlsConfig, b: keyof TlsConfig): void => {
      if (tls[a] !== undefined && tls[b] !== undefined) throw new Error(`at most one of ${a} & ${b} must be configured`);
    };
    atMostOne('ca', 'ca_file');
    atMostOne('cert', 'cert_file');
    atMostOne('key', 'key_file');
    const hasCert = (tls.cert ?? tls.cert_file) !== undefined;
    const hasKey = (tls.key ?? tls.key_file) !== undefined;
    if (hasCert && !hasKey) throw new Error('exactly one of key or key_file must be configured when a client certificate is configured');
    if (hasKey && !hasCert) throw new Error('exactly one of cert or cert_file must be configured when a client key is configured');
    return tls;
  });
}

const reservedHeaders = new Set([
  'authorization',
  'host',
  'content-encoding',
  'content-length',
  'content-type',
  'user-agent',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'www-authenticate',
  'accept-encoding',
  'x-prometheus-remote-write-version',
  'x-prometheus-remote-read-version',
  'x-prometheus-scrape-timeout-seconds',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
]);

/** The keys themselves; every owner spreads them beside its own. */
export function httpClientFields(directory: string) {
  return {
    basic_auth: optional(
      schema.refine(
        schema.object({
          username: optional(schema.string()),
          username_file: optional(pathFrom(directory)),
          password: optional(schema.string()),
          password_file: optional(pathFrom(directory)),
          username_ref: notImplemented('secrets by reference (username_ref)'),
          password_ref: notImplemented('secrets by reference (password_ref)'),
        }),
        (auth) => {
          if (auth.username !== undefined && auth.username_file !== undefined) {
            throw new Error('at most one of basic_auth username & username_file must be configured');
          }
          if (auth.password !== undefined && auth.password_file !== undefined) {
            throw new Error('at most one of basic_auth password & password_file must be configured');
          }
          return auth;
        },
      ),
    ),
    authorization: optional(
      schema.refine(
        schema.object({
          type: withDefault(schema.string(), 'Bearer'),
          credentials: optional(schema.string()),
          credentials_file: optional(pathFrom(directory)),
          credentials_ref: notImplemented('secrets by reference (credentials_ref)'),
        }),
        (authorization) => {
          const type = authorization.type.trim();
          if (type.toLowerCase() === 'basic') throw new Error(`authorization type cannot be set to "basic", use "basic_auth" instead`);
          if (authorization.credentials !== undefined && authorization.credentials_file !== undefined) {
            throw new Error('at most one of authorization credentials & credentials_file must be configured');
          }
          return { ...authorization, type };
        },
      ),
    ),
    bearer_token: optional(schema.string()),
    bearer_token_file: optional(pathFrom(directory)),
    oauth2: notImplemented('oauth2'),
    tls_config: optional(tlsSchema(directory)),
    follow_redirects: withDefault(schema.boolean(), true),
    /** Taken, and answered with HTTP/1.1: a client may always decline HTTP/2. */
    enable_http2: withDefault(schema.boolean(), true),
    proxy_url: notImplemented('HTTP proxies (proxy_url)'),
    no_proxy: notImplemented('HTTP proxies (no_proxy)'),
    proxy_from_environment: notImplemented('HTTP proxies (proxy_from_environment)'),
    proxy_connect_header: notImplemented('HTTP proxies (proxy_connect_header)'),
    http_headers: optional(
      schema.refine(
        schema.map(
          schema.object({
            values: optional(schema.list(schema.string())),
            secrets: optional(schema.list(schema.string())),
            files: optional(schema.list(pathFrom(directory))),
          }),
        ),
        (headers, report) => {
          for (const name of Object.keys(headers)) {
            if (reservedHeaders.has(name.toLowerCase())) report([name], `setting header "${name}" is not allowed`);
          }
          return headers;
        },
      ),
    ),
  };
}

export type HttpClientConfig = Omit<
  ObjectOf<ReturnType<typeof httpClientFields>>,
  'oauth2' | 'proxy_url' | 'no_proxy' | 'proxy_from_environment' | 'proxy_connect_header'
>;

/** Rules across the keys; folds the deprecated bearer_token into authorization. */
export function checkHttpClient<C extends HttpClientConfig>(config: C, report: Report): C {
  const { bearer_token, bearer_token_file, ...rest } = config;
  const bearer = bearer_token ?? bearer_token_file;
  if (bearer_token !== undefined && bearer_token_file !== undefined) {
    report(['bearer_token_file'], 'at most one of bearer_token & bearer_token_file must be configured');
  }
  if (config.basic_auth !== undefined && bearer !== undefined) {
    report(['basic_auth'], 'at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured');
  }
  if (config.authorization !== undefined && bearer !== undefined) {
    report(['authorization'], 'authorization is not compatible with bearer_token & bearer_token_file');
  }
  if (config.basic_auth !== undefined && config.authorization !== undefined) {
    report(['authorization'], 'at most one of basic_auth, oauth2 & authorization must be configured');
  }
  if (bearer === undefined) return config;
  const credentials = bearer_token === undefined ? { credentials_file: bearer_token_file as string } : { credentials: bearer_token };
  return { ...rest, authorization: { type: 'Bearer', ...credentials } } as unknown as C;
}
