import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bed, cpus, framework, mem, shell, task, untilTrue } from '../test/bed.ts';
import { ImageStore } from './image-store.ts';
import { probeRuntime } from './oci-containerizer.ts';
import { readProcess } from './processes.ts';

/** A small image made of this machine's own programs. */
let registry: string;
beforeAll(() => {
  registry = mkdtempSync(join(tmpdir(), 'agent-registry-'));
  const rootfs = join(registry, 'plain');
  for (const folder of ['bin', 'proc', 'dev', 'sys', 'tmp', 'etc']) mkdirSync(join(rootfs, folder), { recursive: true });
  for (const program of ['sh', 'cat', 'sleep', 'hostname', 'id', 'ls']) {
    const path = execFileSync('/bin/sh', ['-c', `command -v ${program}`])
      .toString()
      .trim();
    copyFileSync(path, join(rootfs, 'bin', basename(path)));
    for (const [library = ''] of execFileSync('ldd', [path]).toString().matchAll(/\/\S+/g)) {
      mkdirSync(join(rootfs, dirname(library)), { recursive: true });
      copyFileSync(library, join(rootfs, library));
    }
  }
  writeFileSync(join(rootfs, 'etc/mark'), 'plain\n');
  // The same as `docker save` writes it, with a second layer that changes and deletes.
  const parts = join(registry, 'parts');
  const second = join(registry, 'second');
  mkdirSync(parts);
  mkdirSync(join(second, 'etc'), { recursive: true });
  writeFileSync(join(second, 'etc/second'), 'second layer\n');
  writeFileSync(join(second, 'etc/.wh.mark'), '');
  execFileSync('tar', ['-cf', join(parts, 'one.tar'), '-C', rootfs, '.']);
  execFileSync('tar', ['-cf', join(parts, 'two.tar'), '-C', second, '.']);
  const config = { config: { Env: ['FROM_IMAGE=yes', 'PATH=/bin'], Cmd: ['cat', '/etc/second'], WorkingDir: '/tmp' } };
  writeFileSync(join(parts, 'config.json'), JSON.stringify(config));
  writeFileSync(join(parts, 'manifest.json'), JSON.stringify([{ Config: 'config.json', Layers: ['one.tar', 'two.tar'] }]));
  execFileSync('tar', ['-cf', join(registry, 'saved:latest.tar'), '-C', parts, '.']);
  rmSync(parts, { recursive: true });
  rmSync(second, { recursive: true });
});
afterAll(() => rmSync(registry, { recursive: true, force: true }));

describe('the image store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'agent-store-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('unpacks an archive once, its layers over each other', async () => {
    const store = new ImageStore(registry, folder);
    const [one, two] = await Promise.all([store.take('saved'), store.take('saved:latest')]);
    expect(two).toBe(one);
    expect(one.config).toEqual({
      environment: { FROM_IMAGE: 'yes', PATH: '/bin' },
      entrypoint: [],
      command: ['cat', '/etc/second'],
      workingFolder: '/tmp',
    });
    expect(readdirSync(join(one.rootfs, 'etc')).sort()).toEqual(['second']);
    expect((await new ImageStore(registry, folder).take('saved')).rootfs).toBe(one.rootfs);
  });

  it.each([
    ['absent', /the image absent is not in .* \(looked for absent:latest\.tar/],
    ['../../etc', /is not in/],
    ['/no/such/folder', /is not there/],
  ])('says of %s why not', async (name, fault) => {
    await expect(new ImageStore(registry, folder).take(name)).rejects.toThrow(fault);
  });

  it('takes nothing from a registry on the network', async () => {
    await expect(new ImageStore('https://registry-1.docker.io', folder).take('alpine')).rejects.toThrow(/--docker_registry=FOLDER/);
  });
});

const probed = process.getuid?.() === 0 ? probeRuntime(['runc', 'crun']) : 'this needs root';
if (typeof probed === 'string') process.stderr.write(`SKIPPED: containers with images: ${probed}\n`);

