/** Who may ask: HTTP basic authentication per realm, and paths that nobody may ask, before anything else is looked at (mesos.md §11). */
import { CodedError, Credentials, flagContent } from '@pronoia/server';
import type { FastifyInstance } from 'fastify';
import { refuse } from './refuse.ts';

export interface AuthenticationFlags {
  readonly authenticate_http_readonly: boolean;
  readonly authenticate_http_readwrite: boolean;
  readonly http_credentials: string | undefined;
  readonly firewall_rules: string | undefined;
}

/** Always open, as the original's are; executors show a token of their own kind. */
const OPEN = /^\/(?:health|version|-\/.*|api\/v1\/executor)$/;

export function addAuthentication(app: FastifyInstance, flags: AuthenticationFlags): void {
  const { authenticate_http_readonly: readonly, authenticate_http_readwrite: readwrite, http_credentials } = flags;
  if ((readonly || readwrite) && http_credentials === undefined)
    throw new CodedError('bad_flag', 400, '--authenticate_http_readonly and --authenticate_http_readwrite need --http_credentials');
  const credentials = http_credentials === undefined ? undefined : new Credentials('http_credentials', http_credentials);
  const disabled = disabledPaths(flags.firewall_rules);
  if (!readonly && !readwrite && disabled.length === 0) return;
  app.addHook('onRequest', (request, reply, done) => {
    const path = plainPath(request.url);
    if (disabled.includes(path)) return void refuse(reply, 403, `Endpoint '${path}' is disabled`);
    if (OPEN.test(path)) return done();
    const realm = path.startsWith('/api/v1') || (request.method !== 'GET' && request.method !== 'HEAD') ? 'readwrite' : 'readonly';
    const isAsked = realm === 'readwrite' ? readwrite : readonly;
    if (!isAsked || credentials?.principalOf(request.headers.authorization) !== undefined) return done();
    reply.header('www-authenticate', `Basic realm="mesos-agent-${realm}"`);
    return void refuse(reply, 401, 'Unauthorized: a principal and its secret are needed');
  });
}

function disabledPaths(rules: string | undefined): readonly string[] {
  if (rules === undefined) return [];
  try {
    const parsed = JSON.parse(flagContent('firewall_rules', rules)) as { disabled_endpoints?: { paths?: unknown } };
    const paths = parsed.disabled_endpoints?.paths ?? [];
    if (!Array.isArray(paths) || paths.some((path) => typeof path !== 'string'))
      throw new Error('expected a list of disabled_endpoints.paths');
    return (paths as string[]).map(plainPath);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw new CodedError('bad_flag', 400, `--firewall_rules: ${(error as Error).message}`, {}, error);
  }
}

/** Without query, trailing slash and the process's name: `/slave(1)/state/?x` is `/state`. */
function plainPath(url: string): string {
  let path = url.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  try {
    path = decodeURIComponent(path);
  } catch {
    // Then it is no path of ours.
  }
  return path.replace(/^\/slave(?:\(1\))?(?=\/)/, '');
}
