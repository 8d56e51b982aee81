import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@pronoia/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, cpus, framework, mem, shell, task, untilTrue } from '../test/bed.ts';
import { Cgroups, probeCgroups } from './cgroups.ts';
import { isolate } from './isolation.ts';

const hierarchy = '/sys/fs/cgroup';
const flags = { cgroups_hierarchy: hierarchy, cgroups_root: 'mesos', cgroups_enable_cfs: true, cgroups_limit_swap: false };

function canLimit(): boolean {
  try {
    const found = probeCgroups(hierarchy, new Set(['cpu', 'cpuacct', 'memory', 'pids']));
    accessSync(found?.version === 2 ? join(hierarchy, 'cgroup.subtree_control') : join(hierarchy, 'memory'), constants.W_OK);
    return process.getuid?.() === 0 && found?.missing.length === 0;
  } catch {
    return false;
  }
}
const isRoot = canLimit();
const isV2 = existsSync(join(hierarchy, 'cgroup.controllers'));
if (!isRoot) process.stderr.write('SKIPPED: limits by control groups need root and writable control groups under /sys/fs/cgroup\n');

describe('--isolation', () => {
  it.each([
    ['posix/cpu,posix/mem', undefined],
    ['', undefined],
    ['gpu/nvidia', /the isolator gpu\/nvidia is not here/],
    ['cgroups/cpu', /no control groups for cpu, cpuacct under \/nonexistent/],
  ])('%s', (isolation, fault) => {
    const result = ((): string => {
      try {
        return isolate({ ...flags, isolation, cgroups_hierarchy: '/nonexistent' }, silentLogger) === undefined ? 'none' : 'some';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(result).toMatch(fault ?? /^none$/);
  });
});

describe('control groups of version 2', () => {
  // The files alone, in a folder: what the kernel would make of them is not tested here.
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cgroup2-'));
    writeFileSync(join(folder, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are found, limited, read', () => {
    const controllers = new Set(['cpu', 'cpuacct', 'memory', 'pids'] as const);
    expect(probeCgroups(folder, controllers)).toEqual({ version: 2, missing: [] });
    const cgroups = new Cgroups({ hierarchy: folder, root: 'mesos', controllers, isEnforcingCpus: false, limitSwap: true }, 2);
    expect(readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8')).toBe('+cpu +memory +pids');
    expect(cgroups.create('c1', { cpus: 0.5, memMb: 100, memLimitMb: 200, cpusLimit: 1.5 })).toEqual([
      join(folder, 'mesos/c1/cgroup.procs'),
    ]);
    const read = (file: string): string => readFileSync(join(folder, 'mesos/c1', file), 'utf8');
    expect([read('cpu.weight'), read('cpu.max'), read('memory.low'), read('memory.max'), read('memory.swap.max')]).toEqual([
      '20',
      '150000 100000',
      String(100 * 2 ** 20),
      String(200 * 2 ** 20),
      '0',
    ]);
    cgroups.limit('c1', { cpus: 0.5, memMb: 50 });
    expect([read('cpu.max'), read('memory.max')]).toEqual(['max 100000', String(200 * 2 ** 20)]); // memory never shrinks
    cgroups.limit('c1', { cpus: 0.5, memMb: 50, memLimitMb: Number.POSITIVE_INFINITY });
    expect(read('memory.max')).toBe('max');
    const put = (file: string, text: string): void => writeFileSync(join(folder, 'mesos/c1', file), text);
    put('cpu.stat', 'usage_usec 3500000\nuser_usec 2500000\nsystem_usec 1000000\nnr_periods 10\nnr_throttled 3\nthrottled_usec 500000\n');
    put('memory.stat', 'anon 1000\nfile 2000\nfile_mapped 300\nunevictable 0\n');
    put('memory.current', '4000\n');
    put('memory.events', 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\n');
    expect(cgroups.statistics('c1')).toMatchObject({
      cpus_user_time_secs: 2.5,
      cpus_system_time_secs: 1,
      cpus_nr_periods: 10,
      cpus_nr_throttled: 3,
      cpus_throttled_time_secs: 0.5,
      mem_total_bytes: 4000,
      mem_rss_bytes: 1000,
      mem_cache_bytes: 2000,
      mem_mapped_file_bytes: 300,
    });
    put('memory.max', String(64 * 2 ** 20));
    expect(cgroups.limitationOf('c1', false)).toMatchObject({ reason: 'REASON_CONTAINER_LIMITATION_MEMORY', message: /64MB/ });
    mkdirSync(join(folder, 'mesos/c1/mesos/n1'), { recursive: true });
    writeFileSync(join(folder, 'mesos/c1/mesos/n1/cgroup.procs'), '5\n6\n');
    expect(cgroups.processes('c1')).toEqual([5, 6]);
  });
});

describe.skipIf(!isRoot)('a container in a control group', () => {
  let bed: Bed;
  const root = `pronoia-test-${process.pid}`;
  beforeEach(async () => {
    bed = await Bed.make();
  });
  afterEach(async () => {
    await bed.close();
    const version = probeCgroups(hierarchy, new Set(['cpu']))?.version ?? 1;
    const controllers = new Set(['cpu', 'cpuacct', 'memory', 'pids'] as const);
    const cgroups = new Cgroups({ hierarchy, root, controllers, isEnforcingCpus: false, limitSwap: false }, version);
    await untilTrue(() => cgroups.remove('')); // also proves that nothing was left in it
  });
  const options = { isolation: 'cgroups/all', cgroups_root: root, cgroups_enable_cfs: true };
  const own = (controller: string, file: string): string =>
    `$(cut -d: -f2,3 /proc/self/cgroup | grep ^${controller}: | cut -d: -f2)/${file}`;

  it('is ended when it takes more memory than it may', async () => {
    await bed.open(options);
    // A shell variable that doubles: no file pages that could be dropped.
    bed.launch(framework(), task({ ...shell('t1', 'x=aaaaaaaa; while :; do x=$x$x; done'), resources: [cpus(0.5), mem(32)] }));
    const status = await bed.final('t1');
    expect(status).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY', source: 'SOURCE_AGENT' });
    expect(status.message).toMatch(/^Memory limit exceeded: Requested: 64MB Maximum Used: \d+MB$/);
    expect(status.limitation?.resources).toEqual([{ name: 'mem', type: 'SCALAR', scalar: { value: 64 } }]);
  });

  it('has the limits that were asked for, and its own statistics', async () => {
    const agent = await bed.open(options);
    const value = `cat /sys/fs/cgroup/cpu${own('cpu', 'cpu.cfs_quota_us')} /sys/fs/cgroup/memory${own('memory', 'memory.limit_in_bytes')}; sleep 1000`;
    bed.launch(
      framework(),
      task({ ...shell('t1', value), resources: [cpus(0.4), mem(64)], limits: { cpus: { value: 0.9 }, mem: { value: 128 } } }),
    );
    await bed.running('t1');
    await untilTrue(() => bed.text('t1').split('\n').length > 2 || bed.text('t1', 'stderr') !== '');
    expect(bed.text('t1')).toBe(isV2 ? '' : `100000\n${160 * 2 ** 20}\n`);
    const [entry] = (await (await fetch(`${agent.url}/containers`)).json()) as { statistics: Record<string, number> }[];
    expect(entry?.statistics).toMatchObject({ cpus_limit: 1, cpus_soft_limit: 0.5, mem_limit_bytes: 160 * 2 ** 20 });
    expect(entry?.statistics['mem_total_bytes']).toBeGreaterThan(100_000);
    expect(entry?.statistics['cpus_nr_periods']).toBeGreaterThanOrEqual(0);
    expect(await (await fetch(`${agent.url}/metrics`)).text()).toMatch(/^container_memory_usage_bytes\{.*task="t1".*\} \d+$/m);
  });

  it('is shared by a task group, and ended as a whole with what left its session', async () => {
    await bed.open(options);
    const executor = {
      executor_id: { value: 'G1' },
      framework_id: { value: 'F1' },
      type: 'DEFAULT' as const,
      resources: [cpus(0.1), mem(32)],
    };
    const line = `cut -d: -f2,3 /proc/self/cgroup | grep ^memory: > group; env -i setsid sleep 1000 & echo $! > pid; wait`;
    bed.launchGroup(framework(), executor, task({ ...shell('a', line) }), task({ ...shell('b', line) }));
    await Promise.all([bed.running('a'), bed.running('b')]);
    await untilTrue(() => bed.text('G1', 'tasks/a/pid') !== '' && bed.text('G1', 'tasks/b/pid') !== '');
    expect(bed.text('G1', 'tasks/a/group')).toBe(bed.text('G1', 'tasks/b/group'));
    const pids = ['a', 'b'].map((id) => Number(bed.text('G1', `tasks/${id}/pid`)));
    bed.kill('a');
    await Promise.all([bed.final('a'), bed.final('b')]);
    await untilTrue(() => pids.every((pid) => !existsSync(`/proc/${pid}`)));
  });

  it('is taken up with its limits after a restart', async () => {
    const first = await bed.open(options);
    bed.launch(
      framework(),
      task({
        ...shell('t1', 'while [ ! -e go ]; do sleep 0.05; done; x=aaaaaaaa; while :; do x=$x$x; done'),
        resources: [cpus(0.5), mem(32)],
      }),
    );
    await bed.running('t1');
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open(options);
    writeFileSync(join(bed.sandbox('t1'), 'go'), '');
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY' });
  });

  it('sets rlimits, and checks run inside too', async () => {
    await bed.open(options);
    const container = { type: 'MESOS' as const, rlimit_info: { rlimits: [{ type: 'RLMT_NOFILE' as const, soft: 77, hard: 99 }] } };
    const check = { type: 'COMMAND' as const, command: { command: { value: 'grep -q pronoia-test /proc/self/cgroup' } }, delay_seconds: 0 };
    bed.launch(
      framework(),
      task({
        task_id: { value: 't1' },
        command: { value: 'ulimit -Sn; ulimit -Hn; id -un; sleep 1000', user: 'nobody' },
        container,
        check,
      }),
    );
    await bed.master.status('t1', ({ check_status }) => check_status?.command?.exit_code === 0);
    await untilTrue(() => bed.text('t1') === '77\n99\nnobody\n');
  });
});
