/** Paths as the original serves them: bare and under the process's name; what follows a known path is passed over (mesos.md §1.1). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> | FastifyReply;

/** `/state` answers at `/state`, `/state/…`, `/master/state` and `/master/state/…`; the longest known path wins. */
export function addRoute(app: FastifyInstance, method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, handler: Handler): void {
  for (const base of [path, `/master${path}`]) {
    app.route({ method, url: base, handler });
    app.route({ method, url: `${base}/*`, handler });
  }
}
