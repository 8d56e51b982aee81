/** Answers: bodies with their length, compressed when asked for; refusals as short plain text; streams of records. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import { encodeRecord, type MediaFormat, mediaTypes } from '@pronoia/mesos';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventSink } from './conductor.ts';

const compress = promisify(gzip);
/** Smaller bodies are not worth it (mesos.md §1.2). */
const compressFromBytes = 1024;

export async function respondBody(
  request: FastifyRequest,
  reply: FastifyReply,
  content: string | Buffer,
  contentType = 'application/json',
): Promise<FastifyReply> {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  reply.header('content-type', contentType);
  if (body.length < compressFromBytes || !/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(body);
  return reply.header('content-encoding', 'gzip').send(await compress(body, { level: 1 }));
}

/** GET answers of the legacy endpoints: `?jsonp=f` wraps them for pages of other origins. */
export function respondLegacy(request: FastifyRequest, reply: FastifyReply, value: unknown): Promise<FastifyReply> {
  return respondLegacyText(request, reply, JSON.stringify(value));
}

function respondLegacyText(request: FastifyRequest, reply: FastifyReply, json: string): Promise<FastifyReply> {
  const { jsonp } = request.query as { jsonp?: unknown };
  return typeof jsonp === 'string'
    ? respondBody(request, reply, `${jsonp}(${json})`, 'text/javascript')
    : respondBody(request, reply, json);
}

export const refuse = (reply: FastifyReply, status: number, message: string): FastifyReply =>
  reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(message);

export const respondText = (reply: FastifyReply, text: string): FastifyReply =>
  reply.code(200).header('content-type', 'text/plain; charset=utf-8').send(text);

/** The same of what was made in slices, with its length. */
export function respondBuffers(
  request: FastifyRequest,
  reply: FastifyReply,
  buffers: readonly Buffer[],
  contentType = 'application/json',
): FastifyReply {
  const length = buffers.reduce((sum, one) => sum + one.length, 0);
  reply.header('content-type', contentType);
  const body = Readable.from(buffers, { objectMode: false, highWaterMark: 1 });
  if (length >= compressFromBytes && /\bgzip\b/.test(request.headers['accept-encoding'] ?? ''))
    return reply.header('content-encoding', 'gzip').send(body.pipe(createGzip({ level: 1 })));
  return reply.header('content-length', length).send(body);
}

/** Wrapped as `respondLegacy` does. */
export function respondLegacyBuffers(request: FastifyRequest, reply: FastifyReply, buffers: readonly Buffer[]): FastifyReply {
  const { jsonp } = request.query as { jsonp?: unknown };
  return typeof jsonp === 'string'
    ? respondBuffers(request, reply, [Buffer.from(`${jsonp}(`), ...buffers, Buffer.from(')')], 'text/javascript')
    : respondBuffers(request, reply, buffers);
}

/** No body and no Content-Type: some clients take the header for a body to come (mesos.md §1.2). */
export const respondEmpty = (reply: FastifyReply, status: 200 | 202): FastifyReply => reply.code(status).send();

/** A subscriber that reads nothing must not fill the master's memory. */
const backlogLimitBytes = 64 * 1024 * 1024;

/** Takes the connection over and answers with a stream of records: one record per write, one write per chunk (mesos.md §1.5). */
export function openStream(
  reply: FastifyReply,
  format: MediaFormat,
  headers: Readonly<Record<string, string>>,
  on: { closed: () => void; overflow: (backlogBytes: number) => void },
  /** For readers of ours, which take any cut of the stream: what is written in one turn of the loop goes out in one piece. */
  options: { joinsRecords?: boolean } = {},
): EventSink {
  reply.hijack();
  const raw: ServerResponse = reply.raw;
  raw.writeHead(200, { 'content-type': mediaTypes[format], ...headers });
  raw.flushHeaders();
  raw.on('close', on.closed);
  raw.on('error', on.closed);
  let waiting: Buffer[] = [];
  const flush = (): void => {
    const records = waiting;
    waiting = [];
    if (records.length > 0 && !raw.destroyed && !raw.writableEnded) raw.write(Buffer.concat(records));
  };
  return {
    format,
    write(record) {
      if (raw.destroyed || raw.writableEnded) return;
      if (options.joinsRecords === true) {
        if (waiting.length === 0) queueMicrotask(flush);
        waiting.push(encodeRecord(record));
      } else raw.write(encodeRecord(record));
      if (raw.writableLength > backlogLimitBytes) {
        on.overflow(raw.writableLength);
        raw.destroy();
      }
    },
    close() {
      flush();
      raw.end();
    },
  };
}
