/** Who asks: HTTP basic authentication per realm (mesos.md §11.1), before anything else is looked at (§1.3). */
import { AGENT_PROTOCOL_PATH } from '@pronoia/mesos';
import type { Credentials } from '@pronoia/server';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';
import { refuse } from '../respond.ts';

export interface AuthenticationOptions {
  readonly credentials: Credentials | undefined;
  readonly readonly: boolean;
  readonly readwrite: boolean;
  readonly frameworks: boolean;
  readonly agents: boolean;
  /** `--firewall_rules`: nobody may ask these. */
  readonly disabledPaths: readonly string[];
}

const principals = new WeakMap<FastifyRequest, string>();

/** Undefined: the realm is not protected, so nobody was asked. */
export const principalOf = (request: FastifyRequest): string | undefined => principals.get(request);

const open = /^\/(?:health|version|redirect|-\/.*)$/;

type Realm = 'readonly' | 'readwrite' | 'frameworks' | 'agents';
const realmNames: Readonly<Record<Realm, string>> = {
  readonly: 'mesos-master-readonly',
  readwrite: 'mesos-master-readwrite',
  frameworks: 'mesos-master-scheduler',
  agents: 'mesos-master-agent',
};

function realmOf(method: string, path: string): Realm | undefined {
  if (open.test(path)) return undefined;
  if (path === AGENT_PROTOCOL_PATH) return 'agents';
  if (path === '/api/v1/scheduler' || path.startsWith('/api/v1/scheduler/')) return 'frameworks';
  return path === '/api/v1' || path.startsWith('/api/v1/') || (method !== 'GET' && method !== 'HEAD') ? 'readwrite' : 'readonly';
}

export function addAuthentication(app: FastifyInstance, options: AuthenticationOptions): void {
  const { credentials } = options;
  const isProtected = options.readonly || options.readwrite || options.frameworks || options.agents;
  if (isProtected && credentials === undefined)
    throw errors.fail('bad_option', { flag: 'credentials', reason: 'is needed by the --authenticate_… flags that are on' });
  if (!isProtected && options.disabledPaths.length === 0) return;
  app.addHook('onRequest', (request, reply, done) => {
    const path = plainPath(request.url);
    if (options.disabledPaths.includes(path)) return void refuse(reply, 403, `Endpoint '${path}' is disabled`);
    const realm = realmOf(request.method, path);
    if (realm === undefined || !options[realm]) return done();
    const principal = credentials?.principalOf(request.headers.authorization);
    if (principal === undefined) {
      reply.header('www-authenticate', `Basic realm="${realmNames[realm]}"`);
      return void refuse(reply, 401, 'Unauthorized: a principal and its secret are needed');
    }
    principals.set(request, principal);
    done();
  });
}

/** Without query, trailing slash and the process's name: `/master/state/?x` is `/state`. */
function plainPath(url: string): string {
  const path = url.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  return path.startsWith('/master/') ? path.slice('/master'.length) : path;
}
