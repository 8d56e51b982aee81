import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInfo, ContainerInfoDockerInfo } from '@pronoia/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, cpus, framework, mem, shell, task, untilTrue } from '../test/bed.ts';
import { DockerStandIn } from '../test/docker-stand-in.ts';

let bed: Bed;
let engine: DockerStandIn;
let socket: string;
beforeEach(async () => {
  bed = await Bed.make();
  socket = join(bed.workDir, 'docker.sock');
  engine = await DockerStandIn.open(socket);
});
afterEach(async () => {
  await bed.close();
  await engine.close();
});

const options = () => ({ containerizers: 'mesos,docker', docker_socket: socket, docker_remove_delay: 200 });
const docker = (more: Partial<ContainerInfoDockerInfo> = {}, rest: Partial<ContainerInfo> = {}): ContainerInfo => ({
  type: 'DOCKER',
  docker: { image: 'local:1', ...more },
  ...rest,
});

describe('a Docker container', () => {
  it('runs a task, and its output is in the sandbox', async () => {
    await bed.open(options());
    const value = 'echo "$MESOS_CONTAINER_NAME $MESOS_SANDBOX"; echo oh >&2; exit 3';
    bed.launch(framework(), task({ ...shell('t1', value), container: docker() }));
    const status = await bed.final('t1');
    expect(status).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 3' });
    const name = `mesos-${status.container_status?.container_id?.value}`;
    await untilTrue(() => bed.text('t1') === `${name} /mnt/mesos/sandbox\n` && bed.text('t1', 'stderr') === 'oh\n');
    await untilTrue(() => engine.removed.includes(name));
  });

  it('is made as the task describes it', async () => {
    await bed.open(options());
    const container = docker(
      {
        image: 'registry.example/app:2',
        network: 'BRIDGE',
        privileged: true,
        port_mappings: [{ host_port: 31_000, container_port: 80 }],
        parameters: [
          { key: 'label', value: 'team=blue' },
          { key: 'cap-add', value: 'NET_ADMIN' },
        ],
      },
      { hostname: 'inside', volumes: [{ container_path: '/data', host_path: bed.workDir, mode: 'RO' }] },
    );
    const resources = [cpus(0.5), mem(96)];
    const command = { shell: false, value: 'sleep', arguments: ['1000'] };
    bed.launch(framework(), task({ task_id: { value: 't1' }, command, container, resources, limits: { cpus: { value: 1.9 } } }));
    const id = (await bed.running('t1')).container_status?.container_id?.value;
    const sandbox = join(bed.sandbox('t1'), '..', `${id}`);
    expect(engine.containers.get(`mesos-${id}`)?.config).toMatchObject({
      Image: 'registry.example/app:2',
      Cmd: ['sleep', '1000'],
      Labels: { team: 'blue' },
      Hostname: 'inside',
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        CpuShares: 614,
        CpuPeriod: 100_000,
        CpuQuota: 200_000,
        Memory: 128 * 2 ** 20,
        NetworkMode: 'bridge',
        PortBindings: { '80/tcp': [{ HostPort: '31000' }] },
        Privileged: true,
        CapAdd: ['NET_ADMIN'],
        Binds: [`${sandbox}:/mnt/mesos/sandbox`, `${bed.workDir}:/data:ro`],
      },
    });
    bed.kill('t1');
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Terminated' });
  });

  it.each([
    ['an image that is not there', docker({ image: 'absent' }), /manifest for absent:latest not found/],
    ['a parameter that is unknown', docker({ parameters: [{ key: 'name', value: 'x' }] }), /parameters: name is not supported/],
    ['ports on the network of the host', docker({ port_mappings: [{ host_port: 1, container_port: 1 }] }), /need the network BRIDGE/],
  ])('with %s is refused', async (_name, container, fault) => {
    await bed.open(options());
    bed.launch(framework(), task({ ...shell('t1', 'true'), container }));
    const status = await bed.final('t1');
    expect(status).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
    expect(status.message).toMatch(fault);
  });

  it('that runs out of memory says so', async () => {
    await bed.open(options());
    bed.launch(framework(), task({ ...shell('t1', 'sleep 0.5; kill -9 $$'), container: docker() }));
    const id = (await bed.running('t1')).container_status?.container_id?.value;
    Object.assign(engine.containers.get(`mesos-${id}`) as object, { isOutOfMemory: true });
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LIMITATION_MEMORY' });
  });

  it('is checked inside, taken up after a restart with all its output, killed', async () => {
    const first = await bed.open(options());
    const health_check = {
      type: 'COMMAND' as const,
      command: { value: '[ "$MESOS_EXECUTOR_ID" = t1 ]' },
      delay_seconds: 0,
      interval_seconds: 0.2,
    };
    const value = "trap 'echo bye; exit 0' TERM; n=0; while [ $n -lt 1000 ]; do n=$((n+1)); echo $n; sleep 0.1; done";
    bed.launch(framework(), task({ ...shell('t1', value), container: docker(), health_check }));
    await bed.master.status('t1', ({ healthy }) => healthy === true);
    await untilTrue(() => bed.text('t1').startsWith('1\n2\n'));
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open(options());
    await untilTrue(() => bed.text('t1').startsWith('1\n2\n'));
    bed.kill('t1');
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_KILLED' });
    await untilTrue(() => bed.text('t1').endsWith('bye\n'));
    const numbers = bed.text('t1').split('\n').slice(0, -2).map(Number);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  it('that ended while the agent was away is reported', async () => {
    const first = await bed.open(options());
    bed.launch(framework(), task({ ...shell('t1', 'sleep 0.3; exit 6'), container: docker() }));
    await bed.running('t1');
    await first.stop();
    bed.master.messages.length = 0;
    await untilTrue(() => [...engine.containers.values()].every(({ isRunning }) => !isRunning));
    await bed.open(options());
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 6' });
  });
});

it('an agent without its engine does not start', async () => {
  await expect(bed.open({ containerizers: 'docker', docker_socket: '/no/such/socket' })).rejects.toThrow(
    /no Docker engine answers at \/no\/such\/socket/,
  );
});

const real = '/var/run/docker.sock';
if (!existsSync(real)) process.stderr.write(`SKIPPED: against a real Docker engine: nothing listens at ${real}\n`);
it.skipIf(!existsSync(real))('a real engine runs a task', async () => {
  await bed.open({ containerizers: 'docker', docker_remove_delay: 0 });
  bed.launch(framework(), task({ ...shell('t1', 'echo $MESOS_SANDBOX'), container: docker({ image: 'busybox:latest' }) }));
  expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FINISHED' });
  await untilTrue(() => bed.text('t1') === '/mnt/mesos/sandbox\n');
});
