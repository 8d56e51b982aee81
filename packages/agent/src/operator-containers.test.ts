import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { ContainerID, ProcessIO } from '@pronoia/mesos';
import { decodeProtobuf, encodeProtobuf, encodeRecord, RecordDecoder } from '@pronoia/mesos';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, framework, shell, task, untilTrue } from '../test/bed.ts';

let bed: Bed;
let url: string;
beforeEach(async () => {
  bed = await Bed.make();
  url = (await bed.open({ http_heartbeat_interval: 200 })).url;
});
afterEach(() => bed.close());

const call = async (type: string, body?: object): Promise<{ status: number; body: Record<string, Record<string, unknown>> }> => {
  const answer = await fetch(`${url}/api/v1`, {
    method: 'POST',
    body: JSON.stringify({ type, ...(body === undefined ? {} : { [type.toLowerCase()]: body }) }),
    headers: { 'content-type': 'application/json' },
  });
  const text = await answer.text();
  return { status: answer.status, body: answer.headers.get('content-type') === 'application/json' ? JSON.parse(text) : { text } };
};
/** A task that runs, and the id of its container. */
const running = async (more: object = {}): Promise<ContainerID> => {
  bed.launch(framework(), task({ ...shell('t1', 'echo $$ > pid; exec sleep 1000'), ...more }));
  const id = (await bed.running('t1')).container_status?.container_id as ContainerID;
  return id;
};
const text = ({ data }: ProcessIO): string => Buffer.from(data?.data ?? '', 'base64').toString();

/** Reads a stream of ProcessIO as it comes. */
class Output {
  readonly records: ProcessIO[] = [];
  readonly ended: Promise<void>;
  readonly headers: Headers;
  readonly #abort: AbortController;

  private constructor(answer: Response, abort: AbortController) {
    this.headers = answer.headers;
    this.#abort = abort;
    const decoder = new RecordDecoder();
    const isProtobuf = /protobuf/.test(`${answer.headers.get('message-content-type') ?? answer.headers.get('content-type')}`);
    this.ended = (async () => {
      for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
        for (const record of decoder.decode(chunk))
          this.records.push(isProtobuf ? decodeProtobuf('ProcessIO', record) : (JSON.parse(record.toString()) as ProcessIO));
      }
    })().catch(() => undefined);
  }

  static async open(body: object, headers: Record<string, string> = {}): Promise<Output> {
    const abort = new AbortController();
    const answer = await fetch(`${url}/api/v1`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
      signal: abort.signal,
    });
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
    return new Output(answer, abort);
  }

  all(type: 'STDOUT' | 'STDERR' = 'STDOUT'): string {
    return this.records
      .filter(({ data }) => data?.type === type)
      .map(text)
      .join('');
  }

  hangUp(): void {
    this.#abort.abort();
  }
}

