/**
 * Limits and accounting by control groups, version 1 or 2, whichever is mounted and writable (mesos.md §9.9). Each container has a group
 * `mesos/<ContainerID>` under each controller; its supervisor enters them before it starts the command, so nothing escapes the count.
 * Bytes and texts of the kernel's files in, numbers out (kernel docs: admin-guide/cgroup-v1, admin-guide/cgroup-v2).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResourceStatistics } from '@pronoia/mesos';
import type { Limitation, Quantities } from './containerizer.ts';

export type Controller = 'cpu' | 'memory' | 'pids' | 'cpuacct';

export interface CgroupOptions {
  /** `/sys/fs/cgroup`. */
  readonly hierarchy: string;
  /** `mesos`. */
  readonly root: string;
  readonly controllers: ReadonlySet<Controller>;
  /** Requests of CPU are also bounds. */
  readonly isEnforcingCpus: boolean;
  readonly limitSwap: boolean;
}

/** 100 ms: the period that quotas are given for. */
const CFS_PERIOD_US = 100_000;
const SHARES_PER_CPU = 1024;
const REVOCABLE_SHARES_PER_CPU = 10;
const LEAST_SHARES = 2;
const LEAST_MEMORY_MB = 32;

/** What this machine's control groups can do for us; undefined: nothing. */
export function probeCgroups(hierarchy: string, wanted: ReadonlySet<Controller>): { version: 1 | 2; missing: Controller[] } | undefined {
  if (wanted.size === 0) return undefined;
  if (existsSync(join(hierarchy, 'cgroup.controllers'))) {
    const there = read(join(hierarchy, 'cgroup.controllers')).trim().split(/\s+/);
    return { version: 2, missing: [...wanted].filter((name) => name !== 'cpuacct' && !there.includes(name)) };
  }
  const missing = [...wanted].filter((name) => !existsSync(join(hierarchy, name, 'cgroup.procs')));
  return missing.length === wanted.size ? undefined : { version: 1, missing };
}

export class Cgroups {
  readonly #options: CgroupOptions;
  readonly #version: 1 | 2;