describe.skipIf(typeof probed === 'string')('a container with an image', () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await Bed.make();
  });
  afterEach(async () => {
    await bed.close();
  });
  const options = () => ({ image_providers: 'docker', docker_registry: registry });
  const image = (name: string) => ({ type: 'MESOS' as const, mesos: { image: { type: 'DOCKER' as const, docker: { name } } } });

  it('sees the image, its sandbox and nothing else, and leaves the image as it was', async () => {
    await bed.open(options());
    const value =
      'pwd; cat /etc/mark; ls /; echo changed > /etc/mark; echo $MESOS_SANDBOX; echo kept > $MESOS_SANDBOX/file; hostname; echo $$';
    bed.launch(framework(), task({ ...shell('t1', value), container: { ...image('plain'), hostname: 'inside' } }));
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FINISHED' });
    const [pwd, mark, ...rest] = bed.text('t1').trim().split('\n');
    expect([pwd, mark, rest.includes('etc'), rest.includes('root'), rest.slice(-3)]).toEqual([
      '/mnt/mesos/sandbox',
      'plain',
      true,
      false,
      ['/mnt/mesos/sandbox', 'inside', '1'],
    ]);
    expect(bed.text('t1', 'file')).toBe('kept\n');
    expect(readFileSync(join(registry, 'plain/etc/mark'), 'utf8')).toBe('plain\n');
    await untilTrue(() => readdirSync(join(bed.workDir, 'provisioner/containers')).length === 0);
  });

  it('runs what the image says when the task says nothing', async () => {
    await bed.open(options());
    bed.launch(framework(), task({ task_id: { value: 't1' }, command: { shell: false }, container: image('saved') }));
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(bed.text('t1')).toBe('second layer\n');
  });

  it.each([
    ['exit 3', 'TASK_FAILED', 'Command exited with status 3'],
    ['kill -9 $$; exit 5', 'TASK_FAILED', 'Command exited with status 5'], // nothing inside can kill the first process
  ])('%s ends as %s', async (value, state, message) => {
    await bed.open(options());
    bed.launch(framework(), task({ ...shell('t1', value), container: image('plain') }));
    expect(await bed.final('t1')).toMatchObject({ state, message });
  });

  it('is killed whole, and taken up after a restart', async () => {
    const first = await bed.open(options());
    const check = {
      type: 'COMMAND' as const,
      command: { command: { value: '[ -e /etc/mark ] && [ ! -e /root ]' } },
      delay_seconds: 0,
      interval_seconds: 0.1,
    };
    bed.launch(
      framework(),
      task({ ...shell('t1', `trap 'echo bye; exit 0' TERM; sleep 1000 & while :; do sleep 0.1; done`), container: image('plain'), check }),
    );
    await bed.master.status('t1', ({ check_status }) => check_status?.command?.exit_code === 0);
    const pid = (await bed.running('t1')).container_status?.executor_pid as number;
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open(options());
    bed.kill('t1');
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_KILLED' });
    expect(bed.text('t1')).toBe('bye\n');
    await untilTrue(() => readProcess(pid) === undefined && readdirSync(join(bed.workDir, 'provisioner/containers')).length === 0);
  });

  it('has volumes of the host and of the sandbox, read-only when asked', async () => {
    await bed.open(options());
    const host = mkdtempSync(join(tmpdir(), 'agent-volume-'));
    writeFileSync(join(host, 'word'), 'from the host\n');
    const volumes = [
      { container_path: '/data', host_path: host, mode: 'RO' as const },
      {
        container_path: '/scratch',
        mode: 'RW' as const,
        source: { type: 'SANDBOX_PATH' as const, sandbox_path: { type: 'SELF' as const, path: 'own' } },
      },
    ];
    const value = 'cat /data/word; echo x > /data/new && echo written; echo y > /scratch/file';
    bed.launch(framework(), task({ ...shell('t1', value), container: { ...image('plain'), volumes } }));
    await bed.final('t1');
    expect([bed.text('t1'), bed.text('t1', 'own/file'), existsSync(join(host, 'new'))]).toEqual(['from the host\n', 'y\n', false]);
    rmSync(host, { recursive: true });
  });

  it.skipIf(!existsSync('/sys/fs/cgroup/memory/cgroup.procs'))('is bounded by its control group', async () => {
    const root = `pronoia-oci-${process.pid}`;
    await bed.open({ ...options(), isolation: 'cgroups/cpu,cgroups/mem', cgroups_root: root });
    const value = 'x=aaaaaaaa; while :; do x=$x$x; done';
    bed.launch(framework(), task({ ...shell('t1', value), container: image('plain'), resources: [cpus(0.5), mem(32)] }));
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY' });
    await untilTrue(
      () =>
        readdirSync('/sys/fs/cgroup/freezer', { withFileTypes: true }).every(({ name }) => name !== root) ||
        readdirSync(`/sys/fs/cgroup/freezer/${root}`, { withFileTypes: true }).every((entry) => !entry.isDirectory()),
    );
    execFileSync('/bin/sh', ['-c', `rmdir /sys/fs/cgroup/*/${root} 2>/dev/null; true`]);
  });
});
