/** A server of ours or of others, started from its program as a user would; asked over HTTP, its CPU and memory read from /proc. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const command = join(import.meta.dirname, '../../packages/cli/dist/main.js');

/** Flags that ours and the original share; the database keeps what is older than all retention. */
function prometheusFlags(folder: string, port: number): string[] {
  return [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--storage.tsdb.retention.time=100y',
    '--web.enable-remote-write-receiver',
  ];
}

export function pronoiaMonitor(...flags: readonly string[]): Program {
  return {
    name: 'pronoia',
    command: process.execPath,
    args: (folder, port) => [command, 'monitor', ...prometheusFlags(folder, port), ...flags],
    readyPath: '/-/ready',
    extra: '',
  };
}

/** Debian's. */
export function originalPrometheus(...flags: readonly string[]): Program {
  return {
    name: 'prometheus',
    command: '/usr/bin/prometheus',
    args: (folder, port) => [...prometheusFlags(folder, port), ...flags],
    readyPath: '/-/ready',
    extra: '',
  };
}

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: (folder: string, port: number) => readonly string[];
  /** Its prometheus.yml; default: nothing set. */
  readonly config?: string;
  /** Asked for until it answers 200. */
  readonly readyPath: string;
  /** Parameters on every query. */
  readonly extra: string;
  /** Asked after loading. */
  readonly flushPath?: string;
}

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly body: Buffer;
}

export class ServerProcess {
  readonly program: Program;
  readonly #folder: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  #child: ChildProcess | undefined;
  #port = 0;

  /** undefined where the program is not installed. */
  static create(program: Program, parentFolder: string): ServerProcess | undefined {
    return existsSync(program.command) ? new ServerProcess(program, join(parentFolder, program.name)) : undefined;
  }

  constructor(program: Program, folder: string) {
    this.program = program;
    this.#folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, 'prometheus.yml'), this.program.config ?? 'global: {}\n');
    for (let attempt = 1; ; attempt++) {
      this.#port = await freePort();
      if (await this.#startOn(this.#port)) return;
      // Another server took the port between our look and its start.
      const log = this.#logEnd();
      if (attempt === 5 || !/address already in use|port_taken|is taken/.test(log))
        throw new Error(`${this.program.name} did not start: ${log}`);
    }
  }

  /** False when the program ended instead. */
  async #startOn(port: number): Promise<boolean> {
    const log = openSync(join(this.#folder, 'log'), 'a');
    const child = spawn(this.program.command, this.program.args(this.#folder, port), {
      cwd: this.#folder,
      stdio: ['ignore', log, log],
    });
    this.#child = child;
    closeSync(log);
    for (let i = 0; i < 3000; i++) {
      const ready = await this.get(this.program.readyPath).catch(() => undefined);
      // Whoever answers there may be the server of another test.
      if (ready?.status === 200 && listens(child.pid as number, port)) return true;
      if (child.exitCode !== null || child.signalCode !== null) return false;
      await sleep(100);
    }
    return false;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#agent.destroy();
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  }

  /** As the out-of-memory killer would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  get(path: string): Promise<Answer> {
    return this.#send('GET', path, {});
  }

  post(path: string, body: URLSearchParams | Buffer = Buffer.alloc(0), headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return body instanceof Buffer
      ? this.#send('POST', path, headers, body)
      : this.#send('POST', path, { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, Buffer.from(body.toString()));
  }

  /** Waits and sends again while the server asks for it. */
  async write(body: Buffer): Promise<void> {
    const headers = {
      'content-type': 'application/x-protobuf',
      'content-encoding': 'snappy',
      'x-prometheus-remote-write-version': '0.1.0',
    };
    for (let i = 0; i < 100; i++) {
      const { status, body: text } = await this.#send('POST', '/api/v1/write', headers, body);
      if (status < 300) return;
      if (status !== 429 && status < 500)
        throw new Error(`${this.program.name} refused samples: ${status} ${text.toString().slice(0, 300)}`);
      await sleep(100);
    }
    throw new Error(`${this.program.name} took no samples`);
  }

  #send(method: string, path: string, headers: Readonly<Record<string, string>>, payload?: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: this.#port, path, method, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes, body: Buffer.concat(chunks) }));
      });
      sent.on('error', (error) =>
        reject(new Error(`${this.program.name}: ${error.message}; its log ends:\n${this.#logEnd()}`, { cause: error })),
      );
      sent.end(payload);
    });
  }

  #logEnd(): string {
    return readFileSync(join(this.#folder, 'log'), 'utf8').slice(-2000);
  }

  /** User and system, all threads. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child?.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  peakMiB(): number {
    return this.#statusMiB('VmHWM');
  }

  residentMiB(): number {
    return this.#statusMiB('VmRSS');
  }

  /** From here on the peak is counted anew. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child?.pid}/clear_refs`, '5');
  }

  #statusMiB(key: string): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  }

  /** The longest that its event loop was held since this was asked last; only ours has one. */
  async eventLoopDelayMs(): Promise<number> {
    const page = (await this.get('/metrics')).body.toString();
    const seconds = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(page)?.[1] ?? 0);
    // The clock that is late ticks every 10 ms.
    return Math.max(0, seconds * 1000 - 10);
  }
}

/** Whether the process holds the listening socket of that port, by /proc; true where there is no /proc. */
function listens(pid: number, port: number): boolean {
  if (!existsSync('/proc/net/tcp')) return true;
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6']
    .filter((file) => existsSync(file))
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(address) && state === '0A')
    .map((fields) => `socket:[${fields[9]}]`);
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      // Closed since.
      return false;
    }
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
