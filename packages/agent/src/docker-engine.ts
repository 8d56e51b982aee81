/** The few calls of the Docker Engine API that a containerizer needs, over its unix socket (docs.docker.com/reference/api/engine). */
import { type Dispatcher, Agent as HttpPool } from 'undici';

export interface EngineContainer {
  readonly pid: number;
  readonly isRunning: boolean;
  readonly exitCode: number;
  readonly isOutOfMemory: boolean;
}

export class EngineError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'EngineError';
    this.status = status;
  }
}

export class DockerEngine {
  readonly #pool: HttpPool;

  constructor(socketPath: string) {
    this.#pool = new HttpPool({ connect: { socketPath }, headersTimeout: 0, bodyTimeout: 0 });
  }

  async ping(): Promise<void> {
    await (await this.#call('GET', '/_ping')).body.dump();
  }

  async hasImage(image: string): Promise<boolean> {
    try {
      await (await this.#call('GET', `/images/${image}/json`)).body.dump();
      return true;
    } catch (error) {
      if (error instanceof EngineError && error.status === 404) return false;
      throw error;
    }
  }

  /** Resolves when it is there. What fails on the way comes as a line of the answer, after a 200. */
  async pull(image: string, signal?: AbortSignal): Promise<void> {
    const [, name = image, tag = 'latest'] = /^(.+?)(?::([^/:]+))?$/.exec(image) ?? [];
    const path = `/images/create?fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
    const { body } = await this.#call('POST', path, undefined, signal);
    for (const line of (await body.text()).split('\n')) {
      if (line.trim() === '') continue;
      const { error } = JSON.parse(line) as { error?: string };
      if (error !== undefined) throw new EngineError(500, error);
    }
  }

  /** Returns the engine's id. */
  async create(name: string, config: object): Promise<string> {
    const { body } = await this.#call('POST', `/containers/create?name=${name}`, config);
    return ((await body.json()) as { Id: string }).Id;
  }

  start(id: string): Promise<void> {
    return this.#do('POST', `/containers/${id}/start`);
  }

  stop(id: string, graceMs: number): Promise<void> {
    return this.#do('POST', `/containers/${id}/stop?t=${Math.ceil(graceMs / 1_000)}`);
  }

  kill(id: string, signal: string): Promise<void> {
    return this.#do('POST', `/containers/${id}/kill?signal=${signal}`);
  }

  update(id: string, config: object): Promise<void> {
    return this.#do('POST', `/containers/${id}/update`, config);
  }

  remove(id: string): Promise<void> {
    return this.#do('DELETE', `/containers/${id}?force=true&v=true`);
  }

  async inspect(id: string): Promise<EngineContainer> {
    const { body } = await this.#call('GET', `/containers/${id}/json`);
    const { State } = (await body.json()) as { State: { Pid?: number; Running?: boolean; ExitCode?: number; OOMKilled?: boolean } };
    return {
      pid: State.Pid ?? 0,
      isRunning: State.Running === true,
      exitCode: State.ExitCode ?? 0,
      isOutOfMemory: State.OOMKilled === true,
    };
  }

  /** Resolves when the container is not running (any more). */
  async wait(id: string, signal: AbortSignal): Promise<void> {
    await (await this.#call('POST', `/containers/${id}/wait`, undefined, signal)).body.dump();
  }

  /** All output from its beginning, until the container ends. */
  async logs(id: string, onData: (stream: 'stdout' | 'stderr', data: Buffer) => void, signal: AbortSignal): Promise<void> {
    const { body } = await this.#call('GET', `/containers/${id}/logs?follow=true&stdout=true&stderr=true`, undefined, signal);
    // Frames: one byte says which stream, four bytes how long.
    let left: Buffer = Buffer.alloc(0);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
      while (left.length >= 8) {
        const end = 8 + left.readUInt32BE(4);
        if (left.length < end) break;
        onData(left[0] === 2 ? 'stderr' : 'stdout', left.subarray(8, end));
        left = left.subarray(end);
      }
    }
  }

  /** Starts a command inside; returns the exec's id. */
  async exec(id: string, argv: readonly string[], environment: readonly string[], user: string | undefined): Promise<string> {
    const config = { Cmd: argv, Env: environment, ...(user === undefined ? {} : { User: user }) };
    const { body } = await this.#call('POST', `/containers/${id}/exec`, config);
    const { Id } = (await body.json()) as { Id: string };
    await this.#do('POST', `/exec/${Id}/start`, { Detach: true });
    return Id;
  }

  /** Undefined while it runs. */
  async execStatus(execId: string): Promise<number | undefined> {
    const { body } = await this.#call('GET', `/exec/${execId}/json`);
    const { Running, ExitCode } = (await body.json()) as { Running: boolean; ExitCode: number | null };
    return Running ? undefined : (ExitCode ?? 0);
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #do(method: Dispatcher.HttpMethod, path: string, body?: object): Promise<void> {
    await (await this.#call(method, path, body)).body.dump();
  }

  async #call(method: Dispatcher.HttpMethod, path: string, body?: object, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await this.#pool.request({
      origin: 'http://docker',
      method,
      path,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(signal === undefined ? {} : { signal }),
    });
    // 304: it is so already.
    if (response.statusCode < 400) return response;
    const text = await response.body.text();
    let message = text.trim();
    try {
      message = (JSON.parse(text) as { message?: string }).message ?? message;
    } catch {
      // Plain text will do.
    }
    throw new EngineError(response.statusCode, `the Docker engine answered ${response.statusCode}: ${message.slice(0, 500)}`);
  }
}
