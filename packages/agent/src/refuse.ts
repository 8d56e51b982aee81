/** A refusal is plain text, as the original's. */
import type { FastifyReply } from 'fastify';

export const refuse = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(text);
