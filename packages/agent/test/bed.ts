/** What the agent's tests stand on: a master that the test plays, a work folder, agents with real processes. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AgentToMaster,
  type ExecutorInfo,
  encodeRecord,
  type FrameworkInfo,
  isTerminal,
  type MasterToAgent,
  type TaskInfo,
  type TaskStatus,
} from '@pronoia/mesos';
import { type AgentStartOptions, type RunningAgent, start } from '../src/app.ts';

/** A master as the agent sees it: registers everybody, acknowledges what it is told to, remembers all messages. */
export class FakeMaster {
  readonly messages: AgentToMaster[] = [];
  /** Of each request, in order. */
  readonly headers: IncomingMessage['headers'][] = [];
  acknowledges = true;
  #server: Server;
  #stream: ServerResponse | undefined;
  #waiting: (() => void)[] = [];
  #streams = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<FakeMaster> {
    const server = createServer();
    const master = new FakeMaster(server);
    server.on('request', (request, response) => void master.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return master;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  send(message: MasterToAgent): void {
    this.#stream?.write(encodeRecord(JSON.stringify(message)));
  }

  /** Resolves with the first message, of old ones too, for which `pick` gives something. */
  async until<T>(pick: (message: AgentToMaster) => T | undefined, limitMs = 15_000): Promise<T> {
    const deadline = Date.now() + limitMs;
    for (let at = 0; ; at++) {
      while (at >= this.messages.length) {
        if (Date.now() > deadline)
          throw new Error(`not seen in ${limitMs} ms; there were ${JSON.stringify(this.messages).slice(0, 2_000)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 200);
          this.#waiting.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
      const found = pick(this.messages[at] as AgentToMaster);
      if (found !== undefined) return found;
    }
  }

  status(taskId: string, accept: (status: TaskStatus) => boolean): Promise<TaskStatus> {
    return this.until((message) =>
      message.type === 'UPDATE' && message.status.task_id.value === taskId && accept(message.status) ? message.status : undefined,
    );
  }

  run(task: Partial<TaskInfo> & { readonly task_id: { readonly value: string } }, checkpoint = true, frameworkId = 'F1'): void {
    this.send({
      type: 'RUN_TASK',
      run_task: {
        framework_info: { id: { value: frameworkId }, name: 'tests', user: '', checkpoint },
        task: {
          name: task.task_id.value,
          agent_id: { value: 'M-S0' },
          resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 0.5 } }],
          ...task,
        },
      },
    });
  }

  dropStream(): void {
    this.#stream?.destroy();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.headers.push(request.headers);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const message = JSON.parse(Buffer.concat(parts).toString()) as AgentToMaster;
    if (message.type === 'REGISTER' || message.type === 'REREGISTER') {
      this.#stream = response;
      response.writeHead(200, { 'content-type': 'application/json', 'mesos-stream-id': `stream-${++this.#streams}` });
      const type = message.type === 'REGISTER' ? 'REGISTERED' : 'REREGISTERED';
      response.write(encodeRecord(JSON.stringify({ type, agent_id: { value: 'M-S0' }, ping_timeout_seconds: 75 })));
    } else if (request.headers['mesos-stream-id'] !== `stream-${this.#streams}`) {
      response.writeHead(400).end('unknown stream');
      return;
    } else {
      response.writeHead(202).end();
      if (message.type === 'UPDATE' && this.acknowledges && message.status.uuid !== undefined) {
        this.send({ type: 'ACKNOWLEDGE', framework_id: message.framework_id, task_id: message.status.task_id, uuid: message.status.uuid });
      }
    }
    this.messages.push(message);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

type Task = Partial<TaskInfo> & { readonly task_id: { readonly value: string } };

export const framework = (id = 'F1', more: Partial<FrameworkInfo> = {}): FrameworkInfo => ({
  id: { value: id },
  name: 'tests',
  user: '',
  checkpoint: true,
  capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
  ...more,
});

export const cpus = (value: number) => ({ name: 'cpus', type: 'SCALAR' as const, scalar: { value } });
export const mem = (value: number) => ({ name: 'mem', type: 'SCALAR' as const, scalar: { value } });

export const task = (more: Task): TaskInfo => ({
  name: more.task_id.value,
  agent_id: { value: 'M-S0' },
  resources: [cpus(0.1), mem(32)],
  ...more,
});

export const shell = (id: string, value: string): { task_id: { value: string }; command: { value: string } } => ({
  task_id: { value: id },
  command: { value },
});

export class Bed {
  readonly workDir = mkdtempSync(join(tmpdir(), 'agent-test-'));
  readonly master: FakeMaster;
  readonly agents: RunningAgent[] = [];

  constructor(master: FakeMaster) {
    this.master = master;
  }

  static async make(): Promise<Bed> {
    return new Bed(await FakeMaster.open());
  }

  async open(options: Partial<AgentStartOptions> = {}): Promise<RunningAgent> {
    const before = this.master.messages.length;
    const agent = await start({
      master: this.master.address,
      work_dir: this.workDir,
      port: 0,
      registration_backoff_factor: 20,
      ...options,
    });
    this.agents.push(agent);
    await this.master.until((message) =>
      this.master.messages.indexOf(message) >= before && (message.type === 'REGISTER' || message.type === 'REREGISTER')
        ? message
        : undefined,
    );
    return agent;
  }

  launch(info: FrameworkInfo, ...tasks: TaskInfo[]): void {
    for (const one of tasks) this.master.send({ type: 'RUN_TASK', run_task: { framework_info: info, task: one } });
  }

  launchGroup(info: FrameworkInfo, executor: ExecutorInfo, ...tasks: TaskInfo[]): void {
    const group = tasks.map((one) => ({ ...one, executor }));
    this.master.send({ type: 'RUN_TASK_GROUP', run_task_group: { framework_info: info, executor, task_group: { tasks: group } } });
  }

  kill(id: string, frameworkId = 'F1'): void {
    this.master.send({ type: 'KILL_TASK', framework_id: { value: frameworkId }, task_id: { value: id } });
  }

  running(id: string): Promise<TaskStatus> {
    return this.master.status(id, (status) => status.state === 'TASK_RUNNING');
  }

  final(id: string): Promise<TaskStatus> {
    return this.master.status(id, (status) => isTerminal(status.state));
  }

  /** All different statuses of a task, in order. */
  history(id: string): TaskStatus[] {
    const seen = new Map<string, TaskStatus>();
    for (const message of this.master.messages)
      if (message.type === 'UPDATE' && message.status.task_id.value === id) seen.set(message.status.uuid ?? '', message.status);
    return [...seen.values()];
  }

  states(id: string): string[] {
    return this.history(id).map(({ state }) => state);
  }

  sandbox(executorId: string, frameworkId = 'F1'): string {
    return join(this.workDir, 'slaves', 'M-S0', 'frameworks', frameworkId, 'executors', executorId, 'runs', 'latest');
  }

  /** Of a file in a sandbox; empty while it is not there. */
  text(executorId: string, file = 'stdout'): string {
    const path = join(this.sandbox(executorId), file);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async close(): Promise<void> {
    for (const agent of this.agents) await agent.stopWithTasks();
    await this.master.close();
    rmSync(this.workDir, { recursive: true, force: true });
  }
}

export async function untilTrue(check: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!(await check())) {
    if (performance.now() > untilMs) throw new Error(`not true within ${limitMs} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
