import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from '@node-rs/bcrypt';
import { Registry } from '@pronoia/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttp, listen, type Running } from './http.ts';
import { silentLogger } from './log.ts';
import { hasOpenssl, makeAuthority, makeCertificate } from './testing-tls.ts';
import { WebConfigFile } from './web-config.ts';
import { principalOf } from './web-guard.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
if (!hasPromtool)
  process.stderr.write('SKIPPED: promtool is not installed (apt-get install prometheus); web configurations were not compared\n');

let folder = '';
const open: Running[] = [];
const hash = (password: string): string => hashSync(password, { cost: 4 });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'web-config-'));
});
afterEach(async () => {
  for (const running of open.splice(0)) await running.stop();
  rmSync(folder, { recursive: true });
});

function write(text: string): string {
  const file = join(folder, 'web.yml');
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
  return file;
}

async function start(text: string): Promise<Running> {
  const app = createHttp({ log: silentLogger, registry: new Registry(), webConfigFile: write(text) });
  app.get('/who', async (asked) => ({ user: principalOf(asked) ?? null, version: asked.raw.httpVersion }));
  const running = await listen(app, { host: '127.0.0.1', port: 0, flag: '--port' });
  open.push(running);
  return running;
}

function get(running: Running, path: string, options: RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${running.url}${path}`, { ca: readFileSync(join(folder, 'ca.crt')), agent: false, ...options }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
    });
    asked.on('error', reject).end();
  });
}

const basic = (user: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

describe('a web configuration', () => {
  const faults: readonly [text: string, fault: RegExp][] = [
    ['tls_server_config: { client_auth_type: RequireAnyClientCert }', /missing one of cert or cert_file/],
    ['tls_server_config: { cert_file: a }', /missing one of key or key_file/],
    ['tls_server_config: { cert: x, cert_file: a, key: k }', /at most one of cert and cert_file/],
    ['tls_server_config: { cert: x, key: k, client_ca: c }', /client CA's have been configured without a client auth policy/],
    ['tls_server_config: { cert: x, key: k, client_auth_type: Perhaps }', /web\.yml:1:57: .*expected one of NoClientCert/],
    ['tls_server_config: { cert: x, key: k, client_allowed_sans: [a] }', /needs client_auth_type/],
    ['tls_server_config: { cert: x, key: k, min_version: SSL3 }', /expected one of TLS10/],
    ['tls_server_config: { cert: x, key: k, min_version: TLS13, max_version: TLS12 }', /TLS13 is above max_version TLS12/],
    ['tls_server_config: { cert: x, key: k, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA] }', /cipher_suites\[0\]: expected one of/],
    ['tls_server_config: { cert_file: nowhere.crt, key_file: nowhere.key }', /nowhere\.crt/],
    ['http_server_config: { headers: { Server: x } }', /HTTP header "Server" can not be configured/],
    ['http_server_config: { headers: { X-Frame-Options: perhaps } }', /write deny or sameorigin/],
    ['basic_auth_users: { alice: secret }', /no bcrypt hash/],
    ['basic_auth_user: {}', /did you mean "basic_auth_users"/],
    ['rate_limit: { interval: soon }', /rate_limit\.interval/],
  ];
  it.each(faults)('%s is refused with a reason', (text, fault) => {
    const file = new WebConfigFile(write(text));
    expect(() => file.current()).toThrow(fault);
    // And again, from what was remembered.
    expect(() => file.current()).toThrow(fault);
  });

  it('lets in users with their password, and nobody else, and forgets a user at once', async () => {
    const running = await start(`basic_auth_users: { alice: '${hash('secret')}', bob: '${hash('other')}' }`);
    const ask = async (headers: Record<string, string>): Promise<string> => {
      const answer = await fetch(`${running.url}/who`, { headers });
      return `${answer.status} ${(await answer.text()).trim()}`;
    };
    expect(await ask(basic('alice', 'secret'))).toBe('200 {"user":"alice","version":"1.1"}');
    expect(await ask(basic('alice', 'secret'))).toContain('200');
    for (const headers of [{}, basic('alice', 'other'), basic('carol', 'secret'), basic('', ''), { authorization: 'Bearer x' }])
      expect(await ask(headers as Record<string, string>)).toBe('401 Unauthorized');
    const refused = await fetch(`${running.url}/-/healthy`);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Basic']);
    expect((await fetch(`${running.url}/nowhere`)).status).toBe(401);
    write(`basic_auth_users: { bob: '${hash('other')}' }`);
    expect(await ask(basic('alice', 'secret'))).toBe('401 Unauthorized');
    expect(await ask(basic('bob', 'other'))).toContain('"bob"');
    write('basic_auth_users: [');
    expect(await ask(basic('bob', 'other'))).toBe('500 Internal Server Error');
  });

  it('adds headers to every answer, and limits requests', async () => {
    const running = await start(
      'http_server_config: { headers: { X-Frame-Options: deny, Strict-Transport-Security: "" } }\nrate_limit: { interval: 1h, burst: 2 }',
    );
    const first = await fetch(`${running.url}/who`);
    expect([first.status, first.headers.get('x-frame-options'), first.headers.get('strict-transport-security')]).toEqual([
      200,
      'deny',
      null,
    ]);
    expect((await fetch(`${running.url}/who`)).status).toBe(200);
    expect((await fetch(`${running.url}/who`)).status).toBe(429);
  });
});

describe.skipIf(!hasOpenssl)('TLS', () => {
  beforeEach(() => {
    makeAuthority(folder);
    makeCertificate(folder, 'server', ['IP:127.0.0.1', 'DNS:localhost']);
  });
  const files = 'cert_file: server.crt, key_file: server.key';

  it.skipIf(!hasPromtool)('promtool check web-config agrees on what can be used', async () => {
    const pair = 'cert_file: server.crt, key_file: server.key';
    const user = hash('secret');
    const texts = [
      '',
      '{}',
      'tls_server_config:',
      'tls_server_config: {}',
      `tls_server_config: { ${pair}, min_version: TLS12, max_version: TLS13 }`,
      `tls_server_config: { ${pair}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt }`,
      `tls_server_config: { ${pair}, client_auth_type: RequireAndVerifyClientCert }`,
      `tls_server_config: { ${pair}, client_ca_file: ca.crt }`,
      `tls_server_config: { ${pair}, client_auth_type: '' }`,
      `tls_server_config: { ${pair}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256] }`,
      `tls_server_config: { ${pair}, cipher_suites: [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256] }`,
      `tls_server_config: { ${pair}, curve_preferences: [CurveP256, X25519] }`,
      'tls_server_config: { cert_file: server.crt, key_file: ca.key }',
      'tls_server_config: { cert_file: nowhere.crt, key_file: server.key }',
      'tls_server_config: { cert_file: server.crt }',
      'http_server_config: { http2: false }',
      'http_server_config: { headers: { X-Frame-Options: deny, Content-Security-Policy: a, Strict-Transport-Security: b } }',
      'http_server_config: { headers: { x-frame-options: deny } }',
      `basic_auth_users: { a: '${user}', '': '${user}' }`,
      'basic_auth_users: { a: x }',
      "basic_auth_users: { a: '' }",
      'basic_auth_users:',
      'unknown: 1',
    ];
    const isUsable = (text: string): boolean => {
      try {
        new WebConfigFile(write(text)).current();
        return true;
      } catch {
        return false;
      }
    };
    for (const text of texts) {
      const ours = isUsable(text);
      expect([text, ours]).toEqual([text, spawnSync('promtool', ['check', 'web-config', join(folder, 'web.yml')]).status === 0]);
    }
  });

  it('is served over HTTP/1.1 and HTTP/2, with a new certificate from the next connection on', async () => {
    const running = await start(`tls_server_config: { ${files} }`);
    expect(running.url).toMatch(/^https:/);
    expect(await get(running, '/who')).toEqual({ status: 200, body: '{"user":null,"version":"1.1"}' });
    const session = connectHttp2(running.url, { ca: readFileSync(join(folder, 'ca.crt')) });
    const body = await new Promise<string>((resolve, reject) => {
      const stream = session.request({ ':path': '/who' });
      let text = '';
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
      stream.on('end', () => resolve(text)).on('error', reject);
    });
    expect(body).toBe('{"user":null,"version":"2.0"}');
    await expect(fetch(running.url.replace('https:', 'http:'))).rejects.toThrow('fetch failed');

    makeAuthority(folder);
    makeCertificate(folder, 'server', ['IP:127.0.0.1']);
    // The new authority knows only the new certificate.
    expect((await get(running, '/who')).status).toBe(200);
    writeFileSync(join(folder, 'server.crt'), 'broken');
    await expect(get(running, '/who')).rejects.toThrow(/socket|reset|hang up/i);
    // The HTTP/2 session is still open; a stop ends it.
    await running.stop();
    open.length = 0;
    expect(session.destroyed || session.closed || (await new Promise((resolve) => session.on('close', () => resolve(true))))).toBe(true);
  });

  it('without http2 speaks HTTP/1.1 only, with the versions and suites of the file', async () => {
    const running = await start(
      `tls_server_config: { ${files}, max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], curve_preferences: [CurveP384] }
