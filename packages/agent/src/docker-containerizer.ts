/**
 * Containers of type DOCKER (mesos.md §9.5): the Docker Engine runs them, named `mesos-<ContainerID>`, so that an agent which starts again
 * finds them; their output is copied to the sandbox. They stay for a while after their end, for whoever wants to look.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerInfo, ContainerInfoDockerInfo } from '@pronoia/mesos';
import { type Clock, type Logger, sleep } from '@pronoia/server';
import type {
  Container,
  ContainerExit,
  Containerizer,
  ContainerSpec,
  ExecSpec,
  Limitation,
  Quantities,
  RecoveredSpec,
} from './containerizer.ts';
import { type DockerEngine, EngineError } from './docker-engine.ts';
import { exitOf } from './supervisor.ts';

export interface DockerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly engine: DockerEngine;
  readonly innerSandbox: string;
  /** Request of CPU is also a bound (`--cgroups_enable_cfs`). */
  readonly isEnforcingCpus: boolean;
  readonly removeDelayMs: number;
}

const SHARES_PER_CPU = 1024;
const LEAST_MEMORY_MB = 4;
const EXEC_POLL_MS = 50;
const RETRY_MS = 1_000;

/** Options of `docker run` that the API has a place for; the others are refused by name. */
const PARAMETERS = [
  'label',
  'env',
  'hostname',
  'user',
  'volume',
  'workdir',
  'cap-add',
  'cap-drop',
  'dns',
  'add-host',
  'shm-size',
  'ipc',
  'pid',
];

export class DockerContainerizer implements Containerizer {
  readonly name = 'docker';
  readonly hasLimits = true;
  readonly #options: DockerOptions;

  constructor(options: DockerOptions) {
    this.#options = options;
  }

  refusal(container: ContainerInfo | undefined): string | undefined {
    const docker = container?.docker;
    if (docker === undefined) return 'a container of type DOCKER needs its part docker';
    if (container?.tty_info !== undefined) return 'container.tty_info: not supported for Docker containers';
    if (container?.linux_info !== undefined) return 'container.linux_info: not supported for Docker containers';
    if (docker.volume_driver !== undefined) return 'container.docker.volume_driver: name the driver in the volume itself';
    const unknown = (docker.parameters ?? []).find(({ key }) => !PARAMETERS.includes(key));
    if (unknown !== undefined) return `container.docker.parameters: ${unknown.key} is not supported; there are ${PARAMETERS.join(', ')}`;
    if (docker.network === 'USER' && container?.network_infos?.[0]?.name === undefined)
      return 'container.docker.network USER needs the name of a network in network_infos';
    if ((docker.port_mappings ?? []).length > 0 && docker.network !== 'BRIDGE' && docker.network !== 'USER')
      return 'container.docker.port_mappings need the network BRIDGE or USER';
    return undefined;
  }

