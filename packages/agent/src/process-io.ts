/**
 * A container's input and output over HTTP (mesos.md §5.2): ATTACH_CONTAINER_OUTPUT and sessions give a stream of ProcessIO records,
 * ATTACH_CONTAINER_INPUT takes one. Output of a container with a terminal is followed in its sandbox's file from where it is now, so an
 * agent that restarts loses nothing; a session's comes through pipes.
 */
import { statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  decodeJson,
  decodeProtobuf,
  encodeJson,
  encodeProtobuf,
  encodeRecord,
  type MediaFormat,
  mediaTypes,
  type ProcessIO,
  RecordDecoder,
  recordType,
} from '@pronoia/mesos';
import type { Clock } from '@pronoia/server';
import type { FastifyReply } from 'fastify';
import type { Container } from './containerizer.ts';
import { errors } from './errors.ts';

/** How the answer's records are written. */
export interface RecordStyle {
  readonly format: MediaFormat;
  /** `application/recordio` with the format beside it; or the format alone. */
  readonly isRecordio: boolean;
}

/** Between two looks into a file that grows. */
const FOLLOW_MS = 50;
const CHUNK_BYTES = 64 * 1024;

/** Streams until the container has ended and everything is said. `onClosed`: the client went away first. */
export function streamOutput(
  reply: FastifyReply,
  container: Container,
  style: RecordStyle,
  options: { readonly clock: Clock; readonly heartbeatMs: number; readonly onClosed: () => void },
): FastifyReply {
  const { io } = container;
  if (io === undefined) throw errors.fail('no_switchboard', {});
  const { clock, heartbeatMs } = options;
  // Before the client hears that it is attached: what is said after that it sees.
  const file = join(container.sandbox, 'stdout');
  const fromBytes = io.stdout === undefined ? (statSync(file, { throwIfNoEntry: false })?.size ?? 0) : 0;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    'content-type': style.isRecordio ? recordType : mediaTypes[style.format],
    ...(style.isRecordio ? { 'message-content-type': mediaTypes[style.format] } : {}),
  });
  raw.flushHeaders();
  let isOver = false;
  const send = (message: ProcessIO): void => {
    if (raw.destroyed || raw.writableEnded) return;
    raw.write(encodeRecord(style.format === 'json' ? encodeJson('ProcessIO', message) : encodeProtobuf('ProcessIO', message)));
  };
  const sendData = (type: 'STDOUT' | 'STDERR', data: Buffer): void => send({ type: 'DATA', data: { type, data: data.toString('base64') } });
  const interval = { nanoseconds: heartbeatMs * 1e6 };
  let heartbeat = clock.setTimer(heartbeatMs, beat);
  function beat(): void {
    send({ type: 'CONTROL', control: { type: 'HEARTBEAT', heartbeat: { interval } } });
    heartbeat = clock.setTimer(heartbeatMs, beat);
  }
  const end = (): void => {
    isOver = true;
    heartbeat.cancel();
    raw.end();
  };
  raw.on('error', () => undefined);
  raw.on('close', () => {
    heartbeat.cancel();
    if (!isOver) options.onClosed();
    isOver = true;
  });
  const streams: [Readable | undefined, 'STDOUT' | 'STDERR'][] = [
    [io.stdout, 'STDOUT'],
    [io.stderr, 'STDERR'],
  ];
  const done = streams.map(([stream, type]) =>
    stream === undefined
      ? type === 'STDOUT'
        ? follow(
            file,
            fromBytes,
            container,
            clock,
            () => isOver,
            (data) => sendData(type, data),
          )
        : Promise.resolve()
      : new Promise<void>((resolve) => {
          stream.on('data', (data: Buffer) => sendData(type, data));
          stream.once('close', resolve);
          stream.once('error', () => resolve());
          if (stream.destroyed) resolve();
        }),
  );
  void Promise.all([...done, container.exited]).then(end, end);
  return reply;
}

/** What a file holds from a byte on, and what is appended to it, until the container has ended. */
async function follow(
  path: string,
  fromBytes: number,
  container: Container,
  clock: Clock,
  isOver: () => boolean,
  onData: (data: Buffer) => void,
): Promise<void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    let at = fromBytes;
    const buffer = Buffer.alloc(CHUNK_BYTES);
    while (!isOver()) {
      // Asked before the last look: what was written before the end is seen.
      const wasOver = container.hasExited;
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      at += bytesRead;
      if (bytesRead > 0) onData(buffer.subarray(0, bytesRead));
      else if (wasOver) return;
      else await new Promise<void>((resolve) => clock.setTimer(FOLLOW_MS, resolve));
    }
  } finally {
    await file?.close();
  }
}

/** Reads records until the client ends: first which container, then what it is to be given. */
export async function takeInput(
  body: Readable,
  format: MediaFormat,
  find: (id: { readonly value: string }) => Container | undefined,
): Promise<void> {
  const decoder = new RecordDecoder();
  let container: Container | undefined;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    for (const record of decoder.decode(chunk)) {
      const call = format === 'json' ? decodeJson('AgentCall', record) : decodeProtobuf('AgentCall', record);
      if (call.type !== 'ATTACH_CONTAINER_INPUT') throw errors.fail('bad_call', { reason: 'Only ATTACH_CONTAINER_INPUT is streamed' });
      const { container_id, process_io } = call.attach_container_input;
      if (container === undefined) {
        if (container_id === undefined) throw errors.fail('bad_call', { reason: "Expecting 'container_id' in the first record" });
        container = find(container_id);
        if (container === undefined) throw errors.fail('unknown_container', { id: container_id.value });
        if (container.io === undefined) throw errors.fail('no_switchboard', {});
      } else if (process_io !== undefined) give(container, process_io);
      else throw errors.fail('bad_call', { reason: "Expecting 'process_io' in every record but the first" });
    }
  }
  if (container === undefined) throw errors.fail('bad_call', { reason: 'The stream ended before it named a container' });
}

function give(container: Container, { data, control }: ProcessIO): void {
  if (data?.type === 'STDIN') {
    const bytes = Buffer.from(data.data ?? '', 'base64');
    if (bytes.length === 0) container.io?.end();
    else container.io?.write(bytes);
  }
  const size = control?.tty_info?.window_size;
  if (size !== undefined) container.io?.resize(size.rows, size.columns);
}
