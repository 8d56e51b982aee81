/**
 * The containerizer that is everywhere: a command under a supervisor in a session of its own, and where control groups are to be had
 * and wanted, in a group of its own. It has the host's file system and network; what asks for others is refused (mesos.md §9.9).
 */
import type { ContainerInfo, RLimitInfo } from '@pronoia/mesos';
import type { Clock, Logger, Timer } from '@pronoia/server';
import type { Cgroups } from './cgroups.ts';
import type { Container, ContainerExit, Containerizer, ContainerSpec, RecoveredSpec } from './containerizer.ts';
import { execBeside, findSupervisors, SupervisedContainer, type Surroundings, shellQuoted } from './supervisor.ts';

export interface ProcessContainerizerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined: accounting by /proc, and no limits. */
  readonly cgroups: Cgroups | undefined;
}

/** What another containerizer adds to the container of its runtime. */
export interface Inside extends Pick<Surroundings, 'enter' | 'exec'> {
  /** The container has ended. */
  readonly cleanUp?: () => void;
}

/** How often memory groups are asked whether the kernel had to kill in them. */
const OOM_POLL_MS = 1_000;
/** How many of them at a time: looking at a thousand each second would cost more than it tells. */
const OOM_LOOKS = 100;
/** A control group that is still dying is tried again. */
const REMOVAL_RETRY_MS = 200;
const REMOVAL_ATTEMPTS = 50;

export class ProcessContainerizer implements Containerizer {
  readonly name = 'process';
  readonly #options: ProcessContainerizerOptions;
  /** Supervisors of an earlier agent process, looked for once. */
  #supervisors: Map<string, number> | undefined;
  readonly #watched = new Map<string, Container>();
  #timer: Timer | undefined;

  constructor(options: ProcessContainerizerOptions) {
    this.#options = options;
  }

  get hasLimits(): boolean {
    return this.#options.cgroups !== undefined;
  }

  refusal(container: ContainerInfo | undefined): string | undefined {
    if (container === undefined) return undefined;
    if (container.hostname !== undefined) return 'container.hostname needs a container image';
    for (const { name, port_mappings } of container.network_infos ?? []) {
      if (name !== undefined || (port_mappings ?? []).length > 0)
        return 'container.network_infos: only the network of the host is to be had here';
    }
    const { share_cgroups: _shared, ...linux } = container.linux_info ?? {};
    const asked = Object.keys(linux);
    if (asked.length > 0) return `container.linux_info.${asked.join(', ')}: not supported by the process containerizer`;
    for (const { container_path, source, host_path, image, mode } of container.volumes ?? []) {
      if (host_path !== undefined || image !== undefined || source?.type !== 'SANDBOX_PATH')
        return `the volume ${container_path}: without a container image only volumes of the sandbox (SANDBOX_PATH) are supported`;
      if (container_path.startsWith('/')) return `the volume ${container_path}: an absolute path needs a container image`;
      if (mode === 'RO') return `the volume ${container_path}: read-only needs a container image`;
    }
    return undefined;
  }

  launch(spec: ContainerSpec): Promise<Container> {
    return this.launchInside(spec, {});
  }

  recover(spec: RecoveredSpec): Container {
    return this.recoverInside(spec, {});
  }

