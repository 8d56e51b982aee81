import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutorInfo, Resource, TaskInfo } from '@pronoia/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, cpus, framework, mem, shell, task, untilTrue } from '../test/bed.ts';
import { readProcess } from './processes.ts';

let bed: Bed;
let servers: Server[];
beforeEach(async () => {
  bed = await Bed.make();
  servers = [];
});
afterEach(async () => {
  await bed.close();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const group = (id = 'G1'): ExecutorInfo => ({
  executor_id: { value: id },
  framework_id: { value: 'F1' },
  type: 'DEFAULT',
  resources: [cpus(0.1), mem(32), { name: 'disk', type: 'SCALAR', scalar: { value: 10 } }],
});
/** Ends when the test says so, whatever the load of the machine. */
const untilGo = 'while [ ! -e go ]; do sleep 0.05; done';
const go = (id: string): void => writeFileSync(join(bed.sandbox('G1'), 'tasks', id, 'go'), '');
const member = (id: string, value: string, more: Partial<TaskInfo> = {}): TaskInfo => task({ ...shell(id, value), ...more });

describe('the default executor', () => {
  it('runs a group, each task in a sandbox of its own under its', async () => {
    const agent = await bed.open();
    bed.launchGroup(framework(), group(), member('a', `echo from a; ${untilGo}`), member('b', `echo from b; env > env; ${untilGo}`));
    const [a, b] = await Promise.all([bed.running('a'), bed.running('b')]);
    expect(a.container_status?.container_id?.parent).toEqual(b.container_status?.container_id?.parent);
    const sandbox = bed.sandbox('G1');
    expect(readdirSync(join(sandbox, 'containers')).sort()).toEqual(
      [a, b].map((status) => status.container_status?.container_id?.value ?? '').sort(),
    );
    expect(lstatSync(join(sandbox, 'tasks/a')).isSymbolicLink()).toBe(true);
    type Listed = { container_id: { value: string; parent?: object }; resource_statistics?: { processes: number; cpus_limit: number } };
    const containers = async (body: object): Promise<Listed[]> => {
      const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
      return ((await (await fetch(`${agent.url}/api/v1`, init)).json()) as { get_containers: { containers: Listed[] } }).get_containers
        .containers;
    };
    const flat = await containers({ type: 'GET_CONTAINERS' });
    expect(flat.map(({ resource_statistics }) => resource_statistics?.cpus_limit)).toEqual([0.3]);
    expect(flat[0]?.resource_statistics?.processes).toBeGreaterThanOrEqual(2);
    const nested = await containers({ type: 'GET_CONTAINERS', get_containers: { show_nested: true } });
    expect(nested.map(({ container_id }) => container_id.parent !== undefined)).toEqual([false, true, true]);
    go('a');
    go('b');
    await Promise.all([bed.final('a'), bed.final('b')]);
    expect([bed.text('G1', 'tasks/a/stdout'), bed.text('G1', 'tasks/b/stdout')]).toEqual(['from a\n', 'from b\n']);
    expect(bed.text('G1', 'tasks/b/env')).toMatch(/^MESOS_CONTAINER_IP=127\.0\.0\.1$/m);
    expect(bed.states('a')).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    const exited = await bed.master.until((message) => (message.type === 'EXECUTOR_EXITED' ? message : undefined));
    expect(exited).toMatchObject({ executor_id: { value: 'G1' }, status: 0 });
  });

  it.each([
    ['fails', 'sleep 0.3; exit 1', 'TASK_FAILED'],
    ['is killed', 'exec sleep 1000', 'TASK_KILLED'],
  ])('kills a group when one of its tasks %s, and no other group', async (_name, command, state) => {
    await bed.open();
    bed.launchGroup(framework(), group(), member('a', command), member('b', 'exec sleep 1000'));
    bed.launchGroup(framework(), group(), member('c', 'sleep 1.5'));
    await Promise.all(['a', 'b', 'c'].map((id) => bed.running(id)));
    if (state === 'TASK_KILLED') bed.kill('a');
    expect(await bed.final('a')).toMatchObject({ state });
    expect(await bed.final('b')).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Terminated' });
    expect(await bed.final('c')).toMatchObject({ state: 'TASK_FINISHED' });
  });

  it('lets the others finish when one finishes', async () => {
    await bed.open();
    bed.launchGroup(framework(), group(), member('a', 'true'), member('b', 'sleep 0.7'));
    await bed.final('a');
    expect(await bed.final('b')).toMatchObject({ state: 'TASK_FINISHED' });
  });

  it('fails a group whole when one task cannot be launched', async () => {
    await bed.open();
    const bad = member('a', 'true', { command: { value: 'true', uris: [{ value: '/no/such/file' }] } });
    bed.launchGroup(framework(), group(), bad, member('b', 'exec sleep 1000'));
    expect(await bed.final('a')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
    expect(await bed.final('b')).toMatchObject({ state: 'TASK_KILLED' });
  });

  it('shares a folder of the executor between its tasks', async () => {
    await bed.open();
    const volumes = [
      {
        container_path: 'shared',
        mode: 'RW' as const,
        source: { type: 'SANDBOX_PATH' as const, sandbox_path: { type: 'PARENT' as const, path: 'common' } },
      },
    ];
    const container = { type: 'MESOS' as const, volumes };
    bed.launchGroup(
      framework(),
      group(),
      member('a', 'echo hello > shared/word', { container }),
      member('b', 'while [ ! -s shared/word ]; do sleep 0.05; done; cat shared/word', { container }),
    );
    await bed.final('b');
    expect(bed.text('G1', 'tasks/b/stdout')).toBe('hello\n');
  });

  it('is taken up again with its groups after a restart, without what had ended', async () => {
    const first = await bed.open();
    bed.launchGroup(framework(), group(), member('a', 'true'), member('b', `${untilGo}; exit 4`), member('c', 'exec sleep 1000'));
    await Promise.all([bed.final('a'), bed.running('b'), bed.running('c')]);
    await untilTrue(async () => /"completed_tasks":\[\{"id":"a"/.test(await (await fetch(`${first.url}/state`)).text()));
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open();
    const hello = await bed.master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
    expect(hello.held.executors.map(({ executor_info }) => executor_info.type)).toEqual(['DEFAULT']);
    expect(hello.held.tasks.map((held) => held.task_id.value).sort()).toEqual(['b', 'c']);
    go('b');
    expect(await bed.final('b')).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 4' });
    expect(await bed.final('c')).toMatchObject({ state: 'TASK_KILLED' });
  });
});

describe('a checked task', () => {
  const serve = async (answer: () => number): Promise<number> => {
    const server = createServer((_request, response) => response.writeHead(answer()).end());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const soon = { delay_seconds: 0, interval_seconds: 0.1, timeout_seconds: 5 };

  it('tells what its command check saw, when that changes', async () => {
    await bed.open();
    const check = {
      type: 'COMMAND' as const,
      command: { command: { value: '[ -e ready ] || exit $CODE', environment: { variables: [{ name: 'CODE', value: '5' }] } } },
      ...soon,
    };
    bed.launch(framework(), member('t1', 'echo run; exec sleep 1000', { check }));
    const running = await bed.running('t1');
    expect([running.reason, running.check_status]).toEqual([undefined, { type: 'COMMAND', command: {} }]);
    const sees = (code: number) =>
      bed.master.status(
        't1',
        (status) => status.reason === 'REASON_TASK_CHECK_STATUS_UPDATED' && status.check_status?.command?.exit_code === code,
      );
    expect(await sees(5)).toMatchObject({ state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR' });
    writeFileSync(join(bed.sandbox('t1'), 'ready'), '');
    await sees(0);
    expect(bed.history('t1').filter(({ reason }) => reason === 'REASON_TASK_CHECK_STATUS_UPDATED')).toHaveLength(2);
  });

  it('tells HTTP statuses and TCP connections', async () => {
    await bed.open();
    let status = 500;
    const port = await serve(() => status);
    bed.launch(
      framework(),
      member('web', 'exec sleep 1000', { check: { type: 'HTTP', http: { port, path: '/health' }, ...soon } }),
      member('socket', 'exec sleep 1000', { check: { type: 'TCP', tcp: { port }, ...soon } }),
      member('nobody', 'exec sleep 1000', { check: { type: 'TCP', tcp: { port: 1 }, ...soon } }),
    );
    await bed.master.status('web', ({ check_status }) => check_status?.http?.status_code === 500);
    status = 204;
    await bed.master.status('web', ({ check_status }) => check_status?.http?.status_code === 204);
    await bed.master.status('socket', ({ check_status }) => check_status?.tcp?.succeeded === true);
    await bed.master.status('nobody', ({ check_status }) => check_status?.tcp?.succeeded === false);
  });

  it('is killed after so many failures of its health check, and says that it was not healthy', async () => {
    await bed.open();
    let status = 200;
    const port = await serve(() => status);
    const health_check = { type: 'HTTP' as const, http: { port }, consecutive_failures: 2, grace_period_seconds: 0, ...soon };
    bed.launch(framework(), member('t1', 'exec sleep 1000', { health_check }));
    await bed.master.status('t1', (update) => update.healthy === true);
    status = 503;
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_KILLED', healthy: false, source: 'SOURCE_EXECUTOR' });
    expect(bed.history('t1').map((update) => [update.state, update.healthy, update.reason])).toEqual([
      ['TASK_STARTING', undefined, undefined],
      ['TASK_RUNNING', undefined, undefined],
      ['TASK_RUNNING', true, 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'],
      ['TASK_RUNNING', false, 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'],
      ['TASK_RUNNING', false, 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED'],
      ['TASK_KILLING', false, undefined],
      ['TASK_KILLED', false, undefined],
    ]);
  });

  it('whose check hangs is told nothing of it, and the command goes', async () => {
    await bed.open();
    const command = { value: 'echo $$ >> pids; exec sleep 1000' };
    const health_check = {
      type: 'COMMAND' as const,
      command,
      consecutive_failures: 1,
      grace_period_seconds: 0,
      delay_seconds: 0,
      timeout_seconds: 0.3,
    };
    bed.launch(framework(), member('t1', 'exec sleep 1000', { health_check }));
    await bed.final('t1');
    const pid = Number(bed.text('t1', 'pids').trim());
    await untilTrue(() => readProcess(pid)?.isZombie !== false);
  });

  it('is checked again after a restart of the agent', async () => {
    const first = await bed.open();
    const check = { type: 'COMMAND' as const, command: { command: { value: '[ -e ready ]' } }, ...soon };
    bed.launch(framework(), member('t1', 'exec sleep 1000', { check }));
    await bed.master.status('t1', ({ check_status }) => check_status?.command?.exit_code === 1);
    await first.stop();
    bed.master.messages.length = 0;
    await bed.open();
    writeFileSync(join(bed.sandbox('t1'), 'ready'), '');
    await bed.master.status('t1', ({ check_status }) => check_status?.command?.exit_code === 0);
  });
});

describe('the sandbox', () => {
  it('has persistent volumes, which outlive their tasks and go when they are destroyed', async () => {
    await bed.open();
    const disk = { persistence: { id: 'v1' }, volume: { container_path: 'data', mode: 'RW' as const } };
    const volume = {
      name: 'disk',
      type: 'SCALAR' as const,
      scalar: { value: 10 },
      reservations: [{ type: 'DYNAMIC' as const, role: 'eng' }],
      disk,
    };
    const rest: Resource[] = [cpus(4), mem(1024)];
    bed.launch(framework(), task({ ...shell('early', 'true'), resources: [cpus(0.1), volume] }));
    expect(await bed.final('early')).toMatchObject({ state: 'TASK_DROPPED', reason: 'REASON_RESOURCES_UNKNOWN' });
    bed.master.send({ type: 'CHECKPOINT_RESOURCES', resources: [...rest, volume] });
    bed.launch(framework(), task({ ...shell('writer', 'echo kept > data/file'), resources: [cpus(0.1), volume] }));
    expect(await bed.final('writer')).toMatchObject({ state: 'TASK_FINISHED' });
    bed.launch(framework(), task({ ...shell('reader', 'cat data/file'), resources: [cpus(0.1), volume] }));
    await bed.final('reader');
    expect(bed.text('reader')).toBe('kept\n');
    // The next agent process still knows.
    await bed.agents[0]?.stop();
    bed.master.messages.length = 0;
    await bed.open();
    const hello = await bed.master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
    expect(hello.resources.some(({ disk: found }) => found?.persistence?.id === 'v1')).toBe(true);
    const path = join(bed.workDir, 'volumes/roles/eng/v1');
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('kept\n');
    bed.master.send({ type: 'CHECKPOINT_RESOURCES', resources: rest });
    await untilTrue(() => !existsSync(path));
  });

  it('belongs to the user of the task', async () => {
    if (process.getuid?.() !== 0) return;
    await bed.open();
    bed.launch(framework(), task({ task_id: { value: 't1' }, command: { value: 'id -un; touch mine', user: 'nobody' } }));
    expect(await bed.final('t1')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(bed.text('t1')).toBe('nobody\n');
  });
});

describe('an agent whose flags changed', () => {
  it.each([
    ['equal', 'cpus:2;mem:512', undefined, /--reconfiguration_policy=equal.*the resources were/],
    ['equal', 'cpus:1;mem:512', 'rack:b', /the attributes/],
    ['additive', 'cpus:0.5;mem:512', undefined, /the resources were/],
    ['additive', 'cpus:2;mem:512', undefined, /^cpus:2$/],
  ])('with the policy %s and %s, %s', async (reconfiguration_policy, resources, attributes, expected) => {
    const first = await bed.open({ resources: 'cpus:1;mem:512', attributes: 'rack:a' });
    await untilTrue(() => first.agentId !== undefined);
    await first.stop();
    const given = { resources, attributes: attributes ?? 'rack:a', reconfiguration_policy };
    const outcome = await bed.open(given).then(
      async () => {
        const hello = await bed.master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
        return `cpus:${hello.resources.find(({ name }) => name === 'cpus')?.scalar?.value}`;
      },
      (error: Error) => error.message,
    );
    expect(outcome).toMatch(expected);
  });
});

it('kill -9 of the agent: a task group lives on and its end is told', async () => {
  const argv = [`--master=${bed.master.address}`, `--work_dir=${bed.workDir}`, '--port=0', '--registration_backoff_factor=20ms'];
  const code = `import { main } from '@pronoia/agent'; await main(${JSON.stringify(argv)});`;
  const home = fileURLToPath(new URL('..', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: home, stdio: 'ignore' });
  try {
    await bed.master.until((message) => (message.type === 'REGISTER' ? message : undefined), 30_000);
    bed.launchGroup(framework(), group(), member('a', `${untilGo}; exit 9`), member('b', 'exec sleep 1000'));
    await Promise.all([bed.running('a'), bed.running('b')]);
  } finally {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  bed.master.messages.length = 0;
  go('a');
  await bed.open();
  expect(await bed.final('a')).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 9' });
  expect(await bed.final('b')).toMatchObject({ state: 'TASK_KILLED' });
});
