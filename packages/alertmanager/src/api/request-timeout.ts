/** `--web.timeout`: an answer that is not ready in time is a 503; one that is under way is cut. */
import { formatDuration } from '@pronoia/model';
import type { Clock, Timer } from '@pronoia/server';
import type { FastifyInstance, FastifyRequest } from 'fastify';

export function limitTime(app: FastifyInstance, clock: Clock, timeoutMs: number): void {
  if (timeoutMs <= 0) return;
  const timers = new WeakMap<FastifyRequest, Timer>();
  app.addHook('onRequest', (request, reply, done) => {
    if (request.url.startsWith('/api/')) {
      const timer = clock.setTimer(timeoutMs, () => {
        if (reply.sent || reply.raw.headersSent) reply.raw.destroy();
        else
          void reply
            .code(503)
            .type('text/plain; charset=utf-8')
            .header('connection', 'close')
            .send(`Exceeded configured timeout of ${formatDuration(timeoutMs)}.\n`);
      });
      timers.set(request, timer);
      reply.raw.once('close', () => timer.cancel());
    }
    done();
  });
  app.addHook('onResponse', (request, _reply, done) => {
    timers.get(request)?.cancel();
    done();
  });
}