  /** Throws when the groups cannot be made. */
  constructor(options: CgroupOptions, version: 1 | 2) {
    this.#options = options;
    this.#version = version;
    for (const folder of this.#folders('')) mkdirSync(folder, { recursive: true });
    if (version === 2) {
      const controllers = [...options.controllers].filter((name) => name !== 'cpuacct').map((name) => `+${name}`);
      for (const folder of [options.hierarchy, join(options.hierarchy, options.root)])
        writeFileSync(join(folder, 'cgroup.subtree_control'), controllers.join(' '));
    }
  }

  get version(): 1 | 2 {
    return this.#version;
  }

  /** Makes the group. Returns the files that a process writes its pid to, to enter it. */
  create(name: string, quantities: Quantities): string[] {
    const folders = this.#folders(name);
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    this.limit(name, quantities, true);
    return this.entrances(name);
  }

  entrances(name: string): string[] {
    return this.#folders(name).map((folder) => join(folder, 'cgroup.procs'));
  }

  /** For a runtime that makes a group of its own: inside of ours, so that our limits hold for it. */
  innerPath(name: string, containerId: string): string {
    return `/${this.#options.root}/${name}/oci-${containerId}`;
  }

  exists(name: string): boolean {
    return this.#folders(name).some((folder) => existsSync(folder));
  }

  /** A memory limit is never lowered while the container runs (mesos.md §9.9). */
  limit(name: string, quantities: Quantities, isFirst = false): void {
    const { controllers, isEnforcingCpus, limitSwap } = this.#options;
    if (controllers.has('cpu')) {
      const bound = quantities.cpusLimit ?? (isEnforcingCpus ? quantities.cpus : undefined);
      const quotaUs = bound === undefined || !Number.isFinite(bound) ? -1 : Math.max(1_000, Math.round(bound * CFS_PERIOD_US));
      const shares = Math.max(
        LEAST_SHARES,
        Math.round(quantities.cpus * (quantities.isRevocable === true ? REVOCABLE_SHARES_PER_CPU : SHARES_PER_CPU)),
      );
      const folder = this.#folder('cpu', name);
      if (this.#version === 1) {
        write(join(folder, 'cpu.shares'), String(shares));
        if (bound !== undefined || !isFirst) {
          write(join(folder, 'cpu.cfs_period_us'), String(CFS_PERIOD_US));
          write(join(folder, 'cpu.cfs_quota_us'), String(quotaUs));
        }
      } else {
        // The kernel's own mapping of shares [2, 262144] to weights [1, 10000].
        write(join(folder, 'cpu.weight'), String(1 + Math.floor(((Math.min(262_144, shares) - 2) * 9_999) / 262_142)));
        write(join(folder, 'cpu.max'), `${quotaUs < 0 ? 'max' : quotaUs} ${CFS_PERIOD_US}`);
      }
    }
    if (controllers.has('memory')) {
      const folder = this.#folder('memory', name);
      const soft = bytes(Math.max(LEAST_MEMORY_MB, quantities.memMb));
      const hardMb = quantities.memLimitMb ?? quantities.memMb;
      const hard = Number.isFinite(hardMb) ? bytes(Math.max(LEAST_MEMORY_MB, hardMb)) : undefined;
      const isV1 = this.#version === 1;
      write(join(folder, isV1 ? 'memory.soft_limit_in_bytes' : 'memory.low'), String(soft));
      const file = join(folder, isV1 ? 'memory.limit_in_bytes' : 'memory.max');
      const current = isFirst ? 0 : number(read(file));
      if (hard === undefined) write(file, isV1 ? '-1' : 'max');
      else if (hard >= current) write(file, String(hard));
      if (limitSwap && hard !== undefined)
        write(join(folder, isV1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max'), isV1 ? String(hard) : '0');
    }
  }

  /** Pids of everything inside, nested groups included. */
  processes(name: string): number[] {
    const pids = new Set<number>();
    const walk = (folder: string): void => {
      for (const line of read(join(folder, 'cgroup.procs')).split('\n')) if (line !== '') pids.add(Number(line));
      for (const entry of list(folder)) walk(join(folder, entry));
    };
    const [folder] = this.#folders(name);
    if (folder !== undefined) walk(folder);
    return [...pids];
  }

  /** True when the kernel killed something inside for want of memory. `isDeep`: or in a group inside of it. */
  hasRunOutOfMemory(name: string, isDeep = false): boolean {
    if (!this.#options.controllers.has('memory')) return false;
    const text = read(join(this.#folder('memory', name), this.#version === 1 ? 'memory.oom_control' : 'memory.events'));
    if (Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0) return true;
    // Version 1 counts where the victim was, which may have been a group inside.
    return (
      isDeep && this.#version === 1 && list(this.#folder('memory', name)).some((inner) => this.hasRunOutOfMemory(`${name}/${inner}`, true))
    );
  }

  /** `isKilled`: by a signal that nobody else sent. A runtime's group is gone with its counter then, but ours has met its bound. */
  limitationOf(name: string, isKilled: boolean): Limitation | undefined {
    if (!this.hasRunOutOfMemory(name, true) && !(isKilled && this.#hasMetItsBound(name))) return undefined;
    const folder = this.#folder('memory', name);
    const isV1 = this.#version === 1;
    const limitMb = Math.round(number(read(join(folder, isV1 ? 'memory.limit_in_bytes' : 'memory.max'))) / 2 ** 20);
    const usedMb = Math.round(number(read(join(folder, isV1 ? 'memory.max_usage_in_bytes' : 'memory.peak'))) / 2 ** 20);
    return {
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: `Memory limit exceeded: Requested: ${limitMb}MB Maximum Used: ${usedMb === 0 ? limitMb : usedMb}MB`,
      resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: limitMb } }],
    };
  }

  #hasMetItsBound(name: string): boolean {
    if (this.#version !== 1 || !this.#options.controllers.has('memory')) return false;
    return number(read(join(this.#folder('memory', name), 'memory.failcnt'))) > 0;
  }

  statistics(name: string): Partial<ResourceStatistics> {
    const { controllers } = this.#options;
    const statistics: Record<string, number> = {};
    const set = (key: keyof ResourceStatistics, value: number | undefined): void => {
      if (value !== undefined && Number.isFinite(value)) statistics[key] = value;
    };
    if (this.#version === 2) {
      const folder = this.#folder('cpu', name);
      const cpu = fields(read(join(folder, 'cpu.stat')));
      set('cpus_user_time_secs', scaled(cpu.get('user_usec'), 1e-6));
      set('cpus_system_time_secs', scaled(cpu.get('system_usec'), 1e-6));
      set('cpus_nr_periods', cpu.get('nr_periods'));
      set('cpus_nr_throttled', cpu.get('nr_throttled'));
      set('cpus_throttled_time_secs', scaled(cpu.get('throttled_usec'), 1e-6));
      if (controllers.has('memory')) {
        const memory = fields(read(join(folder, 'memory.stat')));
        set('mem_total_bytes', number(read(join(folder, 'memory.current'))));
        set('mem_rss_bytes', memory.get('anon'));
        set('mem_anon_bytes', memory.get('anon'));
        set('mem_cache_bytes', memory.get('file'));
        set('mem_file_bytes', memory.get('file'));
        set('mem_mapped_file_bytes', memory.get('file_mapped'));
        set('mem_unevictable_bytes', memory.get('unevictable'));
        set('mem_swap_bytes', number(read(join(folder, 'memory.swap.current'))));
      }
      return statistics;
    }
    if (controllers.has('cpuacct')) {
      const cpu = fields(read(join(this.#folder('cpuacct', name), 'cpuacct.stat')));
      set('cpus_user_time_secs', scaled(cpu.get('user'), 0.01));
      set('cpus_system_time_secs', scaled(cpu.get('system'), 0.01));
    }
    if (controllers.has('cpu')) {
      const cpu = fields(read(join(this.#folder('cpu', name), 'cpu.stat')));
      set('cpus_nr_periods', cpu.get('nr_periods'));
      set('cpus_nr_throttled', cpu.get('nr_throttled'));
      set('cpus_throttled_time_secs', scaled(cpu.get('throttled_time'), 1e-9));
    }
    if (controllers.has('memory')) {
      const folder = this.#folder('memory', name);
      const memory = fields(read(join(folder, 'memory.stat')));
      set('mem_total_bytes', number(read(join(folder, 'memory.usage_in_bytes'))));
      set('mem_rss_bytes', memory.get('total_rss'));
      set('mem_anon_bytes', memory.get('total_rss'));
      set('mem_cache_bytes', memory.get('total_cache'));
      set('mem_file_bytes', memory.get('total_cache'));
      set('mem_mapped_file_bytes', memory.get('total_mapped_file'));
      set('mem_swap_bytes', memory.get('total_swap'));
      set('mem_unevictable_bytes', memory.get('total_unevictable'));
      set('mem_soft_limit_bytes', number(read(join(folder, 'memory.soft_limit_in_bytes'))));
    }
    return statistics;
  }

  /** True when the group is gone; false while something in it is still dying. */
  remove(name: string): boolean {
    let isGone = true;
    const removeFolder = (folder: string): void => {
      for (const entry of list(folder)) removeFolder(join(folder, entry));
      try {
        rmdirSync(folder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') isGone = false;
      }
    };
    for (const folder of this.#folders(name)) removeFolder(folder);
    // A runtime inside makes groups under controllers that are none of ours.
    if (this.#version === 1 && name !== '')
      for (const other of list(this.#options.hierarchy)) removeFolder(join(this.#options.hierarchy, other, this.#options.root, name));
    return isGone;
  }

  /** Names of the groups that are there, whoever made them. */
  names(): string[] {
    const [folder] = this.#folders('');
    return folder === undefined ? [] : list(folder);
  }

  #folder(controller: Controller, name: string): string {
    const { hierarchy, root } = this.#options;
    return this.#version === 2 ? join(hierarchy, root, name) : join(hierarchy, controller, root, name);
  }

  /** One of each controller, without repeats: controllers may be mounted together (`cpu,cpuacct`). */
  #folders(name: string): string[] {
    if (this.#version === 2) return [this.#folder('cpu', name)];
    return [...this.#options.controllers].map((controller) => this.#folder(controller, name));
  }
}

const bytes = (megabytes: number): number => Math.round(megabytes * 2 ** 20);
const scaled = (value: number | undefined, factor: number): number | undefined => (value === undefined ? undefined : value * factor);
const number = (text: string): number =>
  text.trim() === 'max' ? Number.POSITIVE_INFINITY : Number(text.trim() === '' ? Number.NaN : text);

function fields(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return values;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new Error(`${file}: ${text} was not accepted: ${(error as Error).message}`, { cause: error });
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
