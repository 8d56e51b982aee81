/**
 * The page talks to the monitor only; what it needs of master, agents and Alertmanager is read through here. GET alone: nobody can
 * change a cluster through its monitor.
 */

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { json } from 'node:stream/consumers';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';
import { send } from '../http-client.ts';

export interface ProxyOptions {
  /** Undefined: no cluster is configured (--cluster.master-url). */
  readonly masterUrl: string | undefined;
  /** The first Alertmanager that alerts are sent to: its alerts URL. */
  readonly alertmanagerUrl: () => string | undefined;
}

export interface Proxy {
  close(): void;
}

type Agents = Parameters<typeof send>[1];

/** For one request through here, body included. */
const timeoutMs = 300_000;
/** How long the address of an agent is believed. */
const agentsFreshMs = 5000;
/** Only these cross; the rest is between us and them. */
const passedHeaders = [
  'content-type',
  'content-length',
  'content-encoding',
  'content-disposition',
  'etag',
  'last-modified',
  'cache-control',
];

export function registerProxy(app: FastifyInstance, options: ProxyOptions): Proxy {
  const connections: Agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  let agents: { readonly atMs: number; readonly urlById: Promise<ReadonlyMap<string, string>> } | undefined;

  const masterUrl = (): string => {
    if (options.masterUrl === undefined) {
      throw errors.fail('proxy_unconfigured', { what: 'no cluster is configured; start the monitor with --cluster.master-url' });
    }
    return options.masterUrl;
  };
  const agentUrl = async (id: string): Promise<string> => {
    const nowMs = performance.now();
    if (agents === undefined || nowMs - agents.atMs > agentsFreshMs)
      agents = { atMs: nowMs, urlById: readAgents(connections, masterUrl()) };
    const reading = agents;
    try {
      const url = (await reading.urlById).get(id);
      if (url !== undefined) return url;
    } catch (error) {
      agents = undefined;
      throw error;
    }
    // An agent that registered a moment ago is not in the list that we remember.
    if (reading === agents) agents = undefined;
    throw errors.fail('proxy_unconfigured', { what: `the master knows no agent "${id}"` });
  };
  const alertmanagerUrl = (): string => {
    const url = options.alertmanagerUrl();
    if (url === undefined) throw errors.fail('proxy_unconfigured', { what: 'no Alertmanager is configured (alerting.alertmanagers)' });
    return url.replace(/\/api\/v2\/alerts$/, '');
  };

  app.get('/proxy/master/*', (request, reply) => forward(connections, masterUrl(), request, reply));
  app.get<{ Params: { id: string } }>('/proxy/agent/:id/*', async (request, reply) =>
    forward(connections, await agentUrl(request.params.id), request, reply),
  );
  app.get('/proxy/alertmanager/*', (request, reply) => forward(connections, alertmanagerUrl(), request, reply));
  return {
    close: () => {
      connections.http.destroy();
      connections.https.destroy();
    },
  };
}

async function forward(connections: Agents, base: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const path = (request.params as { '*': string })['*'];
  const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
  let url = `${base.replace(/\/+$/, '')}/${encodePath(path)}${query}`;
  try {
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(timeoutMs)]);
    for (let redirects = 0; ; redirects++) {
      const accept = request.headers['accept-encoding'];
      const headers: Record<string, string> = typeof accept === 'string' ? { 'accept-encoding': accept } : {};
      const answer = await send(url, connections, { method: 'GET', headers, signal });
      const { location } = answer.headers;
      // A master that does not lead points to the one that does.
      if ([301, 302, 307, 308].includes(answer.statusCode ?? 0) && location !== undefined && redirects < 3) {
        answer.resume();
        url = new URL(location, url).href;
        continue;
      }
      reply.code(answer.statusCode ?? 502);
      for (const name of passedHeaders) {
        const value = answer.headers[name];
        if (value !== undefined) reply.header(name, value);
      }
      // What comes from a sandbox must never run as a script of this page.
      reply.header('content-security-policy', "sandbox; default-src 'none'").header('x-content-type-options', 'nosniff');
      return await reply.send(answer);
    }
  } catch (error) {
    throw errors.fail('proxy_unreachable', { url, reason: (error as Error).message }, error);
  }
}

/** The path came decoded; dots must not climb out of the server's own paths. */
function encodePath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '..' && part !== '.')
    .map(encodeURIComponent)
    .join('/');
}

/** From the master's `/slaves`. */
async function readAgents(connections: Agents, masterUrl: string): Promise<ReadonlyMap<string, string>> {
  const url = `${masterUrl.replace(/\/+$/, '')}/slaves`;
  try {
    const answer = await send(url, connections, { method: 'GET', headers: {}, signal: AbortSignal.timeout(timeoutMs) });
    const { slaves } = (await json(answer)) as { slaves?: { id: string; hostname: string; port?: number; pid?: string }[] };
    return new Map(
      (slaves ?? []).map(({ id, hostname, port, pid }) => {
        const address = port === undefined ? pid?.slice(pid.lastIndexOf('@') + 1) : `${hostname}:${port}`;
        return [id, `http://${address ?? hostname}`];
      }),
    );
  } catch (error) {
    throw errors.fail('proxy_unreachable', { url, reason: (error as Error).message }, error);
  }
}
