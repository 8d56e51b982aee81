import { Registry } from '@pronoia/client';
import { expect, it } from 'vitest';
import { cpuSeconds, diskRows, memoryBytes, networkRows, registerHostMetrics } from './host-metrics.ts';

it('reads CPU time per core and mode in seconds', () => {
  const text = 'cpu  300 0 100 0 0 0 0 0 0 0\ncpu0 150 1 50 1000 2 3 4 5 0 0\ncpu1 150 0 50 0 0 0 0 0 0 0\nintr 1\n';
  const values = [...cpuSeconds(text)];
  expect(values).toHaveLength(16);
  expect(values[0]).toEqual({ labels: { cpu: '0', mode: 'user' }, value: 1.5 });
  expect(values[3]).toEqual({ labels: { cpu: '0', mode: 'idle' }, value: 10 });
  expect(values[7]).toEqual({ labels: { cpu: '0', mode: 'steal' }, value: 0.05 });
});

it('reads memory in bytes under node exporter names', () => {
  const bytes = memoryBytes('MemTotal:       16 kB\nActive(anon):    2 kB\nHugePages_Total:   3\n');
  expect([...bytes]).toEqual([
    ['MemTotal', 16384],
    ['Active_anon', 2048],
    ['HugePages_Total', 3],
  ]);
});

it('reads disks without ram and loop devices', () => {
  const text = '   7       0 loop0 1 2 3 4 5 6 7 8 9 10 11\n   8       0 sda 10 0 20 30 40 0 60 70 0 90 100\n';
  expect(diskRows(text)).toEqual([{ device: 'sda', fields: [10, 0, 20, 30, 40, 0, 60, 70, 0, 90, 100] }]);
});

it('reads network devices', () => {
  const text = 'Inter-|   Receive\n face |bytes\n    lo: 100 2 0 0 0 0 0 0 300 4 0 0 0 0 0 0\n  eth0:5 6 7 8 0 0 0 0 9 10 11 12 0 0 0 0\n';
  const rows = networkRows(text);
  expect(rows.map((row) => [row.device, row.fields[0], row.fields[8]])).toEqual([
    ['lo', 100, 300],
    ['eth0', 5, 9],
  ]);
});

it('leaves out what the host does not tell', async () => {
  const registry = new Registry();
  registerHostMetrics(registry, '/', () => undefined);
  const page = await registry.metrics();
  expect(page).not.toMatch(/^node_cpu_seconds_total\{/m);
  expect(page).toMatch(/^node_filesystem_size_bytes\{mountpoint="\/"\} \d/m);
});
