/**
 * The connection that this member makes to another: what it has to tell goes out here, in order; what comes back are answers. Each
 * member makes its own, so a pair has two. A lost one is made again for as long as it is wanted.
 */
import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '@pronoia/server';
import { encodeFrame, FrameReader } from './frame.ts';
import type { ClusterTls } from './tls.ts';

export interface LinkOptions {
  readonly clock: Clock;
  readonly host: string;
  readonly port: number;
  readonly tls: ClusterTls | undefined;
  readonly connectTimeoutMs: number;
  readonly reconnectMs: () => number;
  /** First thing said on each new connection. */
  readonly greeting: () => string;
  readonly onMessage: (message: Message) => void;
  readonly onDown: (reason: string) => void;
  readonly onSent: (bytes: number) => void;
}

export interface Message {
  readonly kind: string;
  readonly [name: string]: unknown;
}

/** What waits to be sent when the other end does not read: beyond this the connection is given up, and comparing sums repairs what was lost. */
const maxWaitingBytes = 64 * 1024 * 1024;

/** A connection that was good is made again at once: perhaps only it was lost. */
const firstRetryMs = 50;

export class Link {
  readonly address: string;
  readonly #options: LinkOptions;
  #socket: Socket | undefined;
  #retry: Timer | undefined;
  #isClosed = false;
  #isUp = false;
  /** The last attempt did not get through. */
  hasFailed = false;
  /** Nobody listened there. */
  wasRefused = false;
  /** The member at the other end, when it has answered; stays known when the connection is lost. */
  peer: string | undefined;
  /** It has answered on this connection. */
  isWelcome = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.address = `${options.host}:${options.port}`;
    this.#connect();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  #connect(): void {
    const { host, port, tls, clock, connectTimeoutMs, greeting, onMessage } = this.#options;
    const socket = tls?.connect(host, port) ?? connect({ host, port });
    socket.setNoDelay(true);
    this.#socket = socket;
    const reader = new FrameReader();
    const timeout = clock.setTimer(connectTimeoutMs, () => socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)));
    let reason = 'the connection was closed';
    let code: string | undefined;
    socket.on(tls === undefined ? 'connect' : 'secureConnect', () => {
      timeout.cancel();
      this.#isUp = true;
      this.hasFailed = false;
      this.wasRefused = false;
      this.send(encodeFrame(greeting()));
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) onMessage(message as Message);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.message;
      code = error.code;
    });
    socket.on('close', () => {
      timeout.cancel();
      const wasWelcome = this.isWelcome;
      this.#isUp = false;
      this.isWelcome = false;
      this.hasFailed = true;
      this.wasRefused = code === 'ECONNREFUSED';
      if (this.#isClosed) return;
      this.#retry = clock.setTimer(wasWelcome ? firstRetryMs : this.#options.reconnectMs(), () => this.#connect());
      this.#options.onDown(reason);
    });
  }

  send(frame: Buffer): void {
    const socket = this.#socket;
    if (!this.#isUp || socket === undefined) return;
    if (socket.writableLength > maxWaitingBytes) {
      socket.destroy(new Error('the other end does not read'));
      return;
    }
    socket.write(frame);
    this.#options.onSent(frame.length);
  }

  /** Resolves when what was sent is on its way. */
  get drained(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || !socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    // Ends after what was written.
    this.#socket?.end();
    this.#socket?.destroySoon();
  }
}
