/**
 * From a TaskInfo to something the process containerizer can start. What a task asks for and we cannot give is refused with a
 * reason, never left out (mesos.md §9.9, last line): a task that needs a mount or a limit must not run without it.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { CommandInfo, FrameworkInfo, Resource, TaskInfo } from '@pronoia/mesos';
import { checkFault } from './checks.ts';
import { formatDuration } from './duration-text.ts';

export interface CommandContext {
  readonly agentId: string;
  /** `ip:port` of the agent. */
  readonly endpoint: string;
  readonly sandbox: string;
  /** As the command sees it, when that is another path than the host's. */
  readonly innerSandbox?: string;
  readonly executorId: string;
  readonly switchUser: boolean;
  readonly shutdownGraceMs: number;
  readonly recoveryTimeoutMs: number;
  /** `--executor_environment_variables`. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly extraEnvironment?: Readonly<Record<string, string>>;
}

export interface PreparedCommand {
  readonly argv: readonly string[];
  readonly environment: Record<string, string>;
  readonly user?: { readonly uid: number; readonly gid: number };
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Why this agent cannot run the task, whatever its container; undefined when it can. */
export function refusal(task: TaskInfo): string | undefined {
  const fault = checkFault(task.check, task.health_check);
  if (fault !== undefined) return fault;
  for (const resource of task.resources ?? []) {
    if (resource.disk?.volume?.mode === 'RO') return `the persistent volume ${resource.disk.persistence?.id}: read-only is not supported`;
    if (resource.disk?.volume?.container_path.startsWith('/') === true && task.container?.mesos?.image === undefined)
      return `the persistent volume ${resource.disk.persistence?.id}: an absolute path needs a container image`;
    if (resource.name === 'gpus' && (resource.scalar?.value ?? 0) > 0) return 'GPUs are not supported by this agent';
  }
  return environmentRefusal(task.command) ?? environmentRefusal(task.executor?.command);
}

/** A secret by value is a value; by reference it needs a resolver, which we have not. */
function environmentRefusal(command: CommandInfo | undefined): string | undefined {
  for (const variable of command?.environment?.variables ?? []) {
    if (variable.type === 'SECRET' && variable.secret?.value === undefined)
      return `environment variable ${variable.name}: secrets by reference need a resolver, which this agent has not`;
  }
  return undefined;
}

/** Where a command runs: what is its path there, and what are its arguments. */
export type Place = 'host' | 'image' | 'docker';

/** Throws with a sentence for the user when the command cannot be run. */
export function prepareCommand(
  framework: FrameworkInfo,
  command: CommandInfo,
  resources: readonly Resource[] | undefined,
  context: CommandContext,
  place: Place = 'host',
): PreparedCommand {
  const environment = environmentOf(framework, command, resources, context);
  const user = userOf(framework, command, context.switchUser);
  return {
    argv: argvOf(command, environment['PATH'] ?? DEFAULT_PATH, context.sandbox, place),
    environment,
    ...(user === undefined ? {} : { user }),
  };
}

function argvOf(command: CommandInfo, path: string, sandbox: string, place: Place): string[] {
  const value = command.value ?? '';
  // The image says what its program is.
  if (value === '' && place !== 'host') return [...(command.arguments ?? [])];
  if (command.shell !== false) {
    if (value === '') throw new Error('the command has no value');
    return ['/bin/sh', '-c', value];
  }
  if (value === '') throw new Error('a command with shell=false needs the program as its value');
  // The supervisor is a shell: an absolute path keeps it from taking `exit` or `kill` for its own built-in commands.
  // arguments[0] is the program's own name, which a POSIX shell cannot set; the program sees its path there.
  // Of a Docker container all arguments are the program's (mesos src/docker/docker.cpp, RunOptions::create).
  if (place === 'docker') return [value, ...(command.arguments ?? [])];
  if (place === 'image') return [value, ...(command.arguments ?? []).slice(1)];
  return [findProgram(value, path, sandbox), ...(command.arguments ?? []).slice(1)];
}

