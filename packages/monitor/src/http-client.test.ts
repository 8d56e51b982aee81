import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@pronoia/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClientConfig } from './config/http-client.ts';
import { createHttpClient, type HttpRequest } from './http-client.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('SKIPPED: openssl is not installed (apt-get install openssl); TLS was not tested\n');

let folder: string;
let server: Server;
let other: Server;
const urlOf = (one: Server): string => `http://127.0.0.1:${(one.address() as AddressInfo).port}`;

/** Answers what it was asked with, so that a test sees it. */
function echo(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://x');
  if (pathname === '/gzip') {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.end(gzipSync('x'.repeat(5000)));
  } else if (pathname === '/large') {
    response.end('x'.repeat(5000));
  } else if (pathname === '/loop') {
    response.writeHead(302, { location: '/loop' }).end();
  } else if (pathname === '/near') {
    response.writeHead(302, { location: '/echo' }).end();
  } else if (pathname === '/away') {
    response.writeHead(302, { location: `${urlOf(other)}/echo` }).end();
  } else if (pathname !== '/silent') {
    response.end(JSON.stringify({ method: request.method, headers: request.headers }));
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'client-'));
  [server, other] = [createServer(echo), createServer(echo)];
  for (const one of [server, other]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  for (const one of [server, other]) {
    one.closeAllConnections();
    one.close();
  }
  await rm(folder, { recursive: true });
});

async function ask(config: Partial<HttpClientConfig>, path: string, request: Partial<HttpRequest> = {}) {
  const client = createHttpClient({ follow_redirects: true, enable_http2: true, ...config }, systemClock);
  try {
    return await client.fetch({ url: urlOf(server) + path, timeoutMs: 5000, ...request });
  } finally {
    await client.close();
  }
}

const headersOf = (body: Buffer): Record<string, string> => (JSON.parse(body.toString()) as { headers: Record<string, string> }).headers;

describe('the HTTP client', () => {
  it('inflates', async () => {
    expect((await ask({}, '/gzip')).body.length).toBe(5000);
  });

  it.each(['/large', '/gzip'])('stops %s at the limit, and not below', async (path) => {
    expect((await ask({}, path, { bodyLimitBytes: 5001 })).body.length).toBe(5000);
    await expect(ask({}, path, { bodyLimitBytes: 5000 })).rejects.toThrow('body size limit exceeded');
  });

  it('authenticates by password, by token and by files that may change', async () => {
    expect(headersOf((await ask({ basic_auth: { username: 'u', password: 'p' } }, '/echo')).body).authorization).toBe('Basic dTpw');
    const file = join(folder, 'token');
    for (const token of ['one', 'two']) {
      await writeFile(file, `${token}\n`);
      expect(headersOf((await ask({ authorization: { type: 'Bearer', credentials_file: file } }, '/echo')).body).authorization).toBe(
        `Bearer ${token}`,
      );
    }
    expect(headersOf((await ask({ http_headers: { 'X-Key': { values: ['a'], secrets: ['b'] } } }, '/echo')).body)['x-key']).toBe('a, b');
  });

  it('follows redirects, and keeps its secrets from other hosts', async () => {
    const config = { authorization: { type: 'Bearer', credentials: 'secret' } };
    expect(headersOf((await ask(config, '/near')).body).authorization).toBe('Bearer secret');
    expect(headersOf((await ask(config, '/away')).body).authorization).toBeUndefined();
    expect((await ask({ follow_redirects: false }, '/near')).status).toBe(302);
    await expect(ask({}, '/loop')).rejects.toThrow('stopped after 10 redirects');
  });

  it.skipIf(!hasOpenssl)('speaks TLS: checks the server, shows its own certificate, reads changed files', async () => {
    const certificate = (name: string): [string, string] => {
      const files = [join(folder, `${name}.pem`), join(folder, `${name}.key`)] as [string, string];
      const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          '-nodes',
          '-days',
          '2',
          '-out',
          files[0],
          '-keyout',
          files[1],
          ...subject,
        ],
        { stdio: 'ignore' },
      );
      return files;
    };
    const [ownCert, ownKey] = certificate('server.test');
    const [clientCert, clientKey] = certificate('client.test');
    const secure = createTlsServer(
      { cert: readFileSync(ownCert), key: readFileSync(ownKey), ca: readFileSync(clientCert), requestCert: true, rejectUnauthorized: true },
      (_request, response) => response.end('secret'),
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`;
    const both = { cert_file: clientCert, key_file: clientKey };
    const good = { ca_file: ownCert, server_name: 'server.test', insecure_skip_verify: false, ...both };
    expect((await ask({ tls_config: good }, '', { url })).body.toString()).toBe('secret');
    expect((await ask({ tls_config: { insecure_skip_verify: true, ...both } }, '', { url })).body.toString()).toBe('secret');
    await expect(ask({ tls_config: { ...good, server_name: 'other.test' } }, '', { url })).rejects.toThrow('other.test');
    await expect(ask({ tls_config: { ...good, ca_file: clientCert } }, '', { url })).rejects.toThrow('certificate');
    await expect(
      ask({ tls_config: { ca_file: ownCert, server_name: 'server.test', insecure_skip_verify: false } }, '', { url }),
    ).rejects.toThrow(url);

    const client = createHttpClient({ follow_redirects: true, enable_http2: true, tls_config: good }, systemClock);
    await client.fetch({ url, timeoutMs: 5000 });
    await copyFile(clientCert, ownCert);
    await utimes(ownCert, new Date(), new Date(Date.now() + 5000));
    await expect(client.fetch({ url, timeoutMs: 5000 })).rejects.toThrow('certificate');
    await client.close();
    secure.closeAllConnections();
    secure.close();
  });

  it('says what failed, and of which URL', async () => {
    await expect(ask({}, '', { url: 'http://127.0.0.1:1/x' })).rejects.toThrow(
      'Get "http://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    await expect(ask({}, '/silent', { timeoutMs: 50 })).rejects.toThrow('/silent": context deadline exceeded');
    await expect(ask({ basic_auth: { username: 'u', password_file: join(folder, 'none') } }, '/echo')).rejects.toThrow('ENOENT');
    await expect(ask({ tls_config: { ca_file: join(folder, 'none'), insecure_skip_verify: false } }, '/echo')).rejects.toThrow('ENOENT');
  });
});
