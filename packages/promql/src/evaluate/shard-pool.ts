/**
 * Threads that work on shards. Started when a query is large enough for them, then kept; they do not keep the process alive. Where the
 * program of the thread was not built there are none, and everything is computed where it is asked for.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { StagedChunks } from '@pronoia/model';
import type { ShardJob, ShardResult } from './shard.ts';

export interface ShardRequest {
  readonly id: number;
  readonly job: ShardJob;
  readonly decoderUrl: string;
  readonly staged: StagedChunks;
  /** Not 0 when nobody waits for the answer any more. */
  readonly cancelled: Int32Array;
}

export interface ShardAnswer {
  readonly id: number;
  /** Undefined when cancelled, or failed. */
  readonly result: ShardResult | undefined;
  readonly error: Error | undefined;
}

interface Waiter {
  resolve(result: ShardResult | undefined): void;
  reject(error: Error): void;
}

interface Thread {
  readonly worker: Worker;
  readonly waiters: Map<number, Waiter>;
}

/** From sources, which Node 20 cannot start, the built one is used. */
const program = new URL(import.meta.url.endsWith('.ts') ? '../../dist/evaluate/shard-worker.js' : './shard-worker.js', import.meta.url);
/** One core is for those who ask; a few threads are as fast as the copying that feeds them. */
const size = Math.min(6, Math.max(1, availableParallelism() - 1));

class ShardPool {
  readonly #threads: Thread[] = [];
  readonly size = existsSync(fileURLToPath(program)) ? size : 0;
  #lastId = 0;

  /** Rejects when the shard's data are damaged or the thread dies. */
  run(job: ShardJob, decoderUrl: string, staged: StagedChunks, cancelled: Int32Array): Promise<ShardResult | undefined> {
    const { worker, waiters } = this.#idlest();
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      waiters.set(id, { resolve, reject });
      const request: ShardRequest = { id, job, decoderUrl, staged, cancelled };
      worker.postMessage(request, [staged.bytes.buffer, staged.pieces.buffer, staged.ends.buffer, staged.slow.buffer] as ArrayBuffer[]);
    });
  }

  #idlest(): Thread {
    if (this.#threads.length < this.size && this.#threads.every(({ waiters }) => waiters.size > 0)) return this.#start();
    return this.#threads.reduce((least, thread) => (thread.waiters.size < least.waiters.size ? thread : least));
  }

  #start(): Thread {
    const worker = new Worker(program, { name: 'query', execArgv: [] });
    const thread: Thread = { worker, waiters: new Map() };
    this.#threads.push(thread);
    worker.on('message', ({ id, result, error }: ShardAnswer) => {
      const waiter = thread.waiters.get(id);
      thread.waiters.delete(id);
      if (error === undefined) waiter?.resolve(result);
      else waiter?.reject(error);
    });
    const died = (error: Error): void => {
      const at = this.#threads.indexOf(thread);
      if (at >= 0) this.#threads.splice(at, 1);
      for (const waiter of thread.waiters.values()) waiter.reject(error);
      thread.waiters.clear();
    };
    worker.on('error', died);
    worker.on('exit', (code) => died(new Error(`a query thread ended with code ${code}`)));
    worker.unref();
    return thread;
  }
}

export const shardPool = new ShardPool();
