/**
 * Answers a few calls of the Docker Engine API on a unix socket, as the real engine's documentation describes them, by running the
 * commands as plain processes of this host: images are names only. For tests where no engine is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { constants } from 'node:os';

interface Held {
  readonly config: { Image: string; Entrypoint?: string[]; Cmd?: string[]; Env: string[]; HostConfig: Record<string, unknown> };
  child: ChildProcess | undefined;
  isRunning: boolean;
  exitCode: number;
  isOutOfMemory: boolean;
  readonly log: Buffer[];
  readonly readers: Set<ServerResponse>;
  readonly waiters: Set<ServerResponse>;
}

const frame = (stream: number, data: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
};

export class DockerStandIn {
  readonly containers = new Map<string, Held>();
  readonly images = new Set<string>(['local:1']);
  readonly removed: string[] = [];
  readonly #execs = new Map<string, { running: boolean; code: number; start: () => void }>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(socketPath: string): Promise<DockerStandIn> {
    const server = createServer();
    const engine = new DockerStandIn(server);
    server.on('request', (request, response) => void engine.#answer(request, response));
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    return engine;
  }

  async close(): Promise<void> {
    for (const { child } of this.containers.values()) child?.kill('SIGKILL');
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const url = new URL(request.url ?? '/', 'http://docker');
    const [, kind = '', id = '', verb = ''] =
      /^\/([^/]+)(?:\/(.+?))?(?:\/(json|start|stop|kill|wait|logs|exec|update))?$/.exec(url.pathname) ?? [];
    const json = (status: number, value: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (kind === '_ping') return void response.end('OK');
    if (kind === 'images' && id === 'create') {
      const image = `${url.searchParams.get('fromImage')}:${url.searchParams.get('tag')}`;
      if (image.startsWith('absent')) return void response.end(`{"status":"Pulling"}\n{"error":"manifest for ${image} not found"}\n`);
      this.images.add(image);
      return void response.end('{"status":"Pulling"}\n{"status":"Downloaded"}\n');
    }
    if (kind === 'images') return this.images.has(id) ? json(200, {}) : json(404, { message: 'No such image' });
    if (kind === 'containers' && id === 'create') {
      const name = url.searchParams.get('name') ?? '';
      this.containers.set(name, {
        config: body as unknown as Held['config'],
        child: undefined,
        isRunning: false,
        exitCode: 0,
        isOutOfMemory: false,
        log: [],
        readers: new Set(),
        waiters: new Set(),
      });
      return json(201, { Id: name });
    }
    if (kind === 'exec') {
      const exec = this.#execs.get(id);
      if (exec === undefined) return json(404, { message: 'No such exec' });
      if (verb === 'start') exec.start();
      return verb === 'start' ? json(200, {}) : json(200, { Running: exec.running, ExitCode: exec.running ? null : exec.code });
    }
    const held = this.containers.get(id);
    if (held === undefined) return json(404, { message: `No such container: ${id}` });
    if (request.method === 'DELETE') {
      held.child?.kill('SIGKILL');
      this.containers.delete(id);
      this.removed.push(id);
      return void response.writeHead(204).end();
    }
    switch (verb) {
      case 'start':
        this.#start(held);
        return void response.writeHead(204).end();
      case 'json':
        return json(200, {
          State: {
            Pid: held.isRunning ? held.child?.pid : 0,
            Running: held.isRunning,
            ExitCode: held.exitCode,
            OOMKilled: held.isOutOfMemory,
          },
        });
      case 'wait':
        if (held.isRunning) return void held.waiters.add(response);
        return json(200, { StatusCode: held.exitCode });
      case 'logs':
        response.writeHead(200);
        response.flushHeaders();
        for (const data of held.log) response.write(data);
        if (held.isRunning) held.readers.add(response);
        else response.end();
        return;
      case 'stop': {
        held.child?.kill('SIGTERM');
        const timer = setTimeout(() => held.child?.kill('SIGKILL'), Number(url.searchParams.get('t')) * 1_000);
        held.child?.once('exit', () => clearTimeout(timer));
        return void response.writeHead(204).end();
      }
      case 'kill':
        held.child?.kill(url.searchParams.get('signal') as NodeJS.Signals);
        return void response.writeHead(204).end();
      case 'update':
        Object.assign(held.config.HostConfig, body);
        return json(200, { Warnings: null });
      case 'exec': {
        const execId = `exec${this.#execs.size}`;
        const [program = '', ...argv] = body['Cmd'] as string[];
        const exec = {
          running: true,
          code: 0,
          start: () =>
            void spawn(program, argv, { env: Object.fromEntries((body['Env'] as string[]).map((entry) => entry.split('=', 2))) }).once(
              'exit',
              (code) => {
                exec.running = false;
                exec.code = code ?? 1;
              },
            ),
        };
        this.#execs.set(execId, exec);
        return json(201, { Id: execId });
      }
      default:
        return json(404, { message: 'page not found' });
    }
  }

  #start(held: Held): void {
    const { Entrypoint = [], Cmd = [], Env, HostConfig } = held.config;
    const [program = 'true', ...argv] = [...Entrypoint, ...Cmd];
    const sandbox = (HostConfig['Binds'] as string[])[0]?.replace(/:.*$/, '');
    const child = spawn(program, argv, {
      cwd: sandbox,
      env: Object.fromEntries(Env.map((entry) => [entry.replace(/=.*$/s, ''), entry.replace(/^[^=]*=/, '')])),
    });
    held.child = child;
    held.isRunning = true;
    for (const [stream, source] of [
      [1, child.stdout],
      [2, child.stderr],
    ] as const) {
      source.on('data', (data: Buffer) => {
        held.log.push(frame(stream, data));
        for (const reader of held.readers) reader.write(frame(stream, data));
      });
    }
    child.once('close', (code, signal) => {
      held.isRunning = false;
      held.exitCode = code ?? 128 + constants.signals[signal as NodeJS.Signals];
      for (const reader of held.readers) reader.end();
      for (const waiter of held.waiters) waiter.writeHead(200).end(JSON.stringify({ StatusCode: held.exitCode }));
    });
  }
}
