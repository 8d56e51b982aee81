/**
 * The file behind `--cluster.tls-config`: with it members speak over TLS, and each can ask the other's certificate. `tls_server_config` is
 * that of the web configuration, `tls_client_config` the `tls_config` of a receiver; both must be there, as in the original. What the file
 * names is looked at on each new connection, so that new certificates count for those at once; while it is broken there are none.
 */
import { readFileSync, statSync } from 'node:fs';
import { type Server, Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { certificateProblem, clientAuthOptions, type Logger, readConfig, required, schema, serverTls, tlsSchema } from '@pronoia/server';
import { tlsConfigSchema } from '../config/http-config.ts';
import { type TlsOptions, tlsOptions } from '../notify/http-client.ts';

const clusterTlsSchema = schema.object({
  tls_server_config: required(tlsSchema),
  tls_client_config: required(tlsConfigSchema),
});

/** Below the five seconds that a stop may take: it waits for handshakes. */
const handshakeTimeoutMs = 3000;

interface State {
  readonly server: ReturnType<typeof serverTls> & ReturnType<typeof clientAuthOptions>;
  readonly rules: Parameters<typeof certificateProblem>[1];
  readonly client: TlsOptions;
}

export class ClusterTls {
  readonly #file: string;
  readonly #log: Logger;
  #state: State;
  #stamp = '';
  #files: readonly string[] = [];

  /** Throws what is wrong with the file or what it names. */
  constructor(file: string, log: Logger) {
    this.#file = resolve(file);
    this.#log = log;
    this.#state = this.#read();
  }

  #read(): State {
    const config = readConfig(readFileSync(this.#file, 'utf8'), this.#file, clusterTlsSchema);
    const { tls_server_config: server, tls_client_config: client } = config;
    if (server === undefined) throw new Error(`${this.#file}: tls_server_config is empty; it needs cert_file and key_file`);
    const folder = dirname(this.#file);
    const named = [server.cert_file, server.key_file, server.client_ca_file, client.ca_file, client.cert_file, client.key_file];
    this.#files = [this.#file, ...named.flatMap((path) => (path === undefined || path === '' ? [] : [resolve(folder, path)]))];
    // Before they are read: what changes meanwhile is read again.
    this.#stamp = stampOf(this.#files);
    return {
      server: { ...serverTls(server, folder), ...clientAuthOptions(server.client_auth_type) },
      rules: { clientAuth: server.client_auth_type, allowedSans: server.client_allowed_sans },
      client: tlsOptions(client, folder),
    };
  }

  #current(): State {
    if (stampOf(this.#files) !== this.#stamp) this.#state = this.#read();
    return this.#state;
  }

  /** Hands over connections whose other end has shown what it must. */
  createServer(onSocket: (socket: Socket) => void): Server {
    let used = this.#state;
    const server = createServer({ ...used.server, handshakeTimeout: handshakeTimeoutMs }, (socket: TLSSocket) => {
      const problem = certificateProblem(socket, used.rules);
      if (problem === undefined) return onSocket(socket);
      this.#log.warn({ from: socket.remoteAddress, problem }, 'A member of the cluster is refused for its certificate');
      socket.on('error', () => {}).destroy();
    });
    // Before Node.js' own listener, which begins the handshake.
    server.prependListener('connection', (socket: Socket) => {
      try {
        const state = this.#current();
        if (state === used) return;
        server.setSecureContext(state.server);
        Object.assign(server, { requestCert: state.server.requestCert, rejectUnauthorized: state.server.rejectUnauthorized });
        used = state;
      } catch (error) {
        this.#log.error({ err: error }, 'The TLS configuration of the cluster cannot be used; nobody is let in until it is right again');
        socket.destroy();
      }
    });
    server.on('tlsClientError', (error, socket) =>
      this.#log.warn({ reason: error.message, from: socket.remoteAddress }, 'A TLS handshake on the cluster port failed'),
    );
    return server;
  }

  /** Says `secureConnect` when it is up. */
  connect(host: string, port: number): Socket {
    try {
      return connect({ host, port, ...this.#current().client });
    } catch (error) {
      return new Socket().destroy(error as Error);
    }
  }
}

function stampOf(files: readonly string[]): string {
  return files
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => `${stat?.ino}:${stat?.size}:${stat?.mtimeMs}`)
    .join(';');
}