  /** For a containerizer whose command is a runtime: with what that adds. */
  async launchInside(spec: ContainerSpec, inside: Inside): Promise<Container> {
    const { cgroups } = this.#options;
    const group = cgroupName(spec);
    const ownsGroup = cgroups !== undefined && !sharesGroup(spec);
    const entrances = cgroups === undefined ? [] : ownsGroup ? cgroups.create(group, spec.quantities) : cgroups.entrances(group);
    const enter = entrances.map((file) => `echo 0 > ${shellQuoted(file)}`);
    const prelude = [...enter, ...rlimits(spec.container?.rlimit_info)];
    let container: Container;
    try {
      container = await SupervisedContainer.launch({ ...spec, prelude }, this.#options.clock, this.#surroundings(spec, ownsGroup, inside));
    } catch (error) {
      if (ownsGroup) this.#remove(group);
      throw error;
    }
    if (ownsGroup) this.#watchMemory(container, group);
    return container;
  }

  recoverInside(spec: RecoveredSpec, inside: Inside): Container {
    this.#supervisors ??= findSupervisors();
    const pid = this.#supervisors.get(spec.containerId) ?? 0;
    const { cgroups } = this.#options;
    const group = cgroupName(spec);
    const ownsGroup = cgroups?.exists(group) === true && !sharesGroup(spec);
    const hasTerminal = spec.container?.tty_info !== undefined;
    const surroundings = this.#surroundings(spec, ownsGroup, inside);
    const container = SupervisedContainer.adopt({ ...spec, pid }, this.#options.clock, surroundings, hasTerminal);
    if (ownsGroup && pid !== 0) this.#watchMemory(container, group);
    return container;
  }

  /** Where a runtime makes a group of its own inside of the container's; undefined: there are none. */
  innerGroup(spec: RecoveredSpec): string | undefined {
    return this.#options.cgroups?.innerPath(cgroupName(spec), spec.containerId);
  }

  /** The group of a task group as a whole, made before its first container (mesos.md §9.5: the executor's resources hold for all). */
  createGroup(containerId: string, quantities: ContainerSpec['quantities']): void {
    this.#options.cgroups?.create(containerId, quantities);
  }

  limitGroup(containerId: string, quantities: ContainerSpec['quantities']): void {
    this.#options.cgroups?.limit(containerId, quantities);
  }

  removeGroup(containerId: string): void {
    if (this.#options.cgroups?.exists(containerId) === true) this.#remove(containerId);
  }

  groupStatistics(containerId: string): ReturnType<Container['statistics']> {
    return this.#options.cgroups?.statistics(containerId) ?? {};
  }

  release(): void {
    this.#timer?.cancel();
  }

  #surroundings(spec: RecoveredSpec, ownsGroup: boolean, inside: Inside): Surroundings {
    const { cgroups } = this.#options;
    const { cleanUp, ...rest } = inside;
    if (cgroups === undefined) {
      if (cleanUp === undefined) return rest;
      return {
        ...rest,
        conclude: (exit) => {
          cleanUp();
          return exit;
        },
      };
    }
    const group = cgroupName(spec);
    const enter = cgroups.entrances(group).map((file) => `echo 0 > ${shellQuoted(file)}`);
    const exec: Surroundings['exec'] = inside.exec ?? ((command, signal) => execBeside(spec, command, signal, enter));
    const conclude = (exit: ContainerExit): ContainerExit => {
      const concluded = withLimitation(exit, cgroups, group);
      cleanUp?.();
      return concluded;
    };
    if (!ownsGroup) return { ...rest, exec, conclude };
    return {
      ...rest,
      exec,
      limit: (quantities) => cgroups.limit(group, quantities),
      statistics: () => cgroups.statistics(group),
      processes: () => cgroups.processes(group),
      conclude: (exit) => {
        const concluded = conclude(exit);
        this.#watched.delete(group);
        this.#remove(group);
        return concluded;
      },
    };
  }

  #watchMemory(container: Container, group: string): void {
    this.#watched.set(group, container);
    if (this.#timer !== undefined) return;
    const look = (): void => {
      // In turn: those looked at now go to the end of the line.
      for (const [name, watched] of [...this.#watched].slice(0, OOM_LOOKS)) {
        this.#watched.delete(name);
        this.#watched.set(name, watched);
        if (this.#options.cgroups?.hasRunOutOfMemory(name) === true) watched.kill(0);
      }
      this.#timer = this.#watched.size === 0 ? undefined : this.#options.clock.setTimer(OOM_POLL_MS, look);
    };
    this.#timer = this.#options.clock.setTimer(OOM_POLL_MS, look);
  }

  #remove(group: string, attempt = 0): void {
    if (this.#options.cgroups?.remove(group) !== false) return;
    if (attempt < REMOVAL_ATTEMPTS) {
      this.#options.clock.setTimer(REMOVAL_RETRY_MS, () => this.#remove(group, attempt + 1));
    } else this.#options.log.warn({ group }, 'A control group cannot be removed: something in it does not die');
  }
}

/** Nested ones lie in their executor's, as the original's do. */
function cgroupName(spec: Pick<ContainerSpec, 'containerId' | 'parentId' | 'isSharingCgroup'>): string {
  if (spec.parentId === undefined) return spec.containerId;
  return sharesGroup(spec) ? spec.parentId : `${spec.parentId}/mesos/${spec.containerId}`;
}

const sharesGroup = (spec: Pick<ContainerSpec, 'parentId' | 'isSharingCgroup'>): boolean =>
  spec.parentId !== undefined && spec.isSharingCgroup !== false;

function withLimitation(exit: ContainerExit, cgroups: Cgroups, group: string): ContainerExit {
  const limitation =
    exit.kind === 'exited' && exit.status === 0
      ? undefined
      : cgroups.limitationOf(group, exit.kind === 'signaled' && exit.signal === 'SIGKILL');
  return limitation === undefined ? exit : { ...exit, limitation };
}

/** `RLMT_NOFILE` → `prlimit --nofile=SOFT:HARD` (util-linux), before the command. */
function rlimits(info: RLimitInfo | undefined): string[] {
  return (info?.rlimits ?? []).map(({ type = 'UNKNOWN', soft, hard }) => {
    const name = type.replace('RLMT_', '').toLowerCase();
    const text = (value: number | undefined): string => (value === undefined ? 'unlimited' : String(value));
    return `prlimit --pid $$ --${name}=${text(soft)}:${text(hard)}`;
  });
}
