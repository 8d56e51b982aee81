/**
 * The file behind `--web.config.file`: TLS, headers, users and a limit of requests, in the format of Prometheus' exporter toolkit
 * (prometheus/exporter-toolkit docs/web-configuration.md). It is looked at on every connection and request, so that new certificates
 * and passwords count at once. While it is broken nobody is let in: half a file may be one that lacks a rule.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureVersion } from 'node:tls';
import { optional, type Report, readConfig, type Schema, type SchemaValue, schema, withDefault } from './config.ts';

const tlsVersions = { TLS10: 'TLSv1', TLS11: 'TLSv1.1', TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const satisfies Record<
  string,
  SecureVersion
>;
const versionNames = Object.keys(tlsVersions) as (keyof typeof tlsVersions)[];

/** Go's names of suites (crypto/tls CipherSuites) and OpenSSL's. Those of TLS 1.3 cannot be chosen in Go, and are always on. */
const cipherNames: Readonly<Record<string, string>> = {
  TLS_AES_128_GCM_SHA256: '',
  TLS_AES_256_GCM_SHA384: '',
  TLS_CHACHA20_POLY1305_SHA256: '',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
};

/** OpenSSL 3.0 does not know the hybrid one: it is passed over, as an older Go would. */
const curveNames: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
  X25519MLKEM768: '',
};

const clientAuthTypes = [
  'NoClientCert',
  'RequestClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;

const text = optional(schema.string());
const names = (known: Readonly<Record<string, string>>) => schema.list(schema.oneOf(Object.keys(known)));

const tlsNames = ['cert', 'key', 'client_ca'] as const;

/** `tls_server_config`. */
export const tlsSchema = schema.refine(
  schema.object({
    cert: text,
    cert_file: text,
    key: text,
    key_file: text,
    client_ca: text,
    client_ca_file: text,
    client_auth_type: withDefault(
      schema.refine(schema.oneOf([...clientAuthTypes, '']), (type) => (type === '' ? 'NoClientCert' : type)),
      'NoClientCert',
    ),
    client_allowed_sans: withDefault(schema.list(schema.string()), []),
    min_version: withDefault(schema.oneOf(versionNames), 'TLS12'),
    max_version: withDefault(schema.oneOf(versionNames), 'TLS13'),
    cipher_suites: withDefault(names(cipherNames), []),
    prefer_server_cipher_suites: withDefault(schema.boolean(), true),
    curve_preferences: withDefault(names(curveNames), []),
  }),
  (tls, report) => {
    // Nothing given is no TLS, as in the original.
    if (tlsNames.every((name) => !tls[name] && !tls[`${name}_file`]) && tls.client_auth_type === 'NoClientCert') return undefined;
    for (const name of tlsNames) {
      if (tls[name] && tls[`${name}_file`])
        report([`${name}_file`], `at most one of ${name} and ${name}_file can be given; remove one of them`);
    }
    for (const name of ['cert', 'key'] as const)
      if (!tls[name] && !tls[`${name}_file`]) throw new Error(`missing one of ${name} or ${name}_file`);
    const hasClientCa = Boolean(tls.client_ca || tls.client_ca_file);
    if (hasClientCa && tls.client_auth_type === 'NoClientCert')
      report(['client_ca_file'], "client CA's have been configured without a client auth policy; set client_auth_type");
    const needsSan = tls.client_allowed_sans.length > 0;
    if (needsSan && tls.client_auth_type !== 'RequireAnyClientCert' && tls.client_auth_type !== 'RequireAndVerifyClientCert')
      report(['client_allowed_sans'], 'needs client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert');
    if (versionNames.indexOf(tls.min_version) > versionNames.indexOf(tls.max_version))
      report(['min_version'], `${tls.min_version} is above max_version ${tls.max_version}`);
    return tls;
  },
);

/** Header names that may be set, and the values they may have. */
const headerValues: Readonly<Record<string, readonly string[]>> = {
  'Content-Security-Policy': [],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-Content-Type-Options': ['nosniff'],
  'X-XSS-Protection': [],
  'Strict-Transport-Security': [],
};

const headersSchema = schema.refine(schema.map(schema.string()), (headers, report) => {
  for (const [name, value] of Object.entries(headers)) {
    const allowed = headerValues[name];
    if (allowed === undefined)
      report([name], `HTTP header "${name}" can not be configured; known: ${Object.keys(headerValues).join(', ')}`);
    else if (value !== '' && allowed.length > 0 && !allowed.includes(value.toLowerCase()))
      report([name], `invalid value "${value}"; write ${allowed.join(' or ')}`);
  }
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
});

const usersSchema = schema.refine(schema.map(schema.string()), (users, report: Report) => {
  for (const [name, hash] of Object.entries(users))
    if (!/^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash))
      report([name], 'the password is no bcrypt hash; make one with htpasswd -nBC 10 "" | tr -d \':\\n\'');
  return users;
});

