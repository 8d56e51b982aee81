import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isTerminal, type TaskStatus } from '@pronoia/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeMaster } from '../test/bed.ts';
import { type AgentStartOptions, type RunningAgent, start } from './app.ts';
import { readProcess } from './processes.ts';

let master: FakeMaster;
let workDir: string;
let agents: RunningAgent[];
/** Agents that are processes of their own. */
let processes: ChildProcess[];

beforeEach(async () => {
  workDir = mkdtempSync(join(tmpdir(), 'agent-test-'));
  master = await FakeMaster.open();
  agents = [];
  processes = [];
});

afterEach(async () => {
  for (const child of processes) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGUSR1');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  for (const agent of agents) await agent.stopWithTasks();
  await master.close();
  rmSync(workDir, { recursive: true, force: true });
});

const open = async (options: Partial<AgentStartOptions> = {}): Promise<RunningAgent> => {
  const agent = await start({ master: master.address, work_dir: workDir, port: 0, registration_backoff_factor: 20, ...options });
  agents.push(agent);
  await master.until((message) => (message.type === 'REGISTER' || message.type === 'REREGISTER' ? message : undefined));
  return agent;
};

const shell = (id: string, value: string): { task_id: { value: string }; command: { value: string } } => ({
  task_id: { value: id },
  command: { value },
});
const finalOf = (id: string): Promise<TaskStatus> => master.status(id, (status) => isTerminal(status.state));
const isRunning = (status: TaskStatus): boolean => status.state === 'TASK_RUNNING';
const sandboxOf = (id: string, framework = 'F1'): string =>
  join(workDir, 'slaves', 'M-S0', 'frameworks', framework, 'executors', id, 'runs', 'latest');
