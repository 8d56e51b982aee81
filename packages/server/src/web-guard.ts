/**
 * What a web configuration does to a server: connections over TLS, and requests that must name a user and a password. Wrapped
 * around all routes, health and metrics too, as in the original.
 */
import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from './log.ts';
import { type ServerTls, type WebConfig, WebConfigFile, type WebState } from './web-config.ts';

/** Names of users, by the request they made. */
const principals = new WeakMap<FastifyRequest, string>();

/** Who asks: the user that the web configuration let in. Undefined when it asks nobody's name. */
export function principalOf(request: FastifyRequest): string | undefined {
  return principals.get(request);
}

/** As fastify sets it for plain servers; a long upload is no fault. */
const keepAliveMs = 72_000;

interface ServerLimits {
  readonly maxHeaderBytes: number;
}

export class WebGuard {
  readonly #file: WebConfigFile;
  readonly #log: Logger;
  readonly #passwords = new Passwords();
  #limiter: { readonly interval: number; readonly burst: number; readonly bucket: Bucket } | undefined;
  #told: unknown;
  /** Whether this server speaks TLS is settled at the start, as in the original. */
  readonly isTls: boolean;
  readonly #isHttp2: boolean;

  /** Throws when the file, or what it names, cannot be used. */
  constructor(file: string, log: Logger) {
    this.#file = new WebConfigFile(file);
    this.#log = log;
    const { config, tls } = this.#file.current();
    this.isTls = tls !== undefined;
    this.#isHttp2 = tls !== undefined && config.http_server_config.http2;
    log.info(
      { file, tls: this.isTls, http2: this.#isHttp2, users: Object.keys(config.basic_auth_users).length },
      'Web configuration loaded',
    );
  }

  /** Undefined, and the reason in the log (once), while the file is broken. */
  #current(): WebState | undefined {
    try {
      const state = this.#file.current();
      this.#told = undefined;
      return state;
    } catch (error) {
      if (error !== this.#told)
        this.#log.error({ err: error }, 'The web configuration cannot be used; nobody is let in until it is right again');
      this.#told = error;
      return undefined;
    }
  }

  createServer(handler: RequestListener, { maxHeaderBytes }: ServerLimits): Server {
    if (!this.isTls) return createServer({ maxHeaderSize: maxHeaderBytes }, handler);
    const { tls } = this.#file.current();
    if (tls === undefined) throw new Error('the web configuration has lost its tls_server_config');
    const options = { ...tls.options, ...clientAuthOptions(tls.clientAuth), maxHeaderSize: maxHeaderBytes };
    const server = this.#isHttp2
      ? createSecureServer({ ...options, allowHTTP1: true, settings: { maxHeaderListSize: maxHeaderBytes } }, handler as never)
      : Object.assign(createTlsServer(options, handler), { keepAliveTimeout: keepAliveMs, requestTimeout: 0 });
    this.#watchConnections(server, tls.options);
    return server as Server;
  }

  #watchConnections(server: HttpsServer | Http2SecureServer, first: ServerTls): void {
    let used = first;
    // Before Node.js' own listener, which begins the handshake.
    server.prependListener('connection', (socket: Socket) => {
      const tls = this.#current()?.tls;
      if (tls === undefined) {
        socket.destroy();
        return;
      }
      if (tls.options === used) return;
      try {
        server.setSecureContext(tls.options);
        Object.assign(server, clientAuthOptions(tls.clientAuth));
        used = tls.options;
        this.#log.info({}, 'TLS certificates reloaded');
      } catch (error) {
        this.#log.error({ err: error }, 'TLS certificates cannot be used');
        socket.destroy();
      }
    });
    const sockets = new Set<TLSSocket>();
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      const tls = this.#current()?.tls;
      const problem = tls === undefined ? 'no configuration' : certificateProblem(socket, tls);
      if (problem !== undefined) {
        this.#log.debug({ remote: socket.remoteAddress, problem }, 'Client certificate refused');
        socket.destroy();
        return;
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.on('tlsClientError', (error, socket) => {
      this.#log.debug({ err: error, remote: socket.remoteAddress }, 'TLS handshake failed');
    });
    // An HTTP/2 server of Node.js 20 has no such method, and a stop must end what is open.
    if (this.#isHttp2) Object.assign(server, { closeAllConnections: () => sockets.forEach((socket) => socket.destroy()) });
  }

  /** Before all routes of `app`. */
  addTo(app: FastifyInstance): void {
    app.addHook('onRequest', async (request, reply) => {
      const state = this.#current();
      if (state === undefined) return refuse(reply, 500, 'Internal Server Error');
      const { config } = state;
      if (!this.#isWithinRate(config)) return refuse(reply, 429, 'Too Many Requests');
      // On the raw answer, so that hijacked ones carry them too.
      for (const [name, value] of Object.entries(config.http_server_config.headers)) reply.raw.setHeader(name, value);
      if (Object.keys(config.basic_auth_users).length === 0) return undefined;
      const given = basicAuth(request.headers.authorization);
      if (given !== undefined && (await this.#passwords.isRight(config.basic_auth_users, given))) {
        principals.set(request, given.user);
        return undefined;
      }
      reply.header('www-authenticate', 'Basic');
      return refuse(reply, 401, 'Unauthorized');
    });
  }

  #isWithinRate({ rate_limit: { interval, burst } }: WebConfig): boolean {
    if (interval === 0) return true;
    if (this.#limiter?.interval !== interval || this.#limiter.burst !== burst)
      this.#limiter = { interval, burst, bucket: new Bucket(interval, burst) };
    return this.#limiter.bucket.take(performance.now());
  }
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').header('x-content-type-options', 'nosniff').send(`${message}\n`);
}

/** For a TLS server of Node.js; `certificateProblem` does the rest. */
export function clientAuthOptions(type: NonNullable<WebState['tls']>['clientAuth']): { requestCert: boolean; rejectUnauthorized: boolean } {
  return { requestCert: type !== 'NoClientCert', rejectUnauthorized: type === 'RequireAndVerifyClientCert' };
}

/** What OpenSSL's own check leaves to us. */
export function certificateProblem(
  socket: TLSSocket,
  { clientAuth, allowedSans }: Pick<NonNullable<WebState['tls']>, 'clientAuth' | 'allowedSans'>,
): string | undefined {
  if (clientAuth === 'NoClientCert' || clientAuth === 'RequestClientCert') return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return clientAuth === 'VerifyClientCertIfGiven' ? undefined : 'none given';
  if (clientAuth === 'VerifyClientCertIfGiven' && !socket.authorized) return String(socket.authorizationError);
  if (allowedSans.length === 0) return undefined;
  // `DNS:a.example, IP Address:10.0.0.1, email:…, URI:…`
  const sans = (certificate.subjectAltName ?? '').split(', ').map((san) => san.replace(/^(?:DNS|IP Address|email|URI):/, ''));
  return sans.some((san) => allowedSans.includes(san)) ? undefined : `none of its names is allowed: ${sans.join(', ')}`;
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

function basicAuth(header: string | undefined): Credentials | undefined {
  const match = /^basic +(\S+)$/i.exec(header ?? '');
  if (match === null) return undefined;
  const decoded = Buffer.from(match[1] as string, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** A password that nobody has: an unknown user takes as long to refuse as a known one. */
const nobodysHash = '$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi';
const maxRemembered = 100;

/** Answers of bcrypt, remembered; asked one at a time, so that guessing cannot take all of the thread pool. */
class Passwords {
  readonly #answers = new Map<string, boolean>();
  #last: Promise<unknown> = Promise.resolve();

  async isRight(users: Readonly<Record<string, string>>, { user, password }: Credentials): Promise<boolean> {
    const isKnown = Object.hasOwn(users, user);
    const hash = isKnown ? (users[user] as string) : nobodysHash;
    const key = createHash('sha256')
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
    const known = this.#answers.get(key);
    if (known !== undefined) return known && isKnown;
    const asked = this.#last.then(async () => {
      const { verify } = await import('@node-rs/bcrypt');
      return this.#answers.get(key) ?? (await verify(password, hash).catch(() => false));
    });
    this.#last = asked;
    const answer = await asked;
    if (this.#answers.size >= maxRemembered) this.#answers.delete(this.#answers.keys().next().value as string);
    this.#answers.set(key, answer);
    return answer && isKnown;
  }
}

/** A token every `interval`, at most `burst` of them saved. */
class Bucket {
  readonly #interval: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number | undefined;

  constructor(interval: number, burst: number) {
    this.#interval = interval;
    this.#burst = burst;
    this.#tokens = burst;
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - (this.#atMs ?? nowMs)) / this.#interval);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
