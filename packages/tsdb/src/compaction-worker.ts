/** The thread that writes blocks: takes requests of compaction-thread.ts one by one. */
import { parentPort } from 'node:worker_threads';
import type { BlockMeta } from './block/meta.ts';
import type { FromWorker, ToWorker } from './compaction-thread.ts';
import { checkpoint, mergeBlocks, writePacked } from './compactor.ts';
import { realDisk } from './disk/real-disk.ts';
import { toPlainError } from './errors.ts';

let parts: Uint8Array[] = [];

function answer(message: FromWorker): void {
  parentPort?.postMessage(message);
}

async function run(request: Exclude<ToWorker, { kind: 'part' }>): Promise<BlockMeta | undefined> {
  const packed = parts;
  parts = [];
  switch (request.kind) {
    case 'write':
      return writePacked(realDisk, request, packed);
    case 'merge':
      return mergeBlocks(realDisk, request);
    case 'checkpoint':
      await checkpoint(realDisk, request);
      return undefined;
  }
}

parentPort?.on('message', (message: ToWorker) => {
  if (message.kind === 'part') {
    parts.push(message.bytes);
    return;
  }
  run(message).then(
    (meta) => answer({ kind: 'done', meta }),
    (error: unknown) => answer({ kind: 'failed', error: toPlainError(error) }),
  );
});