const webSchema = schema.object({
  tls_server_config: optional(tlsSchema),
  http_server_config: withDefault(schema.object({ http2: withDefault(schema.boolean(), true), headers: withDefault(headersSchema, {}) }), {
    http2: true,
    headers: {},
  }),
  basic_auth_users: withDefault(usersSchema, {}),
  rate_limit: withDefault(
    schema.object({ interval: withDefault(schema.duration(), 0), burst: withDefault(schema.integer({ min: 0 }), 0) }),
    { interval: 0, burst: 0 },
  ),
} as const);

export type WebConfig = SchemaValue<typeof webSchema>;
type WebTls = NonNullable<WebConfig['tls_server_config']>;
export type ClientAuth = WebTls['client_auth_type'];

/** What a TLS server of Node.js is made of. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly ciphers?: string;
  readonly ecdhCurve?: string;
  readonly honorCipherOrder: boolean;
}

export interface WebState {
  readonly config: WebConfig;
  readonly tls: { readonly options: ServerTls; readonly clientAuth: ClientAuth; readonly allowedSans: readonly string[] } | undefined;
}

/** The file and what it names, read again when one of them has changed. */
export class WebConfigFile {
  readonly file: string;
  #state: WebState | undefined;
  #error: unknown;
  #files: readonly string[] = [];
  #stamp = '';

  constructor(file: string) {
    this.file = resolve(file);
  }

  /** Throws ConfigError (the file) or an Error (a certificate) for as long as they are broken. */
  current(): WebState {
    if (this.#stamp !== '' && this.#stamp === stampOf([this.file, ...this.#files])) {
      if (this.#state === undefined) throw this.#error;
      return this.#state;
    }
    this.#files = [];
    this.#state = undefined;
    try {
      const config = readConfig(readFileSync(this.file, 'utf8'), this.file, webSchema as Schema<WebConfig>);
      const { tls_server_config: tls } = config;
      const folder = dirname(this.file);
      const paths = [tls?.cert_file, tls?.key_file, tls?.client_ca_file].filter((path) => path !== undefined && path !== '');
      this.#files = paths.map((path) => resolve(folder, path as string));
      // Stamped before they are read: what changes meanwhile is read again.
      this.#stamp = stampOf([this.file, ...this.#files]);
      this.#state = {
        config,
        tls:
          tls === undefined
            ? undefined
            : { options: serverTls(tls, folder), clientAuth: tls.client_auth_type, allowedSans: tls.client_allowed_sans },
      };
      return this.#state;
    } catch (error) {
      this.#error = error;
      this.#stamp = stampOf([this.file, ...this.#files]);
      throw error;
    }
  }
}

function stampOf(files: readonly string[]): string {
  let stamp = '';
  for (const file of files) {
    const stat = statSync(file, { throwIfNoEntry: false });
    stamp += stat === undefined ? '-;' : `${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs};`;
  }
  return stamp;
}

/** Throws when a file cannot be read or a key is another certificate's. */
export function serverTls(tls: WebTls, folder: string): ServerTls {
  const material = (name: 'cert' | 'key' | 'client_ca'): string => {
    const file = tls[`${name}_file`];
    return tls[name] || (file === undefined || file === '' ? '' : readFileSync(resolve(folder, file), 'utf8'));
  };
  const ca = material('client_ca');
  const cert = material('cert');
  const key = material('key');
  // Throws when they do not belong together.
  createSecureContext({ cert, key });
  const suites = tls.cipher_suites.map((name) => cipherNames[name] as string).filter((name) => name !== '');
  const curves = tls.curve_preferences.map((name) => curveNames[name] as string).filter((name) => name !== '');
  return {
    cert,
    key,
    ...(ca === '' ? {} : { ca }),
    minVersion: tlsVersions[tls.min_version],
    maxVersion: tlsVersions[tls.max_version],
    ...(suites.length === 0
      ? {}
      : { ciphers: ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256', ...suites].join(':') }),
    ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
    honorCipherOrder: tls.prefer_server_cipher_suites,
  };
}
