/**
 * What a container uses, from `/proc` or from its control group where it has one: one pass over the process table serves all containers
 * and is kept for a moment, so that ten readers cost one. CPU time counts children that were waited for and never goes backwards: time
 * of a process that was not waited for by its parent (a double fork) is lost to `/proc` when it ends, so the highest figure seen is kept.
 */
import type { ResourceStatistics } from '@pronoia/mesos';
import type { Clock } from '@pronoia/server';
import type { Quantities } from './containerizer.ts';
import { type ProcessEntry, pageSizeBytes, processTrees, readProcesses, TICKS_PER_SECOND } from './processes.ts';

const KEEP_MS = 500;

export interface MeasuredContainer {
  readonly containerId: string;
  /** First processes of its trees: its own, and those of the containers nested in it. */
  readonly pids: readonly number[];
  readonly quantities: Quantities;
  /** What its control group says; it goes before /proc. */
  readonly measured: () => Partial<ResourceStatistics>;
}

interface Highest {
  userTicks: number;
  systemTicks: number;
}

export class ContainerStatistics {
  readonly #clock: Clock;
  readonly #containers: () => Iterable<MeasuredContainer>;
  readonly #highest = new Map<string, Highest>();
  #sampledAtMs = Number.NEGATIVE_INFINITY;
  #statisticsById = new Map<string, ResourceStatistics>();

  constructor(clock: Clock, containers: () => Iterable<MeasuredContainer>) {
    this.#clock = clock;
    this.#containers = containers;
  }

  /** Statistics by container id; at most half a second old. */
  sample(): ReadonlyMap<string, ResourceStatistics> {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#sampledAtMs < KEEP_MS) return this.#statisticsById;
    const containers = [...this.#containers()];
    const pids = new Set(containers.flatMap((container) => container.pids));
    const trees = pids.size === 0 ? new Map<number, ProcessEntry[]>() : processTrees(readProcesses(), pids);
    const statistics = new Map<string, ResourceStatistics>();
    for (const container of containers) {
      const tree = container.pids.flatMap((pid) => trees.get(pid) ?? []);
      statistics.set(container.containerId, this.#statisticsOf(container, tree));
    }
    for (const id of this.#highest.keys()) if (!statistics.has(id)) this.#highest.delete(id);
    this.#sampledAtMs = nowMs;
    this.#statisticsById = statistics;
    return statistics;
  }

  #statisticsOf(container: MeasuredContainer, tree: readonly ProcessEntry[]): ResourceStatistics {
    let userTicks = 0;
    let systemTicks = 0;
    let pages = 0;
    let threads = 0;
    for (const entry of tree) {
      userTicks += entry.cpuUserTicks;
      systemTicks += entry.cpuSystemTicks;
      pages += entry.rssPages;
      threads += entry.threads;
    }
    const before = this.#highest.get(container.containerId);
    const highest = {
      userTicks: Math.max(userTicks, before?.userTicks ?? 0),
      systemTicks: Math.max(systemTicks, before?.systemTicks ?? 0),
    };
    this.#highest.set(container.containerId, highest);
    const { cpus, cpusLimit, memMb, memLimitMb } = container.quantities;
    return {
      timestamp: this.#clock.now() / 1_000,
      processes: tree.length,
      threads,
      cpus_user_time_secs: highest.userTicks / TICKS_PER_SECOND,
      cpus_system_time_secs: highest.systemTicks / TICKS_PER_SECOND,
      cpus_limit: round(cpusLimit ?? cpus),
      ...(cpusLimit === undefined ? {} : { cpus_soft_limit: round(cpus) }),
      mem_limit_bytes: Math.round((memLimitMb ?? memMb) * 2 ** 20),
      mem_rss_bytes: pages * pageSizeBytes(),
      ...container.measured(),
    };
  }
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000;
