/**
 * Emulated agents: `agents.ts URL COUNT HELD FIRST`. Each keeps a stream to the master, answers pings, says TASK_RUNNING at once for what it
 * is told to run and, in mode `finish`, TASK_FINISHED when that was acknowledged. When its stream breaks it comes back with what it holds.
 */
import { randomBytes } from 'node:crypto';
import { openStream, Poster, say } from './wire.ts';

const [url = '', countText = '0', heldText = '0', firstText = '0'] = process.argv.slice(2);
const count = Number(countText);
const held = Number(heldText);
const first = Number(firstText);
const path = `${url}/api/v1/agent`;
const poster = new Poster(path, 64);
let isFinishing = false;
let registered = 0;
let opening = 0;
const waiting: (() => void)[] = [];

const scalar = (name: string, value: number): object => ({ name, type: 'SCALAR', scalar: { value } });
const resources = [scalar('cpus', 64), scalar('mem', 262_144), scalar('disk', 1_000_000)];
const uuid = (): string => randomBytes(16).toString('base64');

class EmulatedAgent {
  readonly index: number;
  id: string | undefined;
  streamId = '';
  isIn = false;
  readonly tasks = new Map<string, { framework: string; task: object }>();

  constructor(index: number) {
    this.index = index;
    for (let i = 0; i < held; i++) {
      const framework = `bench-${(index * held + i) % 100}`;
      this.tasks.set(`t-${index}-${i}`, {
        framework,
        task: {
          name: `task ${i} of agent ${index}`,
          task_id: { value: `t-${index}-${i}` },
          framework_id: { value: framework },
          state: 'TASK_RUNNING',
          resources: [scalar('cpus', 0.1), scalar('mem', 32)],
          statuses: [{ state: 'TASK_RUNNING', timestamp: 1_700_000_000, task_id: { value: `t-${index}-${i}` }, source: 'SOURCE_EXECUTOR' }],
          user: 'nobody',
          labels: { labels: [{ key: 'team', value: 'bench' }] },
        },
      });
    }
  }

  hello(): string {
    const info = {
      hostname: `agent-${this.index}.example.net`,
      port: 6000 + this.index,
      resources,
      ...(this.id === undefined ? {} : { id: { value: this.id } }),
    };
    if (this.id === undefined) return JSON.stringify({ type: 'REGISTER', agent_info: info, version: '1.11.0', resources });
    const frameworks = [...new Set([...this.tasks.values()].map((one) => one.framework))];
    const heldNow = {
      frameworks: frameworks.map((id) => ({ id: { value: id }, name: id, user: 'nobody', failover_timeout: 3600 })),
      executors: [],
      tasks: [...this.tasks.values()].map(({ task }) => ({ ...task, agent_id: { value: this.id } })),
    };
    return JSON.stringify({ type: 'REREGISTER', agent_info: info, version: '1.11.0', resources, held: heldNow });
  }

  dial(): void {
    const go = (): void => {
      opening++;
      let isOpening = true;
      const opened = (): void => {
        if (!isOpening) return;
        isOpening = false;
        opening--;
        waiting.shift()?.();
      };
      openStream(path, this.hello(), {
        opened: (streamId) => {
          this.streamId = streamId;
          opened();
        },
        record: (text) => this.#heard(text),
        end: () => {
          opened();
          if (this.isIn) registered--;
          this.isIn = false;
          setTimeout(() => this.dial(), 50 + Math.random() * 500);
        },
      });
    };
    if (opening < 100) go();
    else waiting.push(go);
  }

  #heard(text: string): void {
    if (text.startsWith('{"type":"PING"')) return poster.post(this.streamId, '{"type":"PONG"}');
    const message = JSON.parse(text);
    switch (message.type) {
      case 'REGISTERED':
      case 'REREGISTERED':
        this.id = message.agent_id.value;
        if (!this.isIn) registered++;
        this.isIn = true;
        if (registered === count) say({ kind: 'registered' });
        return;
      case 'RUN_TASK': {
        const { framework_info, task } = message.run_task;
        return this.update(framework_info.id.value, task.task_id.value, 'TASK_RUNNING');
      }
      case 'ACKNOWLEDGE':
        if (isFinishing && !finished.has(message.task_id.value)) {
          finished.add(message.task_id.value);
          this.update(message.framework_id.value, message.task_id.value, 'TASK_FINISHED');
        } else finished.delete(message.task_id.value);
        return;
    }
  }

  update(framework: string, task: string, state: string): void {
    const status = { task_id: { value: task }, state, source: 'SOURCE_EXECUTOR', uuid: uuid(), timestamp: Date.now() / 1000 };
    poster.post(this.streamId, JSON.stringify({ type: 'UPDATE', framework_id: { value: framework }, status, latest_state: state }));
  }
}

const finished = new Set<string>();
const agents = Array.from({ length: count }, (_, i) => new EmulatedAgent(first + i));
process.on('message', (message: { kind: string; per?: number }) => {
  if (message.kind === 'dial') for (const agent of agents) agent.dial();
  if (message.kind === 'finish') isFinishing = true;
  if (message.kind === 'run') isFinishing = false;
  if (message.kind === 'rejoin') {
    // As after a failover: everybody again with all that it holds.
    for (const agent of agents) agent.id ??= `agent-${agent.index}`;
  }
  if (message.kind === 'end') {
    for (const agent of agents) {
      let left = message.per ?? 0;
      for (const [id, { framework }] of agent.tasks) {
        if (left-- <= 0) break;
        agent.tasks.delete(id);
        finished.add(id);
        agent.update(framework, id, 'TASK_FINISHED');
      }
    }
  }
});
process.on('disconnect', () => process.exit(0));
say({ kind: 'up' });
