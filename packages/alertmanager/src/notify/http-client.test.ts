import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../config/config.ts';
import { Recorder } from '../recorder.ts';
import { directHosts, HttpClient } from './http-client.ts';

let server: Recorder;
let folder: string;
beforeAll(async () => {
  server = await Recorder.start();
  folder = mkdtempSync(join(tmpdir(), 'http-'));
});
beforeEach(() => {
  server.requests.length = 0;
  server.answer = () => ({});
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function client(settings: string): HttpClient {
  const config = parseConfig(
    `global: { http_config: { ${settings} } }\nroute: { receiver: r }\nreceivers: [{ name: r }]`,
    join(folder, 'am.yml'),
  );
  return new HttpClient(config.global.http_config as never, config.file);
}

const signal = new AbortController().signal;
const send = (settings: string, path = '/', timeoutMs = 0) =>
  client(settings).send(`${server.url}${path}`, { body: 'hello', signal, timeoutMs });

describe('a request carries', () => {
  it.each([
    ['', 'authorization', undefined],
    ['', 'user-agent', 'Alertmanager/0.34.0'],
    ['basic_auth: { username: ann, password: pw }', 'authorization', `Basic ${Buffer.from('ann:pw').toString('base64')}`],
    ['basic_auth: { username: ann, password_file: pw.txt }', 'authorization', `Basic ${Buffer.from('ann:from file').toString('base64')}`],
    ['authorization: { credentials: tok }', 'authorization', 'Bearer tok'],
    ['authorization: { type: Custom, credentials_file: pw.txt }', 'authorization', 'Custom from file'],
    ['bearer_token: tok', 'authorization', 'Bearer tok'],
    ['http_headers: { X-Team: { values: [a], secrets: [b], files: [pw.txt] } }', 'x-team', 'a, b, from file'],
  ])('%s: %s = %s', async (settings, header, expected) => {
    writeFileSync(join(folder, 'pw.txt'), 'from file\n');
    await send(settings);
    expect(server.requests[0]?.headers[header]).toBe(expected);
  });

  it('a token of OAuth2, fetched once', async () => {
    server.answer = ({ path }) =>
      path === '/token' ? { headers: { 'content-type': 'application/json' }, body: '{"access_token":"t1","expires_in":3600}' } : {};
    const one = client(
      `oauth2: { client_id: id, client_secret: s p, token_url: '${server.url}/token', scopes: [a, b], endpoint_params: { audience: x } }`,
    );
    await one.send(`${server.url}/hook`, { body: '', signal });
    await one.send(`${server.url}/hook`, { body: '', signal });
    expect(server.requests.map(({ path, body }) => `${path} ${body}`)).toEqual([
      '/token grant_type=client_credentials&audience=x&scope=a+b',
      '/hook ',
      '/hook ',
    ]);
    expect(server.requests[2]?.headers.authorization).toBe('Bearer t1');
    expect(Buffer.from(server.requests[0]?.headers.authorization?.slice(6) ?? '', 'base64').toString()).toBe('id:s%20p');
  });
});

describe('a token of OAuth2', () => {
  it('is asked for again with the client in the body where the server wants it there', async () => {
    server.answer = ({ path, headers }) =>
      path !== '/token' ? {} : headers.authorization === undefined ? { body: '{"access_token":"t2"}' } : { status: 401 };
    await client(`oauth2: { client_id: id, client_secret: 's&p', token_url: '${server.url}/token' }`).send(`${server.url}/hook`, {
      body: '',
      signal,
    });
    expect(server.requests.map(({ path, body }) => `${path} ${body}`)).toEqual([
      '/token grant_type=client_credentials',
      '/token grant_type=client_credentials&client_id=id&client_secret=s%26p',
      '/hook ',
    ]);
    expect(server.requests[2]?.headers.authorization).toBe('Bearer t2');
  });

  it('that is not given says why', async () => {
    server.answer = () => ({ status: 403, body: 'no such client' });
    const sent = client(`oauth2: { client_id: id, client_secret: s, token_url: '${server.url}/token' }`).send(`${server.url}/hook`, {
      body: '',
      signal,
    });
    await expect(sent).rejects.toThrow('oauth2: cannot fetch token: 403: no such client');
  });
});

describe('no_proxy', () => {
  const rows: readonly [list: string, url: string, isDirect: boolean][] = [
    ['example.org', 'http://example.org/', true],
    ['example.org', 'http://a.example.org/', true],
    ['.example.org', 'http://example.org/', false],
    ['.example.org', 'http://a.example.org/', true],
    ['example.org:8080', 'http://example.org/', false],
    ['example.org:8080', 'http://example.org:8080/', true],
    ['example.org:443', 'https://example.org/', true],
    ['10.0.0.0/8', 'http://10.1.2.3/', true],
    ['10.0.0.0/8', 'http://11.1.2.3/', false],
    ['fd00::/8', 'http://[fd00::1]/', true],
    ['10.1.2.3', 'http://10.1.2.3/', true],
    ['2.3', 'http://10.1.2.3/', true],
    [' a , *', 'http://x/', true],
    ['', 'http://x/', false],
  ];
  it.each(rows)('%j and %s: %s', (list, url, isDirect) => {
    expect(directHosts(list)(new URL(url))).toBe(isDirect);
  });
});

describe('redirects', () => {
  it('are followed, unless told not to', async () => {
    server.answer = ({ path }) => (path === '/old' ? { status: 307, headers: { location: '/new' } } : { body: 'arrived' });
    expect((await send('', '/old')).text).toBe('arrived');
    expect((await send('follow_redirects: false', '/old')).status).toBe(307);
  });

  it('in a circle end', async () => {
    server.answer = () => ({ status: 307, headers: { location: '/again' } });
    await expect(send('', '/again')).rejects.toThrow('Redirect loop detected');
    expect(server.requests.length).toBeLessThan(20);
  });
});

describe('no answer is worth another try', () => {
  it('when nobody listens', async () => {
    await expect(client('').send('http://127.0.0.1:1/', { body: '', signal })).rejects.toMatchObject({
      isRetryable: true,
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('when the time is over', async () => {
    server.answer = () => ({ hangs: true });
    await expect(send('', '/', 50)).rejects.toMatchObject({
      isRetryable: true,
      reason: 'contextDeadlineExceeded',
      message: 'no answer within 50 ms',
    });
  });

  it('when the flush is cancelled', async () => {
    server.answer = () => ({ hangs: true });
    const stop = new AbortController();
    const answer = client('').send(server.url, { body: '', signal: stop.signal });
    await server.waitFor(1);
    stop.abort(new Error('stopping'));
    await expect(answer).rejects.toMatchObject({ reason: 'contextCanceled' });
  });

  it('when a certificate is missing, with its name', async () => {
    await expect(send('tls_config: { ca_file: none.pem }')).rejects.toThrow(/none\.pem/);
  });
});

describe('a proxy', () => {
  let proxy: Server;
  const seen: string[] = [];
  beforeAll(async () => {
    proxy = createServer((_request, response) => response.writeHead(400).end());
    proxy.on('connect', (request, socket) => {
      seen.push(`${request.url} ${String(request.headers['x-proxy'] ?? '')}`);
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const through = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      through.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => {
    proxy.close();
    proxy.closeAllConnections();
  });

  it('is asked to connect, with its headers; hosts of no_proxy are reached directly', async () => {
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    server.answer = () => ({ body: 'through' });
    expect((await send(`proxy_url: '${url}', proxy_connect_header: { X-Proxy: [v] }`)).text).toBe('through');
    expect(seen).toEqual([`${new URL(server.url).host} v`]);
    expect((await send(`proxy_url: '${url}', no_proxy: '127.0.0.1,example.org'`)).text).toBe('through');
    expect(seen).toHaveLength(1);
  });
});
