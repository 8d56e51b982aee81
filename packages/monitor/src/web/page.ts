/** The web page: files of a folder, and its index for every path that the page's own router knows. */
import { createReadStream, existsSync, type Stats, statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';

/** Paths of the server itself: a wrong one is an error, never the page. */
const ownPaths = /^\/(?:api|proxy|-|assets)(?:\/|$)/;

const without = `<!doctype html><title>Pronoia monitor</title>
<p>The monitor runs, but its web page is not installed (--web.page-dir). The API is under <a href="/api/v1/targets">/api/v1</a>.</p>
`;

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
};

/** @param directory holds index.html; undefined, or without one: a line that says so. */
export function registerPage(app: FastifyInstance, directory: string | undefined): void {
  const root = directory === undefined ? undefined : resolve(directory);
  app.get('/*', (request, reply) => {
    const path = (request.url.split('?')[0] as string) || '/';
    const nothing = (): Error => errors.fail('not_found', { reason: `there is nothing at ${path}` });
    if (root === undefined || !existsSync(join(root, 'index.html'))) {
      if (path !== '/') throw nothing();
      return reply.type('text/html; charset=utf-8').send(without);
    }
    const wanted = (request.params as { '*': string })['*'];
    const file = resolve(root, wanted);
    const stats = file.startsWith(`${root}/`) ? fileStats(file) : undefined;
    // Vite puts a hash of the content into the names below assets/.
    if (stats !== undefined)
      return sendFile(request, reply, file, stats, wanted.startsWith('assets/') ? 'max-age=31536000, immutable' : 'no-cache');
    if (ownPaths.test(path)) throw nothing();
    const index = join(root, 'index.html');
    return sendFile(request, reply, index, statSync(index), 'no-cache');
  });
}

function fileStats(path: string): Stats | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() ? stats : undefined;
  } catch {
    // Absent, or no path at all: a name can be too long or hold a zero byte.
    return undefined;
  }
}

function sendFile(request: FastifyRequest, reply: FastifyReply, path: string, stats: Stats, cacheControl: string): FastifyReply {
  const etag = `"${stats.size.toString(36)}-${Math.floor(stats.mtimeMs).toString(36)}"`;
  reply.header('etag', etag).header('cache-control', cacheControl).header('x-content-type-options', 'nosniff');
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  reply.type(contentTypes[extname(path).toLowerCase()] ?? 'application/octet-stream').header('content-length', stats.size);
  return reply.send(createReadStream(path));
}