  async launch(spec: ContainerSpec): Promise<Container> {
    const { engine } = this.#options;
    const docker = spec.container?.docker;
    if (docker === undefined) throw new Error('the container has no part docker');
    if (docker.force_pull_image === true || !(await engine.hasImage(docker.image))) await engine.pull(docker.image);
    const name = nameOf(spec.containerId);
    await engine.create(name, this.#configOf(spec, docker));
    try {
      await engine.start(name);
      const { pid } = await engine.inspect(name);
      return new DockerContainer(this.#options, spec, Promise.resolve(pid), pid);
    } catch (error) {
      await engine.remove(name).catch(() => undefined);
      throw error;
    }
  }

  recover(spec: RecoveredSpec): Container {
    const pid = this.#options.engine.inspect(nameOf(spec.containerId)).then(
      (found) => found.pid,
      () => 0,
    );
    return new DockerContainer(this.#options, spec, pid, NOT_TOLD_YET);
  }

  #configOf(spec: ContainerSpec, docker: ContainerInfoDockerInfo): object {
    const { container, quantities, argv, environment } = spec;
    const parameters = (key: string): string[] => (docker.parameters ?? []).filter((one) => one.key === key).map(({ value }) => value);
    const env = { ...environment, MESOS_SANDBOX: this.#options.innerSandbox, MESOS_CONTAINER_NAME: nameOf(spec.containerId) };
    const isShell = argv[0] === '/bin/sh' && argv[1] === '-c';
    const ports = (docker.port_mappings ?? []).map(({ host_port, container_port, protocol = 'tcp' }) => ({
      inner: `${container_port}/${protocol.toLowerCase()}`,
      outer: String(host_port),
    }));
    const mounts = (spec.mounts ?? []).map(({ source, target, isReadOnly }) => `${source}:${target}${isReadOnly ? ':ro' : ''}`);
    const [user = spec.user === undefined ? undefined : `${spec.user.uid}:${spec.user.gid}`] = parameters('user');
    const [hostname = container?.hostname] = parameters('hostname');
    const [workdir] = parameters('workdir');
    const [shmSize] = parameters('shm-size');
    const [ipc] = parameters('ipc');
    const [pid] = parameters('pid');
    return {
      Image: docker.image,
      ...(isShell ? { Entrypoint: ['/bin/sh'], Cmd: argv.slice(1) } : argv.length > 0 ? { Cmd: argv } : {}),
      Env: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...parameters('env')],
      Labels: Object.fromEntries(
        parameters('label').map((label) => [label.replace(/=.*$/s, ''), /=/.test(label) ? label.replace(/^[^=]*=/, '') : '']),
      ),
      ...(user === undefined ? {} : { User: user }),
      ...(hostname === undefined ? {} : { Hostname: hostname }),
      ...(workdir === undefined ? {} : { WorkingDir: workdir }),
      ExposedPorts: Object.fromEntries(ports.map(({ inner }) => [inner, {}])),
      HostConfig: {
        ...limitsOf(quantities, this.#options.isEnforcingCpus),
        Binds: [`${spec.sandbox}:${this.#options.innerSandbox}`, ...mounts, ...parameters('volume')],
        NetworkMode: networkOf(docker, container),
        PortBindings: Object.fromEntries(ports.map(({ inner, outer }) => [inner, [{ HostPort: outer }]])),
        Privileged: docker.privileged === true,
        CapAdd: parameters('cap-add'),
        CapDrop: parameters('cap-drop'),
        Dns: parameters('dns'),
        ExtraHosts: parameters('add-host'),
        ...(shmSize === undefined ? {} : { ShmSize: Number(shmSize) }),
        ...(ipc === undefined ? {} : { IpcMode: ipc }),
        ...(pid === undefined ? {} : { PidMode: pid }),
      },
    };
  }
}

/** The largest pid there can be, which no process has: until the engine has told. */
const NOT_TOLD_YET = 2 ** 31 - 1;

const nameOf = (containerId: string): string => `mesos-${containerId}`;

function limitsOf({ cpus, cpusLimit, memMb, memLimitMb }: Quantities, isEnforcingCpus: boolean): object {
  const bound = cpusLimit ?? (isEnforcingCpus ? cpus : undefined);
  const hardMb = memLimitMb ?? memMb;
  return {
    CpuShares: Math.max(2, Math.round(cpus * SHARES_PER_CPU)),
    ...(bound === undefined || !Number.isFinite(bound)
      ? {}
      : { CpuPeriod: 100_000, CpuQuota: Math.max(1_000, Math.round(bound * 100_000)) }),
    ...(Number.isFinite(hardMb) ? { Memory: Math.round(Math.max(LEAST_MEMORY_MB, hardMb) * 2 ** 20) } : {}),
    ...(memLimitMb === undefined ? {} : { MemoryReservation: Math.round(Math.max(LEAST_MEMORY_MB, memMb) * 2 ** 20) }),
  };
}

function networkOf(docker: ContainerInfoDockerInfo, container: ContainerInfo | undefined): string {
  if (docker.network === 'USER') return container?.network_infos?.[0]?.name ?? 'host';
  return (docker.network ?? 'HOST').toLowerCase();
}

class DockerContainer implements Container {
  readonly containerId: string;
  readonly sandbox: string;
  readonly io = undefined;
  readonly exited: Promise<ContainerExit>;
  readonly #options: DockerOptions;
  readonly #quantities: Quantities;
  readonly #released = new AbortController();
  #pid: number;
  #hasExited = false;
  #isStopping = false;

  /** `firstPid`: until the engine has told the real one. */
  constructor(options: DockerOptions, spec: RecoveredSpec, pid: Promise<number>, firstPid: number) {
    this.#options = options;
    this.#quantities = spec.quantities;
    this.containerId = spec.containerId;
    this.sandbox = spec.sandbox;
    this.#pid = firstPid;
    void pid.then((found) => {
      this.#pid = found;
    });
    void this.#copyOutput();
    this.exited = this.#watch();
  }

  get pid(): number {
    return this.#hasExited ? 0 : this.#pid;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  kill(graceMs: number): void {
    if (this.#hasExited) return;
    if (graceMs <= 0) void this.#tell(this.#options.engine.kill(this.#name, 'SIGKILL'));
    else if (!this.#isStopping) void this.#tell(this.#options.engine.stop(this.#name, graceMs));
    this.#isStopping = true;
  }

  signal(signal: NodeJS.Signals): void {
    void this.#tell(this.#options.engine.kill(this.#name, signal));
  }

  async exec({ argv, environment, user }: ExecSpec, signal: AbortSignal): Promise<number> {
    const { engine, clock } = this.#options;
    const env = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const id = await engine.exec(this.#name, argv, env, user === undefined ? undefined : `${user.uid}:${user.gid}`);
    for (;;) {
      const status = await engine.execStatus(id);
      if (status !== undefined) return status;
      await sleep(clock, EXEC_POLL_MS, signal);
    }
  }

  /** Sessions are not supported beside Docker containers. */
  enter(): undefined {
    return undefined;
  }

  limit(quantities: Quantities): void {
    void this.#tell(this.#options.engine.update(this.#name, limitsOf(quantities, this.#options.isEnforcingCpus)));
  }

  /** /proc tells what its processes use. */
  statistics(): Record<string, never> {
    return {};
  }

  release(): void {
    this.#released.abort(new Error('the agent stops'));
  }

  get #name(): string {
    return nameOf(this.containerId);
  }

  async #tell(call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!this.#hasExited)
        this.#options.log.warn({ container: this.containerId, error: (error as Error).message }, 'The Docker engine refused');
    }
  }

  /** Written anew from its beginning: what an earlier agent had copied is not counted. */
  async #copyOutput(): Promise<void> {
    try {
      for (const name of ['stdout', 'stderr']) writeFileSync(join(this.sandbox, name), '');
      await this.#options.engine.logs(
        this.#name,
        (stream, data) => appendFileSync(join(this.sandbox, stream), data),
        this.#released.signal,
      );
    } catch (error) {
      if (!this.#released.signal.aborted && !(error instanceof EngineError && error.status === 404))
        this.#options.log.warn(
          { container: this.containerId, error: (error as Error).message },
          'The output of a container cannot be copied',
        );
    }
  }