http_server_config: { http2: false }`,
    );
    expect((await get(running, '/who', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).status).toBe(200);
    await expect(get(running, '/who', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).rejects.toThrow(
      /handshake|protocol version|alert|disconnected/i,
    );
    await expect(get(running, '/who', { minVersion: 'TLSv1.3' })).rejects.toThrow(/handshake|protocol version|alert|disconnected/i);
    await expect(get(running, '/who', { ecdhCurve: 'P-256' })).rejects.toThrow(/handshake|protocol version|alert|disconnected/i);
  });

  it('asks clients for certificates as the file says, and lets a user in on top', async () => {
    makeCertificate(folder, 'client', ['DNS:scraper.example', 'email:a@b.example']);
    const other = mkdtempSync(join(tmpdir(), 'web-config-'));
    makeAuthority(other);
    makeCertificate(other, 'client', ['DNS:scraper.example']);
    const pair = (from: string): RequestOptions => ({
      cert: readFileSync(join(from, 'client.crt')),
      key: readFileSync(join(from, 'client.key')),
    });
    const own = pair(folder);
    const foreign = pair(other);
    rmSync(other, { recursive: true });
    const rules: readonly [rule: string, none: boolean, foreign: boolean, own: boolean][] = [
      ['client_auth_type: NoClientCert', true, true, true],
      ['client_auth_type: RequestClientCert', true, true, true],
      ['client_auth_type: RequireAnyClientCert', false, true, true],
      ['client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt', true, false, true],
      ['client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt', false, false, true],
      ['client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [scraper.example]', false, false, true],
      ['client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [a@b.example]', false, false, true],
      ['client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [other.example]', false, false, false],
    ];
    const running = await start(`tls_server_config: { ${files} }\nbasic_auth_users: { alice: '${hash('secret')}' }`);
    const headers = basic('alice', 'secret');
    for (const [rule, ...expected] of rules) {
      write(`tls_server_config: { ${files}, ${rule} }\nbasic_auth_users: { alice: '${hash('secret')}' }`);
      const found: boolean[] = [];
      for (const certificate of [{}, foreign, own]) {
        const answer = await get(running, '/who', { ...certificate, headers }).catch(() => ({ status: 0 }));
        found.push(answer.status === 200);
      }
      expect([rule, ...found]).toEqual([rule, ...expected]);
    }
  });
});