const untilTrue = async (check: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !check(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(check()).toBe(true);
};

describe('a command task', () => {
  it('is started, runs and finishes, told in this order', async () => {
    await open();
    master.run(shell('t1', 'echo to stdout; echo to stderr >&2'));
    const status = await finalOf('t1');
    expect(status).toMatchObject({ state: 'TASK_FINISHED', message: 'Command exited with status 0', source: 'SOURCE_EXECUTOR' });
    expect(status.uuid).toMatch(/^[\w+/]{22}==$/);
    expect(status.container_status?.container_id?.value).toMatch(/^[0-9a-f-]{36}$/);
    const states = master.messages.flatMap((message) => (message.type === 'UPDATE' ? [`${message.status.state}`] : []));
    expect([...new Set(states)]).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED']);
    expect(readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8')).toBe('to stdout\n');
    expect(readFileSync(join(sandboxOf('t1'), 'stderr'), 'utf8')).toBe('to stderr\n');
  });

  it.each([
    ['exit 3', 'TASK_FAILED', 'Command exited with status 3'],
    ['kill -9 $$', 'TASK_FAILED', 'Command terminated with signal Killed'],
    ['kill -SEGV $$', 'TASK_FAILED', 'Command terminated with signal Segmentation fault'],
    ['no-such-program-here', 'TASK_FAILED', 'Command exited with status 127'],
  ])('%s ends as %s', async (value, state, message) => {
    await open();
    master.run(shell('t1', value));
    expect(await finalOf('t1')).toMatchObject({ state, message });
  });

  it('sees its environment and nothing of the agent', async () => {
    await open({ executor_environment_variables: '{"FROM_AGENT":"1"}' });
    master.run({
      task_id: { value: 't1' },
      command: {
        value: 'env | sort',
        environment: {
          variables: [
            { name: 'MINE', value: 'a b' },
            { name: 'FROM_AGENT', value: '2' },
          ],
        },
      },
    });
    await finalOf('t1');
    const text = readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8');
    expect(text).toMatch(/^MINE=a b$/m);
    expect(text).toMatch(/^FROM_AGENT=2$/m);
    expect(text).toMatch(/^MESOS_SANDBOX=.*\/runs\/[0-9a-f-]{36}$/m);
    expect(text).toMatch(/^MESOS_AGENT_ENDPOINT=127\.0\.0\.1:\d+$/m);
    expect(text).toMatch(/^MESOS_CHECKPOINT=1$/m);
    expect(text).toMatch(/^PATH=\/usr/m);
    expect(text).not.toMatch(/VITEST|npm_/);
  });

  it('with shell=false gets its arguments as they are', async () => {
    await open();
    master.run({
      task_id: { value: 't1' },
      command: { shell: false, value: 'printf', arguments: ['printf', '%s|', 'a b', '$HOME', '*', ''] },
    });
    expect((await finalOf('t1')).state).toBe('TASK_FINISHED');
    expect(readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8')).toBe('a b|$HOME|*||');
  });

  it('with shell=false never meets a shell built-in', async () => {
    await open();
    master.run({ task_id: { value: 't1' }, command: { shell: false, value: 'exit', arguments: ['exit', '0'] } });
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED' });
  });

  it('is killed as a whole tree: TERM first, KILL after the grace', async () => {
    await open();
    master.run({
      ...shell(
        't1',
        `trap '' TERM; sh -c "trap '' TERM; echo \\$\\$; while :; do sleep 0.1; done" & setsid sleep 1000 & echo $!; echo $$; wait`,
      ),
      kill_policy: { grace_period: { nanoseconds: 200_000_000 } },
    });
    await master.status('t1', isRunning);
    await untilTrue(() => readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8').split('\n').length === 4);
    const pids = readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8')
      .trim()
      .split('\n')
      .map(Number);
    master.send({ type: 'KILL_TASK', framework_id: { value: 'F1' }, task_id: { value: 't1' } });
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Killed' });
    await untilTrue(() => pids.every((pid) => readProcess(pid) === undefined || readProcess(pid)?.isZombie === true));
  });

  it('that heeds TERM dies of it, and TASK_KILLING is told to who knows it', async () => {
    await open();
    master.send({
      type: 'RUN_TASK',
      run_task: {
        framework_info: { id: { value: 'F1' }, name: 'tests', user: '', capabilities: [{ type: 'TASK_KILLING_STATE' }] },
        task: { name: 't1', agent_id: { value: 'M-S0' }, ...shell('t1', 'exec sleep 1000') },
      },
    });
    await master.status('t1', isRunning);
    master.send({ type: 'KILL_TASK', framework_id: { value: 'F1' }, task_id: { value: 't1' } });
    await master.status('t1', (status) => status.state === 'TASK_KILLING');
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_KILLED', message: 'Command terminated with signal Terminated' });
  });

  it('that is killed at once after its launch is not waited for', async () => {
    await open();
    for (let i = 0; i < 20; i++) {
      master.run(shell(`t${i}`, 'exec sleep 1000'));
      // At different moments of the launch: before, while and after the supervisor starts its command.
      await new Promise((resolve) => setTimeout(resolve, i / 2));
      master.send({ type: 'KILL_TASK', framework_id: { value: 'F1' }, task_id: { value: `t${i}` } });
    }
    for (let i = 0; i < 20; i++) {
      const status = await finalOf(`t${i}`);
      expect([status.state, status.message]).not.toContain('Command terminated with signal Killed');
      expect(status.state).toBe('TASK_KILLED');
    }
  });

  it('fails, with everything of it gone, when its supervisor is killed', async () => {
    await open();
    master.run(shell('t1', 'echo $$; exec sleep 1000'));
    const running = await master.status('t1', isRunning);
    await untilTrue(() => readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8').endsWith('\n'));
    const pid = Number(readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8'));
    process.kill(running.container_status?.executor_pid as number, 'SIGKILL');
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_EXECUTOR_TERMINATED' });
    await untilTrue(() => readProcess(pid)?.isZombie !== false);
  });

  it('ends after max_completion_time', async () => {
    await open();
    master.run({ ...shell('t1', 'exec sleep 1000'), max_completion_time: { nanoseconds: 100_000_000 } });
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_MAX_COMPLETION_TIME_REACHED' });
  });

  it.each([
    ['a Docker image', { container: { type: 'DOCKER' as const, docker: { image: 'busybox' } } }],
    ['a volume', { container: { type: 'MESOS' as const, volumes: [{ container_path: '/x', mode: 'RW' as const }] } }],
    ['a health check that says nothing', { health_check: { type: 'HTTP' as const } }],
    ['limits', { limits: { cpus: { value: 1 } } }],
    ['a secret', { command: { value: 'true', environment: { variables: [{ name: 'S', type: 'SECRET' as const }] } } }],
    ['a URI of an unknown scheme', { command: { value: 'true', uris: [{ value: 'hdfs://x/y' }] } }],
    ['a file that is not there', { command: { value: 'true', uris: [{ value: '/no/such/file' }] } }],
    ['an unknown user', { command: { value: 'true', user: 'nobody-of-this-name' } }],
  ])('that asks for %s is refused', async (_name, extra) => {
    await open();
    master.run({ ...shell('t1', 'true'), ...extra });
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', source: 'SOURCE_AGENT' });
  });

  it('finds its files fetched and unpacked', async () => {
    const source = mkdtempSync(join(tmpdir(), 'agent-fetch-'));
    writeFileSync(join(source, 'inner.txt'), 'from the archive\n');
    execFileSync('tar', ['-czf', join(source, 'a.tgz'), '-C', source, 'inner.txt']);
    writeFileSync(join(source, 'run.sh'), '#!/bin/sh\ncat inner.txt plain\n');
    const agent = await open();
    master.run(shell('server', 'echo over http > page; sleep 1000'));
    await master.status('server', isRunning);
    await untilTrue(() => existsSync(join(sandboxOf('server'), 'page')));
    master.run({
      task_id: { value: 't1' },
      command: {
        value: './run.sh',
        uris: [
          { value: join(source, 'a.tgz') },
          { value: `file://${join(source, 'run.sh')}`, executable: true },
          { value: `${agent.url}/files/download?path=/frameworks/F1/executors/server/runs/latest/page`, output_file: 'plain' },
        ],
      },
    });
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FINISHED' });
    expect(readFileSync(join(sandboxOf('t1'), 'stdout'), 'utf8')).toBe('from the archive\nover http\n');
    rmSync(source, { recursive: true });
  });
});

describe('the agent', () => {
  it('keeps its tasks over a restart and reports what ended meanwhile', async () => {
    const first = await open();
    master.run(shell('long', 'sleep 2.5; exit 7'));
    master.run(shell('short', 'sleep 0.3; exit 5'));
    master.run(shell('careless', 'sleep 1000'), false, 'F2');
    await Promise.all(['long', 'short', 'careless'].map((id) => master.status(id, isRunning)));
    await untilTrue(() => master.messages.some((message) => message.type === 'UPDATE' && message.status.task_id.value === 'careless'));
    await first.stop();
    await new Promise((resolve) => setTimeout(resolve, 600));
    master.messages.length = 0;

    await open();
    const hello = await master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
    expect(hello.agent_info.id?.value).toBe('M-S0');
    expect(hello.held.tasks.map((task) => task.task_id.value).sort()).toEqual(['long', 'short']);
    expect(await finalOf('short')).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 5' });
    expect(await finalOf('long')).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 7' });
  });

  it('keeps its tasks over kill -9, as a process of its own', async () => {
    const launch = (): ChildProcess => {
      const argv = [`--master=${master.address}`, `--work_dir=${workDir}`, '--port=0', '--registration_backoff_factor=20ms'];
      const code = `import { main } from '@pronoia/agent'; await main(${JSON.stringify(argv)});`;
      const home = fileURLToPath(new URL('..', import.meta.url));
      const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: home, stdio: 'ignore' });
      processes.push(child);
      return child;
    };
    const first = launch();
    await master.until((message) => (message.type === 'REGISTER' ? message : undefined));
    master.run(shell('t1', 'sleep 1.5; exit 9'));
    await master.status('t1', isRunning);
    first.kill('SIGKILL');
    await new Promise((resolve) => first.once('exit', resolve));
    master.messages.length = 0;
    const second = launch();
    const hello = await master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
    expect(hello.held.tasks.map((task) => task.task_id.value)).toEqual(['t1']);
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FAILED', message: 'Command exited with status 9' });
    // SIGTERM would leave tasks to the next agent; SIGUSR1 takes them along.
    master.run(shell('t2', 'exec sleep 1000'));
    const pid = (await master.status('t2', isRunning)).container_status?.executor_pid as number;
    second.kill('SIGUSR1');
    expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(0);
    expect(readProcess(pid)).toBeUndefined();
  });

  it('repeats after a restart what was not acknowledged, with the same uuid', async () => {
    master.acknowledges = false;
    const first = await open();
    master.run(shell('t1', 'exit 0'));
    const before = await master.status('t1', (status) => status.state === 'TASK_STARTING');
    await first.stop();
    master.messages.length = 0;
    master.acknowledges = true;
    await open();
    const states: TaskStatus[] = [await master.status('t1', () => true), await finalOf('t1')];
    expect(states.map((status) => status.state)).toEqual(['TASK_STARTING', 'TASK_FINISHED']);
    expect(states[0]?.uuid).toBe(before.uuid);
  });

  it('registers again when the link breaks, and nothing is lost', async () => {
    await open();
    master.run(shell('t1', 'sleep 0.5'));
    await master.status('t1', isRunning);
    master.dropStream();
    await master.until((message) => (message.type === 'REREGISTER' ? message : undefined));
    expect(await finalOf('t1')).toMatchObject({ state: 'TASK_FINISHED' });
  });

  it('answers pings', async () => {
    await open();
    master.send({ type: 'PING' });
    await master.until((message) => (message.type === 'PONG' ? message : undefined));
  });

  it('says of a task that it does not know that it is dropped', async () => {
    await open();
    master.send({ type: 'KILL_TASK', framework_id: { value: 'F1' }, task_id: { value: 'ghost' } });
    expect(await finalOf('ghost')).toMatchObject({ state: 'TASK_DROPPED' });
  });

  it('shuts a framework down with all of its tasks', async () => {
    const agent = await open();
    master.run(shell('t1', 'exec sleep 1000'));
    const pid = (await master.status('t1', isRunning)).container_status?.executor_pid as number;
    master.send({ type: 'SHUTDOWN_FRAMEWORK', framework_id: { value: 'F1' } });
    await untilTrue(() => readProcess(pid) === undefined);
    let state: { frameworks: unknown[]; completed_frameworks: unknown[] } = { frameworks: [1], completed_frameworks: [] };
    for (let i = 0; i < 100 && state.frameworks.length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      state = (await (await fetch(`${agent.url}/state`)).json()) as typeof state;
    }
    expect([state.frameworks.length, state.completed_frameworks.length]).toEqual([0, 1]);
  });

  it('measures a container: CPU time of children that have ended counts, and never falls', async () => {
    const agent = await open();
    master.run(shell('t1', 'while [ ! -e stop ]; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; /bin/true; done; sleep 1000'));
    await master.status('t1', isRunning);
    type Entry = {
      container_id: string;
      statistics: { cpus_user_time_secs: number; cpus_system_time_secs: number; mem_rss_bytes: number; processes: number };
    };
    let last = 0;
    for (let i = 0; i < 4 || (last < 0.3 && i < 25); i++) {
      await new Promise((resolve) => setTimeout(resolve, 550));
      const [entry] = (await (await fetch(`${agent.url}/containers`)).json()) as Entry[];
      const used = (entry?.statistics.cpus_user_time_secs ?? 0) + (entry?.statistics.cpus_system_time_secs ?? 0);
      expect(used).toBeGreaterThanOrEqual(last);
      expect(entry?.statistics.mem_rss_bytes).toBeGreaterThan(100_000);
      last = used;
    }
    expect(last).toBeGreaterThan(0.3);
    const page = await (await fetch(`${agent.url}/metrics`)).text();
    expect(page).toMatch(/^container_cpu_usage_seconds_total\{.*task="t1".*\} [\d.]+$/m);
    expect(page).toMatch(/^container_memory_rss\{.*framework="tests".*\} \d+$/m);
    expect(page).toMatch(/^node_cpu_seconds_total\{cpu="0",mode="user"\} [\d.]+$/m);
    expect(page).toMatch(/^node_memory_MemTotal_bytes \d/m);
    expect(page).toMatch(/^node_load1 [\d.]+$/m);
  });
});
