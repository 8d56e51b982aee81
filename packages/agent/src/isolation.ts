/** `--isolation`: which of the original's isolators this agent has, and what it does for each (mesos.md §9.9). */
import { CodedError, type Logger } from '@pronoia/server';
import { Cgroups, type Controller, probeCgroups } from './cgroups.ts';

export interface IsolationFlags {
  readonly isolation: string;
  readonly cgroups_hierarchy: string;
  readonly cgroups_root: string;
  readonly cgroups_enable_cfs: boolean;
  readonly cgroups_limit_swap: boolean;
}

/** Nothing to be done for them: /proc tells, rlimits are set for whoever asks, and volumes are links. */
const POSIX: readonly string[] = [
  'process',
  'posix',
  'posix/cpu',
  'posix/mem',
  'posix/rlimits',
  'filesystem/posix',
  'filesystem/linux',
  'volume/sandbox_path',
  'volume/host_path',
  'environment_secret',
  'docker/runtime',
  'namespaces/pid',
];

const CONTROLLERS: Readonly<Record<string, readonly Controller[]>> = {
  cgroups: ['cpu', 'cpuacct', 'memory'],
  'cgroups/cpu': ['cpu', 'cpuacct'],
  'cgroups/mem': ['memory'],
  'cgroups/pids': ['pids'],
  'cgroups/all': ['cpu', 'cpuacct', 'memory', 'pids'],
};

/** Undefined: no limits. Throws when the flag asks for what is unknown or what this machine has not. */
export function isolate(flags: IsolationFlags, log: Logger): Cgroups | undefined {
  const controllers = new Set<Controller>();
  for (const name of flags.isolation.split(',').map((part) => part.trim())) {
    if (name === '' || POSIX.includes(name)) continue;
    const asked = CONTROLLERS[name];
    if (asked === undefined) {
      const known = [...POSIX, ...Object.keys(CONTROLLERS)].join(', ');
      throw new CodedError('bad_flag', 400, `--isolation: the isolator ${name} is not here; there are ${known}`);
    }
    for (const controller of asked) controllers.add(controller);
  }
  if (controllers.size === 0) return undefined;
  const found = probeCgroups(flags.cgroups_hierarchy, controllers);
  if (found === undefined || found.missing.length > 0) {
    const missing = (found?.missing ?? [...controllers]).join(', ');
    throw new CodedError(
      'bad_flag',
      400,
      `--isolation=${flags.isolation}: no control groups for ${missing} under ${flags.cgroups_hierarchy}; mount them, or use posix/cpu,posix/mem`,
    );
  }
  try {
    const cgroups = new Cgroups(
      {
        hierarchy: flags.cgroups_hierarchy,
        root: flags.cgroups_root,
        controllers,
        isEnforcingCpus: flags.cgroups_enable_cfs,
        limitSwap: flags.cgroups_limit_swap,
      },
      found.version,
    );
    log.info({ version: found.version, controllers: [...controllers].join(',') }, 'Containers are bounded by control groups');
    return cgroups;
  } catch (error) {
    const reason = (error as Error).message;
    throw new CodedError('bad_flag', 400, `--isolation=${flags.isolation}: ${reason}; run as root, or use posix/cpu,posix/mem`, {}, error);
  }
}