  /** An engine that is away for a moment, or restarts, is asked again. */
  async #watch(): Promise<ContainerExit> {
    const { engine, clock, removeDelayMs } = this.#options;
    for (;;) {
      try {
        await engine.wait(this.#name, this.#released.signal);
        const { isRunning, exitCode, isOutOfMemory } = await engine.inspect(this.#name);
        if (isRunning) continue;
        this.#hasExited = true;
        clock.setTimer(removeDelayMs, () => void engine.remove(this.#name).catch(() => undefined));
        const exit = exitOf(exitCode);
        return isOutOfMemory ? { ...exit, limitation: this.#outOfMemory() } : exit;
      } catch (error) {
        // Whoever takes over sees its end.
        if (this.#released.signal.aborted) return new Promise<never>(() => undefined);
        if (error instanceof EngineError && error.status === 404) {
          this.#hasExited = true;
          return { kind: 'lost' };
        }
        await sleep(clock, RETRY_MS, this.#released.signal).catch(() => undefined);
      }
    }
  }

  #outOfMemory(): Limitation {
    const { memMb, memLimitMb } = this.#quantities;
    const limitMb = memLimitMb ?? memMb;
    return {
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: `Memory limit exceeded: Requested: ${limitMb}MB`,
      resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: limitMb } }],
    };
  }
}