/** The client's half of ATTACH_CONTAINER_INPUT. */
function openInput(id: ContainerID, format: 'json' | 'protobuf' = 'json'): { send(io: ProcessIO): void; end(): Promise<number> } {
  const type = format === 'json' ? 'application/json' : 'application/x-protobuf';
  const message = request(`${url}/api/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/recordio', 'message-content-type': type },
  });
  const status = new Promise<number>((resolve, reject) => {
    message.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    message.on('error', reject);
  });
  status.catch(() => undefined); // A test that fails leaves it behind.
  const send = (attach_container_input: object): void => {
    const value = { type: 'ATTACH_CONTAINER_INPUT', attach_container_input } as const;
    message.write(encodeRecord(format === 'json' ? JSON.stringify(value) : encodeProtobuf('AgentCall', value)));
  };
  send({ type: 'CONTAINER_ID', container_id: id });
  return {
    send: (process_io) => send({ type: 'PROCESS_IO', process_io }),
    end: () => {
      message.end();
      return status;
    },
  };
}
const typed = (line: string): ProcessIO => ({ type: 'DATA', data: { type: 'STDIN', data: Buffer.from(line).toString('base64') } });

describe('a container of the operator', () => {
  it('nested in a task is launched once, waited for, killed, removed', async () => {
    const parent = await running();
    const container_id = { value: 'n1', parent };
    const launch = { container_id, command: { value: 'echo hello; exec sleep 1000' } };
    expect((await call('REMOVE_NESTED_CONTAINER', { container_id })).status).toBe(200);
    expect((await call('LAUNCH_NESTED_CONTAINER', launch)).status).toBe(200);
    expect((await call('LAUNCH_NESTED_CONTAINER', launch)).status).toBe(202);
    const stdout = join(bed.sandbox('t1'), 'containers/n1/stdout');
    await untilTrue(() => existsSync(stdout) && readFileSync(stdout, 'utf8') === 'hello\n');
    const waiting = call('WAIT_NESTED_CONTAINER', { container_id });
    expect((await call('REMOVE_NESTED_CONTAINER', { container_id })).status).toBe(500);
    expect((await call('KILL_NESTED_CONTAINER', { container_id, signal: 15 })).status).toBe(200);
    expect((await waiting).body['wait_nested_container']).toEqual({ exit_status: 15 });
    expect((await call('REMOVE_NESTED_CONTAINER', { container_id })).status).toBe(200);
    expect(existsSync(stdout)).toBe(false);
    expect((await call('WAIT_NESTED_CONTAINER', { container_id })).status).toBe(404);
  });

  it('standalone belongs to nobody, and lives on over a restart', async () => {
    const container_id = { value: 's1' };
    expect((await call('LAUNCH_CONTAINER', { container_id, command: { value: 'sleep 2; exit 3' } })).status).toBe(200);
    const shown = async (show: object): Promise<unknown[]> =>
      (await call('GET_CONTAINERS', show)).body['get_containers']?.['containers'] as unknown[];
    expect([await shown({}), (await shown({ show_standalone: true })).length]).toEqual([[], 1]);
    await bed.agents[0]?.stop();
    url = (await bed.open()).url;
    expect((await call('WAIT_CONTAINER', { container_id })).body['wait_container']).toEqual({ exit_status: 3 << 8 });
  });

  it('ends with the executor that it is nested in', async () => {
    const parent = await running();
    await call('LAUNCH_NESTED_CONTAINER', { container_id: { value: 'n1', parent }, command: { value: 'exec sleep 1000' } });
    const waiting = call('WAIT_NESTED_CONTAINER', { container_id: { value: 'n1', parent } });
    bed.kill('t1');
    expect((await waiting).body['wait_nested_container']).toEqual({ exit_status: 9 });
  });

  it('a task can be waited for as well', async () => {
    const container_id = await running();
    const waiting = call('WAIT_CONTAINER', { container_id });
    bed.kill('t1');
    expect((await waiting).body['wait_container']).toEqual({ exit_status: 15 });
  });
});

describe('a debug session', () => {
  it('is where its task is; its output comes as it is said, and ends with it', async () => {
    const parent = await running();
    await untilTrue(() => bed.text('t1', 'pid') !== '');
    const launch_nested_container_session = {
      container_id: { value: 'd1', parent },
      command: { value: 'cat pid; echo $MESOS_EXECUTOR_ID; echo oh >&2; sleep 0.5; exit 4' },
    };
    const output = await Output.open({ type: 'LAUNCH_NESTED_CONTAINER_SESSION', launch_nested_container_session });
    expect(output.headers.get('content-type')).toBe('application/json');
    await output.ended;
    expect([output.all(), output.all('STDERR')]).toEqual([`${bed.text('t1', 'pid')}t1\n`, 'oh\n']);
    expect(output.records.some(({ control }) => control?.heartbeat?.interval?.nanoseconds === 200_000_000)).toBe(true);
    const { body } = await call('WAIT_NESTED_CONTAINER', { container_id: { value: 'd1', parent } });
    expect(body['wait_nested_container']).toEqual({ exit_status: 4 << 8 });
    expect((await bed.master.status('t1', () => true)).state).toBeDefined(); // the task itself goes on
    expect(existsSync(join(bed.sandbox('t1'), '.exit_status'))).toBe(false);
  });

  it('takes input, through recordio and protobuf, until its end', async () => {
    const parent = await running();
    const container_id = { value: 'd1', parent };
    const output = await Output.open(
      { type: 'LAUNCH_NESTED_CONTAINER_SESSION', launch_nested_container_session: { container_id, command: { value: 'tr a-z A-Z' } } },
      { accept: 'application/recordio', 'message-accept': 'application/x-protobuf' },
    );
    expect([output.headers.get('content-type'), output.headers.get('message-content-type')]).toEqual([
      'application/recordio',
      'application/x-protobuf',
    ]);
    const input = openInput(container_id, 'protobuf');
    input.send(typed('hello '));
    input.send(typed('world\n'));
    input.send(typed('')); // the end of its input
    await output.ended;
    expect(output.all()).toBe('HELLO WORLD\n');
    expect(await input.end()).toBe(200);
  });

  it('with a terminal has its size, and changes it', async () => {
    const parent = await running();
    const container_id = { value: 'd1', parent };
    const container = { type: 'MESOS', tty_info: { window_size: { rows: 33, columns: 111 } } };
    const session = { container_id, command: { value: 'tty; stty size; read line; stty size; echo "got $line"' }, container };
    const output = await Output.open({ type: 'LAUNCH_NESTED_CONTAINER_SESSION', launch_nested_container_session: session });
    await untilTrue(() => /33 111/.test(output.all()));
    expect(output.all()).toMatch(/^\/dev\/pts\/\d+\r\n/);
    const input = openInput(container_id);
    input.send({ type: 'CONTROL', control: { type: 'TTY_INFO', tty_info: { window_size: { rows: 44, columns: 99 } } } });
    input.send(typed('a line\n'));
    await output.ended;
    expect(output.all()).toMatch(/44 99\r\ngot a line\r\n$/);
    await input.end();
  });

  it('is ended when its client hangs up', async () => {
    const parent = await running();
    const container_id = { value: 'd1', parent };
    const session = { container_id, command: { value: 'exec sleep 1000' } };
    const output = await Output.open({ type: 'LAUNCH_NESTED_CONTAINER_SESSION', launch_nested_container_session: session });
    output.hangUp();
    expect((await call('WAIT_NESTED_CONTAINER', { container_id })).body['wait_nested_container']).toEqual({ exit_status: 9 });
  });
});

describe('attaching', () => {
  it('to a task with a terminal gives its output and takes input, also after a restart of the agent', async () => {
    const container_id = await running({
      command: { value: 'while read line; do echo "you said $line"; done' },
      container: { type: 'MESOS', tty_info: {} },
    });
    const attach = { type: 'ATTACH_CONTAINER_OUTPUT', attach_container_output: { container_id } };
    const talk = async (line: string): Promise<void> => {
      const output = await Output.open(attach);
      const input = openInput(container_id);
      input.send(typed(`${line}\n`));
      await untilTrue(() => output.all().includes(`you said ${line}\r\n`));
      expect(await input.end()).toBe(200);
      output.hangUp();
    };
    await talk('one');
    await bed.agents[0]?.stop();
    url = (await bed.open()).url;
    await talk('two');
    bed.kill('t1');
    await bed.final('t1');
    expect(bed.text('t1')).toMatch(/you said one\r\n[\s\S]*you said two\r\n/);
  });

  it('to a container without is refused in the words that clients look for', async () => {
    const container_id = await running();
    const attach = { type: 'ATTACH_CONTAINER_OUTPUT', attach_container_output: { container_id } };
    await expect(Output.open(attach)).rejects.toThrow('500: I/O switchboard server was disabled for this container');
    const none = { type: 'ATTACH_CONTAINER_OUTPUT', attach_container_output: { container_id: { value: 'none' } } };
    await expect(Output.open(none)).rejects.toThrow('404');
    await expect(Output.open(attach, { accept: 'application/json', 'message-accept': 'application/json' })).rejects.toThrow('406');
    await expect(Output.open(attach, { accept: 'application/recordio', 'message-accept': 'text/html' })).rejects.toThrow('406');
  });
});
