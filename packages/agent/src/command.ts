/**
 * From a TaskInfo to something the process containerizer can start. What a task asks for and we cannot give is refused with a
 * reason, never left out (mesos.md §9.9, last line): a task that needs a mount or a limit must not run without it.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { CommandInfo, FrameworkInfo, TaskInfo } from '@pronoia/mesos';

export interface CommandContext {
  readonly agentId: string;
  /** `ip:port` of the agent. */
  readonly endpoint: string;
  readonly sandbox: string;
  readonly executorId: string;
  readonly switchUser: boolean;
  /** `--executor_environment_variables`. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
}

export interface TaskCommand {
  readonly argv: readonly string[];
  readonly environment: Record<string, string>;
  readonly user?: { readonly uid: number; readonly gid: number };
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Why this task cannot be run here, or undefined. */
export function refusal(task: TaskInfo): string | undefined {
  if (task.executor !== undefined) return 'custom executors are not supported yet; give the task a command';
  if (task.command === undefined) return 'the task has no command';
  const container = task.container;
  if (container !== undefined) {
    if (container.type === 'DOCKER') return 'Docker containers are not supported by this agent';
    if (container.mesos?.image !== undefined) return 'container images are not supported by this agent';
    const asked = (['volumes', 'hostname', 'network_infos', 'linux_info', 'rlimit_info', 'tty_info'] as const).filter((field) => {
      const value = container[field];
      return Array.isArray(value) ? value.length > 0 : value !== undefined;
    });
    if (asked.length > 0) return `container.${asked.join(', container.')}: not supported by this agent's process containerizer`;
  }
  if (task.health_check !== undefined) return 'health checks are not supported by this agent yet';
  if (task.check !== undefined) return 'checks are not supported by this agent yet';
  if (task.limits !== undefined && Object.keys(task.limits).length > 0)
    return 'resource limits are not supported by the process containerizer';
  for (const resource of task.resources ?? []) {
    if (resource.disk?.persistence !== undefined || resource.disk?.volume !== undefined)
      return 'persistent volumes are not supported by this agent yet';
    if (resource.name === 'gpus' && (resource.scalar?.value ?? 0) > 0) return 'GPUs are not supported by this agent';
  }
  for (const variable of task.command.environment?.variables ?? []) {
    if (variable.type === 'SECRET' || variable.secret !== undefined)
      return `environment variable ${variable.name}: secrets are not supported by this agent yet`;
  }
  return undefined;
}

/** Throws with a sentence for the user when the command cannot be run. */
export function taskCommand(framework: FrameworkInfo, task: TaskInfo, context: CommandContext): TaskCommand {
  const command = task.command as CommandInfo;
  const environment = taskEnvironment(framework, task, context);
  const user = taskUser(framework, command, context.switchUser);
  return {
    argv: argvOf(command, environment['PATH'] ?? DEFAULT_PATH, context.sandbox),
    environment,
    ...(user === undefined ? {} : { user }),
  };
}

function argvOf(command: CommandInfo, path: string, sandbox: string): string[] {
  const value = command.value ?? '';
  if (command.shell !== false) {
    if (value === '') throw new Error('the command has no value');
    return ['/bin/sh', '-c', value];
  }
  if (value === '') throw new Error('a command with shell=false needs the program as its value');
  // The supervisor is a shell: an absolute path keeps it from taking `exit` or `kill` for its own built-in commands.
  // arguments[0] is the program's own name, which a POSIX shell cannot set; the program sees its path there.
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

function taskEnvironment(framework: FrameworkInfo, task: TaskInfo, context: CommandContext): Record<string, string> {
  const role = task.resources?.find((resource) => resource.allocation_info?.role !== undefined)?.allocation_info?.role;
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
    MESOS_SANDBOX: context.sandbox,
    MESOS_CHECKPOINT: framework.checkpoint === true ? '1' : '0',
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '5secs',
  };
  if (framework.checkpoint === true) {
    environment['MESOS_RECOVERY_TIMEOUT'] = '15mins';
    environment['MESOS_SUBSCRIPTION_BACKOFF_MAX'] = '2secs';
  }
  if (role !== undefined) environment['MESOS_ALLOCATION_ROLE'] = role;
  for (const { name, value } of task.command?.environment?.variables ?? []) environment[name] = value ?? '';
  return environment;
}

function taskUser(framework: FrameworkInfo, command: CommandInfo, switchUser: boolean): { uid: number; gid: number } | undefined {
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
