/** `http_config`: how an HTTP receiver is reached (authentication, TLS, proxies, headers). */
import { optional, required, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { exclusive } from './common.ts';

const tlsVersion = schema.oneOf(['TLS10', 'TLS11', 'TLS12', 'TLS13']);

export const tlsConfigSchema = schema.refine(
  schema.object({
    ca: optional(schema.string()),
    ca_file: optional(schema.string()),
    cert: optional(schema.string()),
    cert_file: optional(schema.string()),
    key: optional(schema.string()),
    key_file: optional(schema.string()),
    server_name: optional(schema.string()),
    insecure_skip_verify: withDefault(schema.boolean(), false),
    min_version: optional(tlsVersion),
    max_version: optional(tlsVersion),
  }),
  (tls) => {
    for (const name of ['ca', 'cert', 'key']) exclusive(tls, name, `${name}_file`);
    const has = (name: 'cert' | 'key'): boolean => tls[name] !== undefined || tls[`${name}_file`] !== undefined;
    if (has('cert') !== has('key'))
      throw new Error(
        `exactly one of ${has('cert') ? 'key or key_file' : 'cert or cert_file'} must be configured when a client ${has('cert') ? 'certificate' : 'key'} is`,
      );
    return tls;
  },
);
export type TlsConfig = SchemaValue<typeof tlsConfigSchema>;

const proxyFields = {
  proxy_url: optional(
    schema.refine(schema.string(), (url) => {
      if (url !== '' && !/^https?:\/\//i.test(url)) throw new Error('only http:// and https:// proxies are spoken');
      return url;
    }),
  ),
  no_proxy: optional(schema.string()),
  proxy_from_environment: withDefault(schema.boolean(), false),
  proxy_connect_header: optional(schema.map(schema.list(schema.string()))),
};

const oauth2Schema = schema.refine(
  schema.object({
    client_id: required(schema.string()),
    client_secret: optional(schema.string()),
    client_secret_file: optional(schema.string()),
    scopes: withDefault(schema.list(schema.string()), []),
    token_url: required(schema.string()),
    endpoint_params: withDefault(schema.map(schema.string()), {}),
    tls_config: optional(tlsConfigSchema),
    ...proxyFields,
  }),
  (oauth2) => {
    exclusive(oauth2, 'client_secret', 'client_secret_file');
    return oauth2;
  },
);
export type OAuth2Config = SchemaValue<typeof oauth2Schema>;

/** Set by us for every request; a user's value would break the message. */
const reservedHeaders = new Set([
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'authorization',
  'cookie',
  'content-encoding',
  'user-agent',
]);

export const httpConfigSchema = schema.refine(
  schema.object({
    basic_auth: optional(
      schema.refine(
        schema.object({
          username: optional(schema.string()),
          username_file: optional(schema.string()),
          password: optional(schema.string()),
          password_file: optional(schema.string()),
        }),
        (auth) => {
          exclusive(auth, 'username', 'username_file');
          exclusive(auth, 'password', 'password_file');
          return auth;
        },
      ),
    ),
    authorization: optional(
      schema.refine(
        schema.object({
          type: withDefault(schema.string(), 'Bearer'),
          credentials: optional(schema.string()),
          credentials_file: optional(schema.string()),
        }),
        (authorization) => {
          exclusive(authorization, 'credentials', 'credentials_file');
          if (authorization.type.toLowerCase() === 'basic')
            throw new Error('authorization type cannot be set to "basic", use "basic_auth" instead');
          return authorization;
        },
      ),
    ),
    /** Deprecated forms of `authorization`. */
    bearer_token: optional(schema.string()),
    bearer_token_file: optional(schema.string()),
    oauth2: optional(oauth2Schema),
    tls_config: optional(tlsConfigSchema),
    ...proxyFields,
    follow_redirects: withDefault(schema.boolean(), true),
    enable_http2: withDefault(schema.boolean(), true),
    http_headers: optional(
      schema.map(
        schema.object({
          values: withDefault(schema.list(schema.string()), []),
          secrets: withDefault(schema.list(schema.string()), []),
          files: withDefault(schema.list(schema.string()), []),
        }),
      ),
    ),
  }),
  (http) => {
    const given = [http.basic_auth, http.authorization, http.oauth2, http.bearer_token ?? http.bearer_token_file].filter(
      (one) => one !== undefined,
    );
    if (given.length > 1) throw new Error('at most one of basic_auth, oauth2, bearer_token & authorization must be configured');
    exclusive(http, 'bearer_token', 'bearer_token_file');
    if (http.proxy_url !== undefined && http.proxy_from_environment)
      throw new Error('at most one of proxy_url & proxy_from_environment must be configured');
    for (const name of Object.keys(http.http_headers ?? {})) {
      if (reservedHeaders.has(name.toLowerCase())) throw new Error(`setting header ${JSON.stringify(name)} is not allowed`);
    }
    return http;
  },
);
export type HttpConfig = SchemaValue<typeof httpConfigSchema>;

export const defaultHttpConfig: HttpConfig = {
  follow_redirects: true,
  enable_http2: true,
  proxy_from_environment: false,
};
