import { Gauge, type Registry } from '@pronoia/client';
import type { HistoryLog } from './log.ts';

export function measureHistory(registry: Registry, log: HistoryLog): void {
  const read = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `alertmanager_history_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  read('bytes', 'Size of the event log on the disk.', () => log.bytes);
  read('dropped_events', 'Events since the start that the disk did not take, or not fast enough.', () => log.droppedCount);
}
