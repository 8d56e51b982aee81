/** The other end of shard-pool.ts: a thread that works on shards, one after the other. */
import { parentPort } from 'node:worker_threads';
import { type ColumnDecoder, StagedChunks } from '@pronoia/model';
import { runShard } from './shard.ts';
import type { ShardAnswer, ShardRequest } from './shard-pool.ts';

const decoders = new Map<string, ColumnDecoder>();

async function decoderOf(url: string): Promise<ColumnDecoder> {
  let decoder = decoders.get(url);
  if (decoder === undefined) {
    const module = (await import(url)) as { createDecoder(): ColumnDecoder };
    decoder = module.createDecoder();
    decoders.set(url, decoder);
  }
  return decoder;
}

async function answer({ id, job, decoderUrl, staged, cancelled }: ShardRequest): Promise<void> {
  const isCancelled = (): boolean => Atomics.load(cancelled, 0) !== 0;
  let result: ShardAnswer;
  try {
    const decoder = await decoderOf(decoderUrl);
    // Posted objects lose their class.
    result = { id, result: runShard(job, Object.assign(new StagedChunks(), staged), decoder, isCancelled), error: undefined };
  } catch (error) {
    result = { id, result: undefined, error: error as Error };
  }
  const columns = result.result;
  const transfer = columns === undefined ? [] : [columns.values.buffer, columns.kinds.buffer];
  parentPort?.postMessage(result, transfer);
}

let before: Promise<void> = Promise.resolve();
parentPort?.on('message', (request: ShardRequest) => {
  before = before.then(() => answer(request));
});
