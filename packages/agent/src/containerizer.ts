/**
 * What the agent asks of whoever runs containers for it. A container is a command with everything it starts, ended as a whole; it
 * outlives the agent, which finds it again by its id. Second and third implementations beside the process containerizer: OCI bundles
 * under runc or crun, and a Docker Engine.
 */
import type { Readable } from 'node:stream';
import type { ContainerInfo, Resource, ResourceStatistics, TaskStatusReason, TTYInfo } from '@pronoia/mesos';

/** What a container may use. Limits are hard; without one the request is what memory is bounded by. */
export interface Quantities {
  readonly cpus: number;
  readonly memMb: number;
  readonly cpusLimit?: number;
  readonly memLimitMb?: number;
  /** Its CPUs may be taken back: it yields to everybody else's. */
  readonly isRevocable?: boolean;
}

/** Why a container was ended by what keeps it in its bounds. */
export interface Limitation {
  readonly reason: TaskStatusReason;
  readonly message: string;
  readonly resources: readonly Resource[];
}

export type ContainerExit =
  | { readonly kind: 'exited'; readonly status: number; readonly limitation?: Limitation }
  | { readonly kind: 'signaled'; readonly signal: NodeJS.Signals; readonly limitation?: Limitation }
  /** Nobody knows how the command ended: its supervisor vanished without leaving a status. */
  | { readonly kind: 'lost'; readonly limitation?: Limitation };

/** A folder or file of the host that a container with an image sees. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
}

export interface ContainerSpec {
  readonly containerId: string;
  /** Of the executor's container that this one is nested in. */
  readonly parentId?: string;
  /** The working folder; `stdout` and `stderr` are written here. */
  readonly sandbox: string;
  /** `argv[0]` is an absolute path, or a name that is looked for inside an image. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly container?: ContainerInfo;
  readonly quantities: Quantities;
  readonly mounts?: readonly Mount[];
  /** False: a cgroup of its own although it is nested (`linux_info.share_cgroups`). */
  readonly isSharingCgroup?: boolean;
  /** A terminal of its own, for ATTACH_CONTAINER_*. */
  readonly tty?: TTYInfo;
  /** Its input and output are pipes to the agent, for a debug session; it ends with the agent. */
  readonly isPiped?: boolean;
}

/** A running container's input and output, as far as the agent holds them. */
export interface ContainerIo {
  /** Where output arrives; undefined: it is in the sandbox's files. */
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  write(data: Buffer): void;
  /** No more input. */
  end(): void;
  resize(rows: number, columns: number): void;
}

/** The command of an exec: a check, or a debug session. */
export interface ExecSpec {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
}

export interface Container {
  readonly containerId: string;
  readonly sandbox: string;
  /** Of its first process; 0 when there is none (any more). */
  readonly pid: number;
  readonly exited: Promise<ContainerExit>;
  readonly hasExited: boolean;
  /** Undefined: its input is closed, and nobody can attach to it. */
  readonly io: ContainerIo | undefined;
  /** SIGTERM to the whole tree, after the grace SIGKILL. Called again, the grace still counts from the first time. */
  kill(graceMs: number): void;
  /** One signal to the container's processes. */
  signal(signal: NodeJS.Signals): void;
  /** Runs a command beside the container's own, in the same surroundings. Resolves with its exit status. */
  exec(command: ExecSpec, signal: AbortSignal): Promise<number>;
  /** The command, made to run inside of it from outside; undefined: it needs nothing to be inside. */
  enter(command: ExecSpec): readonly string[] | undefined;
  /** What it may use has changed. */
  limit(quantities: Quantities): void;
  /** What only this kind of container knows better than /proc. */
  statistics(): Partial<ResourceStatistics>;
  /** Stops watching; the container itself goes on. */
  release(): void;
}

export interface Containerizer {
  readonly name: string;
  /** Whether anything keeps its containers within their limits. */
  readonly hasLimits: boolean;
  /** Why it cannot run this, as a sentence for the task's author; undefined when it can. */
  refusal(container: ContainerInfo | undefined): string | undefined;
  /** Throws with a sentence when the container cannot be started. */
  launch(spec: ContainerSpec): Promise<Container>;
  /** Takes over a container that an earlier agent process launched; one that has ended says so by `exited`. */
  recover(spec: RecoveredSpec): Container;
}

export type RecoveredSpec = Pick<ContainerSpec, 'containerId' | 'parentId' | 'sandbox' | 'container' | 'quantities' | 'isSharingCgroup'>;

export function quantitiesOf(
  resources: Iterable<Resource>,
  limits: Readonly<Record<string, { readonly value: number }>> | undefined,
  extra: { readonly cpus: number; readonly memMb: number } = { cpus: 0, memMb: 0 },
): Quantities {
  let cpus = extra.cpus;
  let memMb = extra.memMb;
  let isRevocable = false;
  for (const { name, scalar, revocable } of resources) {
    if (name === 'cpus') {
      cpus += scalar?.value ?? 0;
      isRevocable ||= revocable !== undefined;
    }
    if (name === 'mem') memMb += scalar?.value ?? 0;
  }
  const cpusLimit = limits?.['cpus']?.value;
  const memLimitMb = limits?.['mem']?.value;
  return {
    cpus: Math.round(cpus * 1_000) / 1_000,
    memMb,
    ...(isRevocable ? { isRevocable } : {}),
    ...(cpusLimit === undefined ? {} : { cpusLimit: cpusLimit + extra.cpus }),
    ...(memLimitMb === undefined ? {} : { memLimitMb: memLimitMb + extra.memMb }),
  };
}
