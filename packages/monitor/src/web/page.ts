/** The web page: files of a folder, and its index for every path that the page's own router knows. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { errors } from '../errors.ts';

/** Paths of the server itself: a wrong one is an error, never the page. */
const ownPaths = /^\/(?:api|proxy|-|assets)(?:\/|$)/;

const without = `<!doctype html><title>Pronoia monitor</title>
<p>The monitor runs, but its web page is not installed (--web.page-dir). The API is under <a href="/api/v1/targets">/api/v1</a>.</p>
`;

/** @param directory holds index.html; undefined, or without one: a line that says so. */
export async function registerPage(app: FastifyInstance, directory: string | undefined): Promise<void> {
  const root = directory === undefined ? undefined : resolve(directory);
  const hasPage = root !== undefined && existsSync(join(root, 'index.html'));
  if (hasPage) {
    await app.register(fastifyStatic, { root, serve: false, index: false });
  }
  app.get('/*', (request, reply) => {
    const path = (request.url.split('?')[0] as string) || '/';
    if (!hasPage) {
      if (path !== '/') throw errors.fail('not_found', { reason: `there is nothing at ${path}` });
      return reply.type('text/html; charset=utf-8').send(without);
    }
    const wanted = (request.params as { '*': string })['*'];
    if (wanted !== '' && isFile(root, wanted)) {
      // Vite puts a hash of the content into the names below assets/.
      return reply.sendFile(wanted, wanted.startsWith('assets/') ? { maxAge: '365d', immutable: true } : { maxAge: 0 });
    }
    if (ownPaths.test(path)) throw errors.fail('not_found', { reason: `there is nothing at ${path}` });
    return reply.sendFile('index.html', { maxAge: 0 });
  });
}

function isFile(root: string, wanted: string): boolean {
  const path = resolve(root, wanted);
  if (!path.startsWith(`${root}/`)) return false;
  try {
    return statSync(path).isFile();
  } catch {
    // Absent, or no path at all: a name can be too long or hold a zero byte.
    return false;
  }
}
