/**
 * The host under node exporter's names, so that its dashboards and rules work: cpu, memory, disk, network, load, file system. All from
 * `/proc` (proc(5)); a file that is missing leaves its metrics out. Each file is read once a scrape.
 */
import { readFileSync, statfsSync } from 'node:fs';
import type { Registry } from '@pronoia/client';
import { TICKS_PER_SECOND } from './processes.ts';
import { type ReadValue, reading } from './reading.ts';

/** Where a file's text comes from; a test hands in its own. */
export type ReadProc = (path: string) => string | undefined;

export const readProc: ReadProc = (path) => {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    return undefined;
  }
};

const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'];
const SECTOR_BYTES = 512;

export function* cpuSeconds(text: string): Iterable<ReadValue> {
  for (const [, cpu, rest] of text.matchAll(/^cpu(\d+) (.*)$/gm)) {
    const ticks = (rest ?? '').split(' ').map(Number);
    for (const [i, mode] of CPU_MODES.entries()) {
      const value = ticks[i];
      if (value !== undefined) yield { labels: { cpu: cpu ?? '', mode }, value: value / TICKS_PER_SECOND };
    }
  }
}

/** Field names of `/proc/meminfo` with their values in bytes; `Active(anon)` becomes `Active_anon`, as node exporter has it. */
export function memoryBytes(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const [, name = '', value, unit] of text.matchAll(/^([^:\s]+):\s+(\d+)( kB)?$/gm)) {
    bytes.set(name.replace(/\((.*)\)/, '_$1'), Number(value) * (unit === undefined ? 1 : 1024));
  }
  return bytes;
}

interface Row {
  readonly device: string;
  readonly fields: readonly number[];
}

/** Whole disks and partitions alike, as node exporter lists them; ram and loop devices say nothing and are left out. */
export function diskRows(text: string): Row[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((parts) => parts.length >= 14 && !/^(ram|loop|fd)\d+$/.test(parts[2] ?? ''))
    .map((parts) => ({ device: parts[2] ?? '', fields: parts.slice(3).map(Number) }));
}

export function networkRows(text: string): Row[] {
  return [...text.matchAll(/^\s*([^:\s]+):\s*(.*)$/gm)].map(([, device = '', rest = '']) => ({
    device,
    fields: rest.trim().split(/\s+/).map(Number),
  }));
}

function* column(rows: readonly Row[], index: number, factor = 1): Iterable<ReadValue> {
  for (const { device, fields } of rows) {
    const value = fields[index];
    if (value !== undefined) yield { labels: { device }, value: value * factor };
  }
}

const DISK = [
  ['node_disk_reads_completed_total', 0, 1, 'Reads completed.'],
  ['node_disk_read_bytes_total', 2, SECTOR_BYTES, 'Bytes read.'],
  ['node_disk_read_time_seconds_total', 3, 1e-3, 'Seconds spent by reads.'],
  ['node_disk_writes_completed_total', 4, 1, 'Writes completed.'],
  ['node_disk_written_bytes_total', 6, SECTOR_BYTES, 'Bytes written.'],
  ['node_disk_write_time_seconds_total', 7, 1e-3, 'Seconds spent by writes.'],
  ['node_disk_io_time_seconds_total', 9, 1e-3, 'Seconds in which the disk was busy.'],
] as const;

const NETWORK = [
  ['node_network_receive_bytes_total', 0],
  ['node_network_receive_packets_total', 1],
  ['node_network_receive_errs_total', 2],
  ['node_network_receive_drop_total', 3],
  ['node_network_transmit_bytes_total', 8],
  ['node_network_transmit_packets_total', 9],
  ['node_network_transmit_errs_total', 10],
  ['node_network_transmit_drop_total', 11],
] as const;

const MEMORY = [
  'MemTotal',
  'MemFree',
  'MemAvailable',
  'Buffers',
  'Cached',
  'SwapTotal',
  'SwapFree',
  'Active',
  'Inactive',
  'Dirty',
  'Slab',
  'SReclaimable',
  'Shmem',
];

export function registerHostMetrics(registry: Registry, workDir: string, read: ReadProc = readProc): void {
  const add = (name: string, type: 'counter' | 'gauge', help: string, values: () => Iterable<ReadValue>): void =>
    registry.registerMetric(reading(name, type, help, values));

  add('node_cpu_seconds_total', 'counter', 'Seconds the CPUs spent in each mode.', () => cpuSeconds(read('stat') ?? ''));
  for (const [i, name] of ['node_load1', 'node_load5', 'node_load15'].entries()) {
    add(name, 'gauge', `Load average over ${name.slice('node_load'.length)} minutes.`, () => {
      const text = read('loadavg');
      return text === undefined ? [] : [{ value: Number(text.split(' ')[i]) }];
    });
  }
  for (const name of MEMORY) {
    add(`node_memory_${name}_bytes`, 'gauge', `Memory information field ${name}.`, () => {
      const value = memoryBytes(read('meminfo') ?? '').get(name);
      return value === undefined ? [] : [{ value }];
    });
  }
  for (const [name, index, factor, help] of DISK)
    add(name, 'counter', help, () => column(diskRows(read('diskstats') ?? ''), index, factor));
  for (const [name, index] of NETWORK) {
    add(name, 'counter', `Network device statistic ${name.slice('node_network_'.length, -'_total'.length)}.`, () =>
      column(networkRows(read('net/dev') ?? ''), index),
    );
  }
  add('node_boot_time_seconds', 'gauge', 'When the host was started, in Unix seconds.', () => {
    const seconds = /^btime (\d+)$/m.exec(read('stat') ?? '')?.[1];
    return seconds === undefined ? [] : [{ value: Number(seconds) }];
  });
  const fileSystem: readonly (readonly [string, 'blocks' | 'bfree' | 'bavail', string])[] = [
    ['node_filesystem_size_bytes', 'blocks', 'Size of the file system that holds the work folder.'],
    ['node_filesystem_free_bytes', 'bfree', 'Free bytes in the file system that holds the work folder.'],
    ['node_filesystem_avail_bytes', 'bavail', 'Bytes that are free for other users than root there.'],
  ];
  for (const [name, field, help] of fileSystem) {
    add(name, 'gauge', help, () => {
      try {
        const stat = statfsSync(workDir);
        return [{ labels: { mountpoint: workDir }, value: stat[field] * stat.bsize }];
      } catch {
        return [];
      }
    });
  }
}
