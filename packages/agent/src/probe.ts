/** What this machine has to give when `--resources` does not say (mesos.md §7.2). */
import { mkdirSync, statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { parseAttributes, parseResources, type Resource } from '@pronoia/mesos';
import { errors } from './errors.ts';

const GIB_IN_MB = 1024;

export interface Machine {
  readonly cores: number;
  readonly memoryMb: number;
  readonly diskMb: number;
}

export function probeMachine(workDir: string): Machine {
  mkdirSync(workDir, { recursive: true });
  const disk = statfsSync(workDir);
  return {
    cores: availableParallelism(),
    memoryMb: Math.floor(totalmem() / 2 ** 20),
    diskMb: Math.floor((disk.blocks * disk.bsize) / 2 ** 20),
  };
}

/** The text's resources; each of cpus, mem, disk and ports that it does not name is probed. */
export function agentResources(text: string | undefined, defaultRole: string, machine: Machine): Resource[] {
  let given: Resource[];
  try {
    given = text === undefined ? [] : parseResources(text, defaultRole);
  } catch (error) {
    throw errors.fail('bad_resources', { text: text ?? '', reason: (error as Error).message }, error);
  }
  const missing = (
    [
      ['cpus', machine.cores],
      ['mem', machine.memoryMb >= 2 * GIB_IN_MB ? machine.memoryMb - GIB_IN_MB : Math.floor(machine.memoryMb / 2)],
      ['disk', machine.diskMb >= 10 * GIB_IN_MB ? machine.diskMb - 5 * GIB_IN_MB : Math.floor(machine.diskMb / 2)],
      ['ports', '[31000-32000]'],
    ] as const
  ).filter(([name]) => !given.some((resource) => resource.name === name));
  return [...given, ...parseResources(missing.map(([name, value]) => `${name}:${value}`).join(';'), defaultRole)];
}

export function agentAttributes(text: string | undefined): ReturnType<typeof parseAttributes> {
  return text === undefined ? [] : parseAttributes(text);
}
