/** Bodies of the v1 endpoints: any bytes are taken in, so that each fault gets the original's own status (mesos.md §1.3). */
import { decodeJson, decodeProtobuf, type MessageByName, type MessageName, mediaTypes } from '@pronoia/mesos';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Refusal } from './refusal.ts';

/** In place of fastify's parsers, which would answer by themselves. */
export function takeRawBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

export function bodyRefusal(request: FastifyRequest): Refusal | undefined {
  const type = request.headers['content-type'];
  if (type === undefined) return { status: 400, message: "Expecting 'Content-Type' to be present" };
  // Compared whole: the original refuses a charset too.
  if (type !== mediaTypes.json && type !== mediaTypes.protobuf) {
    return { status: 415, message: `Expecting 'Content-Type' of ${mediaTypes.json} or ${mediaTypes.protobuf}, found '${type}'` };
  }
  if (!Buffer.isBuffer(request.body)) return { status: 400, message: 'Expecting a body' };
  return undefined;
}

/** The message in a body that `bodyRefusal` let through. Throws MessageError. */
export function readBody<N extends MessageName>(request: FastifyRequest, name: N): MessageByName[N] {
  const body = request.body as Buffer;
  return request.headers['content-type'] === mediaTypes.protobuf ? decodeProtobuf(name, body) : decodeJson(name, body);
}
