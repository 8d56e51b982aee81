/** `pronoia mapreduce`: a job of `@pronoia/workloads`, as a process that ends with whoever started it. */
import { mapReduceMain } from '@pronoia/workloads';

export async function main(argv: string[]): Promise<void> {
  // Only a parent that opened a channel (the demonstration) is missed when it is gone.
  const onDisconnect = (): void => void process.kill(process.pid, 'SIGTERM');
  process.on('disconnect', onDisconnect);
  try {
    await mapReduceMain(argv);
  } finally {
    process.off('disconnect', onDisconnect);
    if (process.connected) process.disconnect();
  }
}
