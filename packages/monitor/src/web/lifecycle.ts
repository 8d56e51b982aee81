/** `/-/reload` and `/-/quit`, for those who may (prometheus-server.md §6.9). */
import type { FastifyInstance } from 'fastify';
import { errors } from '../errors.ts';

export interface LifecycleOptions {
  /** --web.enable-lifecycle */
  readonly isEnabled: boolean;
  readonly reload: () => Promise<void>;
  /** Undefined: this server is part of a larger process, which is not ours to end. */
  readonly quit: (() => void) | undefined;
}

export function registerLifecycle(app: FastifyInstance, { isEnabled, reload, quit }: LifecycleOptions): void {
  const method = ['POST', 'PUT'];
  app.route({
    method,
    url: '/-/reload',
    handler: async (_request, reply) => {
      if (!isEnabled) throw errors.fail('lifecycle_disabled');
      try {
        await reload();
      } catch (error) {
        throw errors.fail('reload_failed', { reason: (error as Error).message }, error);
      }
      return reply.send('');
    },
  });
  const paths = ['/-/reload'];
  if (quit !== undefined) {
    paths.push('/-/quit');
    app.route({
      method,
      url: '/-/quit',
      handler: (_request, reply) => {
        if (!isEnabled) throw errors.fail('lifecycle_disabled');
        reply.raw.on('finish', quit);
        return reply.send('Requesting termination... Goodbye!');
      },
    });
  }
  for (const path of paths) {
    app.get(path, (_request, reply) => {
      reply.header('allow', method.join(', '));
      throw errors.fail('method_not_allowed');
    });
  }
}
