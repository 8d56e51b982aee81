import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counter, Pushgateway, Registry } from '../node.ts';

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

let server: Server;
let url = '';
let received: Received[] = [];
let status = 200;
const registry = new Registry();
new Counter({ name: 'done_total', help: 'Done.', registers: [registry] }).inc(3);
const text = '# HELP done_total Done.\n# TYPE done_total counter\ndone_total 3\n';

beforeEach(async () => {
  received = [];
  status = 200;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
      if (status !== 0) response.writeHead(status).end('said the gateway');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('the gateway is sent', () => {
  it.each([
    ['push', 'PUT', '', text],
    ['pushAdd', 'POST', '', text],
    ['delete', 'DELETE', '', ''],
    ['push', 'PUT', '/prefix/', text],
  ] as const)('%s as %s below %j', async (verb, method, prefix, body) => {
    const { resp, body: answer } = await new Pushgateway(url + prefix, {}, registry)[verb]({
      jobName: 'nightly run',
      groupings: { instance: 'a:1', n: 5 },
    });
    expect(resp.statusCode).toBe(200);
    expect(answer).toBe('said the gateway');
    expect(received[0]).toMatchObject({ method, url: `${prefix.replace(/\/$/, '')}/metrics/job/nightly%20run/instance/a%3A1/n/5` });
    expect(received[0]?.body.toString()).toBe(body);
  });

  it.each([
    [{ jobName: 'a/b' }, '/metrics/job@base64/YS9i'],
    [{ jobName: 'j', groupings: { path: '/var/tmp', empty: '' } }, '/metrics/job/j/path@base64/L3Zhci90bXA/empty@base64/='],
    [{ jobName: 'j', groupings: { x: 'ä?#%' } }, '/metrics/job/j/x/%C3%A4%3F%23%25'],
  ])('%j as %s', async (parameters, path) => {
    await new Pushgateway(url, registry).push(parameters);
    expect(received[0]?.url).toBe(path);
  });

  it('what was asked of the request: headers, compression, protobuf', async () => {
    const gateway = new Pushgateway(url, { headers: { 'Content-Encoding': 'gzip', 'X-Team': 'a' } }, registry);
    await gateway.push({ jobName: 'j' });
    expect(gunzipSync(received[0]?.body as Buffer).toString()).toBe(text);
    expect(received[0]?.headers).toMatchObject({
      'content-encoding': 'gzip',
      'x-team': 'a',
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    });
    await gateway.delete({ jobName: 'j' });
    expect(received[1]?.headers['content-encoding']).toBeUndefined();
    await new Pushgateway(url, { format: 'protobuf' }, registry).push({ jobName: 'j' });
    expect(received[2]?.headers['content-type']).toContain('application/vnd.google.protobuf');
  });
});

describe('a push fails', () => {
  it('without a job, unless that is allowed', async () => {
    expect(() => new Pushgateway(url, {}, registry).push()).toThrow('Missing jobName parameter');
    await new Pushgateway(url, { requireJobName: false }, registry).push();
    expect(received[0]?.url).toBe('/metrics');
  });

  it('when the gateway says so', async () => {
    status = 400;
    await expect(new Pushgateway(url, {}, registry).push({ jobName: 'j' })).rejects.toThrow(
      'push failed with status 400, said the gateway',
    );
  });

  it('when the gateway says nothing in time', async () => {
    status = 0;
    await expect(new Pushgateway(url, { timeout: 50 }, registry).push({ jobName: 'j' })).rejects.toThrow('Pushgateway request timed out');
  });

  it('when there is no gateway', async () => {
    await expect(new Pushgateway('http://127.0.0.1:1', {}, registry).push({ jobName: 'j' })).rejects.toThrow('ECONNREFUSED');
  });
});
