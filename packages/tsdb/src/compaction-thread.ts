/**
 * Does the heavy work of upkeep on a thread of its own, so that appends and queries go on beside it. The thread is started when there is
 * something to do and ended when upkeep rests: its memory goes with it. Its other end is compaction-worker.ts.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { creationSuffix } from './block/block-writer.ts';
import type { BlockMeta } from './block/meta.ts';
import type { CheckpointRequest, Compactor, MergeRequest, WriteRequest } from './compactor.ts';
import type { Disk } from './disk/disk.ts';
import { fromPlainError, messageOf, type PlainError, StorageError } from './errors.ts';

/** Parts of series are sent ahead of the request that uses them. */
export type ToWorker = { readonly kind: 'part'; readonly bytes: Uint8Array } | WriteRequest | MergeRequest | CheckpointRequest;
export type FromWorker =
  | { readonly kind: 'done'; readonly meta: BlockMeta | undefined }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** From sources, which Node 20 cannot start, the built worker is used. */
const builtWorker = new URL(import.meta.url.endsWith('.ts') ? '../dist/compaction-worker.js' : './compaction-worker.js', import.meta.url);

/** Whether there is a program for the thread. */
export function canUseThread(): boolean {
  return existsSync(fileURLToPath(builtWorker));
}

interface Waiter {
  resolve(meta: BlockMeta | undefined): void;
  reject(error: Error): void;
}

export class ThreadCompactor implements Compactor {
  readonly #disk: Disk;
  readonly #program: URL;
  #worker: Worker | undefined;
  #waiter: Waiter | undefined;
  #isStopped = false;

  /** `program` is another one in tests. */
  constructor(disk: Disk, program = builtWorker) {
    this.#disk = disk;
    this.#program = program;
  }

  async write(request: WriteRequest, parts: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<BlockMeta | undefined> {
    const worker = this.#started();
    try {
      for await (const part of parts) worker.postMessage({ kind: 'part', bytes: part } satisfies ToWorker, [part.buffer]);
    } catch (error) {
      // It must not take these parts for those of the next request.
      await this.rest();
      throw error;
    }
    return this.#makeBlock(request, worker);
  }

  async merge(request: MergeRequest): Promise<BlockMeta | undefined> {
    return this.#makeBlock(request, this.#started());
  }

  async #makeBlock(request: WriteRequest | MergeRequest, worker: Worker): Promise<BlockMeta | undefined> {
    try {
      return await this.#ask(request, worker);
    } catch (error) {
      // A thread that died could not do this itself.
      if (this.#worker === undefined) {
        await this.#disk.remove(`${request.folder}/${request.meta.ulid}${creationSuffix}`).catch(() => undefined);
      }
      throw error;
    }
  }

  async checkpoint(request: CheckpointRequest): Promise<void> {
    await this.#ask(request, this.#started());
  }

  #ask(request: WriteRequest | MergeRequest | CheckpointRequest, worker: Worker): Promise<BlockMeta | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#worker !== worker) {
        // It died while the parts were sent.
        reject(this.#deathOf('it ended'));
        return;
      }
      this.#waiter = { resolve, reject };
      worker.postMessage(request satisfies ToWorker, request.kind === 'checkpoint' ? [request.refs.buffer as ArrayBuffer] : []);
    });
  }

  #deathOf(why: string): StorageError {
    return this.#isStopped
      ? new StorageError('closed', 'compaction ends with the database')
      : new StorageError('write_failed', `the compaction thread died: ${why}; the next upkeep begins the work anew`);
  }

  #started(): Worker {
    if (this.#isStopped) throw this.#deathOf('');
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(this.#program, { name: 'compaction', execArgv: [] });
    this.#worker = worker;
    worker.on('message', (answer: FromWorker) => {
      if (answer.kind === 'done') this.#settle((waiter) => waiter.resolve(answer.meta));
      else this.#settle((waiter) => waiter.reject(fromPlainError(answer.error)));
    });
    const died = (why: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#settle((waiter) => waiter.reject(this.#deathOf(why)));
    };
    worker.on('error', (error) => died(messageOf(error)));
    worker.on('exit', (code) => died(`it ended with code ${code}`));
    return worker;
  }

  #settle(settle: (waiter: Waiter) => void): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    if (waiter !== undefined) settle(waiter);
  }

  async rest(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#worker?.terminate();
  }
}