function findProgram(value: string, path: string, sandbox: string): string {
  if (value.startsWith('/')) return value;
  const candidates = value.includes('/')
    ? [join(sandbox, value)]
    : path.split(':').map((folder) => join(folder === '' ? sandbox : folder, value));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate.startsWith('/') ? candidate : join(sandbox, candidate);
    } catch {
      // Look further.
    }
  }
  throw new Error(`the program ${value} was not found in ${value.includes('/') ? 'the sandbox' : `PATH ${path}`}`);
}

function environmentOf(
  framework: FrameworkInfo,
  command: CommandInfo,
  resources: readonly Resource[] | undefined,
  context: CommandContext,
): Record<string, string> {
  const role = resources?.find((resource) => resource.allocation_info?.role !== undefined)?.allocation_info?.role;
  const environment: Record<string, string> = {
    PATH: DEFAULT_PATH,
    ...context.baseEnvironment,
    LIBPROCESS_PORT: '0',
    MESOS_FRAMEWORK_ID: framework.id?.value ?? '',
    MESOS_EXECUTOR_ID: context.executorId,
    MESOS_SLAVE_ID: context.agentId,
    MESOS_SLAVE_PID: `slave(1)@${context.endpoint}`,
    MESOS_AGENT_ENDPOINT: context.endpoint,
    MESOS_DIRECTORY: context.sandbox,
    MESOS_SANDBOX: context.innerSandbox ?? context.sandbox,
    MESOS_CHECKPOINT: framework.checkpoint === true ? '1' : '0',
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: formatDuration(context.shutdownGraceMs),
  };
  if (framework.checkpoint === true) {
    environment['MESOS_RECOVERY_TIMEOUT'] = formatDuration(context.recoveryTimeoutMs);
    environment['MESOS_SUBSCRIPTION_BACKOFF_MAX'] = '2secs';
  }
  if (role !== undefined) environment['MESOS_ALLOCATION_ROLE'] = role;
  Object.assign(environment, context.extraEnvironment);
  for (const { name, value, secret } of command.environment?.variables ?? [])
    environment[name] = value ?? (secret?.value === undefined ? '' : Buffer.from(secret.value.data, 'base64').toString('utf8'));
  return environment;
}

/** Whom a command runs as; undefined: as the agent. Throws when that cannot be. */
export function userOf(framework: FrameworkInfo, command: CommandInfo, switchUser: boolean): { uid: number; gid: number } | undefined {
  const wanted = command.user ?? (framework.user === '' ? undefined : framework.user);
  if (!switchUser || wanted === undefined) return undefined;
  const self = currentUser();
  if (wanted === self.name || wanted === String(self.uid)) return undefined;
  if (self.uid !== 0) {
    throw new Error(`the task is to run as user ${wanted}, but the agent runs as ${self.name}: run it as root, or with --no-switch_user`);
  }
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${wanted}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`the user ${wanted} does not exist on this agent`);
  return { uid: Number(uid), gid: Number(gid) };
}

/** In a container a user may have a number and no name. */
function currentUser(): { readonly name: string; readonly uid: number } {
  const uid = process.getuid?.() ?? 0;
  try {
    return { name: userInfo().username, uid };
  } catch {
    return { name: String(uid), uid };
  }
}

/** `Command Executor (Task: ID) (Command: sh -c '…')`: commands longer than 15 characters are cut to 12 (mesos.md §9.5). */
export function executorName(task: TaskInfo): string {
  const command = task.command;
  const text =
    command?.shell === false
      ? [command.value, ...(command.arguments ?? []).slice(1)].join(' ')
      : `sh -c '${shorten(command?.value ?? '')}'`;
  return `Command Executor (Task: ${task.task_id.value}) (Command: ${command?.shell === false ? shorten(text) : text})`;
}

function shorten(text: string): string {
  return text.length > 15 ? `${text.slice(0, 12)}...` : text;
}
