/**
 * Containers that the operator API launches (mesos.md §5): nested in an executor's or a task's container, standalone, or for a debug
 * session beside a task. They are kept over a restart, but for sessions; those in an executor end with it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CommandInfo,
  type ContainerID,
  type ContainerInfo,
  containerIdFault,
  type FrameworkInfo,
  parseJson,
  type Resource,
  type TaskStatusReason,
} from '@pronoia/mesos';
import type { Logger } from '@pronoia/server';
import { stringify, writeFileAtomically } from './checkpoint.ts';
import { type Container, type ContainerExit, quantitiesOf } from './containerizer.ts';
import type { Containers } from './containers.ts';
import { waitStatus } from './custom-executor.ts';
import { errors } from './errors.ts';
import type { Executor } from './executor.ts';
import type { Layout } from './layout.ts';
import { readEnvironment } from './processes.ts';
import type { Sandboxes } from './sandbox.ts';
import { shellQuoted } from './supervisor.ts';

export interface LaunchRequest {
  readonly container_id: ContainerID;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
  readonly resources?: readonly Resource[];
  readonly limits?: Readonly<Record<string, { readonly value: number }>>;
}

export interface OperatorContainer {
  readonly id: ContainerID;
  /** Undefined: standalone. */
  readonly executor: Executor | undefined;
  readonly sandbox: string;
  readonly isSession: boolean;
  readonly container: Container;
  readonly exited: Promise<ContainerExit>;
}

export interface FoundContainer {
  readonly executor: Executor | undefined;
  readonly sandbox: string;
  readonly container: Container | undefined;
}

/** As WAIT_CONTAINER tells it. */
export interface ContainerEnd {
  readonly exit_status?: number;
  readonly reason?: TaskStatusReason;
  readonly message?: string;
}

interface ContainerRecord {
  readonly id: ContainerID;
  readonly isSession: boolean;
  readonly container?: ContainerInfo;
}

export interface OperatorContainersOptions {
  readonly layout: Layout;
  readonly log: Logger;
  readonly containers: Containers;
  readonly sandboxes: Sandboxes;
  readonly executors: () => Iterable<Executor>;
}

export class OperatorContainers {
  readonly #options: OperatorContainersOptions;
  /** By the last part of the id, which is unique. */
  readonly #launched = new Map<string, OperatorContainer>();
  /** Being launched. */
  readonly #coming = new Set<string>();

  constructor(options: OperatorContainersOptions) {
    this.#options = options;
  }

  list(): Iterable<OperatorContainer> {
    return this.#launched.values();
  }

  /** Whatever has this id, whoever launched it. */
  find(id: ContainerID): FoundContainer | undefined {
    const own = this.#launched.get(id.value);
    if (own !== undefined) return own;
    for (const executor of this.#options.executors()) {
      if (executor.path.containerId === id.value && executor.state !== 'TERMINATED') {
        // Of the default executor there is no process of its own.
        const container = executor.kind === 'default' ? undefined : executor.driver.containers()[0]?.container;
        return { executor, sandbox: executor.sandbox, container };
      }
      for (const { containerId, container } of executor.driver.containers()) {
        if (containerId === id.value)
          return { executor, sandbox: this.#options.layout.nestedSandbox(executor.sandbox, containerId), container };
      }
    }
    return undefined;
  }

  /** False: it was launched before. Throws what the caller answers. */
  async launch(request: LaunchRequest, isSession = false): Promise<boolean> {
    const { container_id: id } = request;
    const fault = containerIdFault(id.value);
    if (fault !== undefined) throw errors.fail('bad_call', { reason: fault });
    if (this.#launched.has(id.value) || this.#coming.has(id.value)) return false;
    const parent = id.parent === undefined ? undefined : this.find(id.parent);
    if (id.parent !== undefined && parent === undefined) throw errors.fail('unknown_container', { id: id.parent.value });
    const command = request.command ?? parent?.executor?.info.command;
    if (command === undefined) throw errors.fail('bad_call', { reason: "Expecting 'command' to be present" });
    const refused = this.#options.containers.refusal(request.container, request.limits);
    if (refused !== undefined) throw errors.fail('bad_call', { reason: refused });
    this.#coming.add(id.value);
    try {
      await this.#start(request, command, parent, isSession);
    } finally {
      this.#coming.delete(id.value);
    }
    return true;
  }

  /** Resolves when it has ended. Throws when it is not known. */
  async wait(id: ContainerID): Promise<ContainerEnd> {
    const exited = this.#launched.get(id.value)?.exited ?? this.find(id)?.container?.exited;
    if (exited === undefined) throw errors.fail('unknown_container', { id: id.value });
    const exit = await exited;
    const status = waitStatus(exit);
    const { limitation } = exit;
    return {
      ...(status < 0 ? {} : { exit_status: status }),
      ...(limitation === undefined ? {} : { reason: limitation.reason, message: limitation.message }),
    };
  }

  kill(id: ContainerID, signal: NodeJS.Signals): void {
    const container = this.find(id)?.container;
    if (container === undefined) throw errors.fail('unknown_container', { id: id.value });
    container.signal(signal);
  }

  /** Of a container that has ended; one that is not known is removed already. */
  remove(id: ContainerID): void {
    const own = this.#launched.get(id.value);
    if (own === undefined) {
      if (this.find(id) !== undefined) throw errors.fail('container_running', { id: id.value });
      return;
    }
    if (!own.container.hasExited) throw errors.fail('container_running', { id: id.value });
    this.#launched.delete(id.value);
    rmSync(own.sandbox, { recursive: true, force: true });
    rmSync(this.#recordFile(id), { force: true });
  }

  /** Those nested in the executor end with it. */
  executorEnded(executor: object): void {
    for (const [value, own] of this.#launched) {
      if (own.executor !== executor) continue;
      own.container.kill(0);
      this.#launched.delete(value);
      rmSync(this.#recordFile(own.id), { force: true });
    }
  }

  recover(): void {
    for (const name of list(this.#folder)) {
      const file = join(this.#folder, name);
      try {
        const record = parseJson(readFileSync(file, 'utf8')) as ContainerRecord;
        const parent = record.id.parent === undefined ? undefined : this.find(record.id.parent);
        const sandbox = this.#sandboxOf(record.id, parent);
        const container = this.#options.containers.recover({
          containerId: record.id.value,
          sandbox,
          quantities: { cpus: 0, memMb: 0 },
          ...(parent === undefined || record.id.parent === undefined ? {} : { parentId: record.id.parent.value }),
          ...(record.container === undefined ? {} : { container: record.container }),
        });
        if (record.isSession || (record.id.parent !== undefined && parent === undefined)) {
          container.kill(0);
          rmSync(file, { force: true });
        } else this.#add(record, parent?.executor, sandbox, container);
      } catch (error) {
        this.#options.log.error({ path: file, error: (error as Error).message }, 'A container of the operator API cannot be taken up');
        rmSync(file, { force: true });
      }
    }
  }

  async killAll(): Promise<void> {
    const all = [...this.#launched.values()];
    for (const { container } of all) container.kill(0);
    await Promise.all(all.map(({ exited }) => exited));
  }

  release(): void {
    for (const { container, isSession } of this.#launched.values()) {
      if (isSession) container.kill(0);
      container.release();
    }
  }

  async #start(request: LaunchRequest, command: CommandInfo, parent: FoundContainer | undefined, isSession: boolean): Promise<void> {
    const { container_id: id, container: info } = request;
    const executor = parent?.executor;
    const sandbox = this.#sandboxOf(id, parent);
    mkdirSync(sandbox, { recursive: true });
    const framework: FrameworkInfo = executor?.framework.info ?? { name: 'standalone', user: '' };
    const prepared = await this.#options.sandboxes.prepare(
      {
        framework,
        command,
        resources: request.resources,
        container: info,
        agentId: executor?.path.agentId ?? '',
        executorId: executor?.id ?? '',
        sandbox,
        ...(parent === undefined ? {} : { parentSandbox: parent.sandbox }),
      },
      new AbortController().signal,
    );
    const record: ContainerRecord = { id, isSession, ...(info === undefined ? {} : { container: info }) };
    writeFileAtomically(this.#recordFile(id), stringify(record));
    const tty = info?.tty_info;
    const container = await this.#options.containers.launch({
      ...prepared,
      ...(isSession && parent !== undefined ? insideOf(parent, prepared) : {}),
      containerId: id.value,
      sandbox,
      quantities: quantitiesOf(request.resources ?? [], request.limits),
      ...(info === undefined ? {} : { container: info }),
      ...(id.parent === undefined || executor === undefined
        ? {}
        : { parentId: executor.path.containerId, isSharingCgroup: request.resources === undefined }),
      ...(tty === undefined ? {} : { tty }),
      ...(isSession ? { isPiped: true } : {}),
    });
    this.#add(record, executor, sandbox, container);
  }

  #add(record: ContainerRecord, executor: Executor | undefined, sandbox: string, container: Container): void {
    this.#launched.set(record.id.value, { ...record, executor, sandbox, container, exited: container.exited });
  }

  #sandboxOf(id: ContainerID, parent: FoundContainer | undefined): string {
    const { layout } = this.#options;
    return parent === undefined ? layout.standaloneSandbox(id.value) : layout.nestedSandbox(parent.sandbox, id.value);
  }

  get #folder(): string {
    return join(this.#options.layout.workDir, 'meta', 'containers');
  }

  #recordFile(id: ContainerID): string {
    return join(this.#folder, `${id.value}.json`);
  }
}

/** A debug session is where its parent is: in its sandbox, with its environment, inside whatever keeps it in. */
function insideOf(
  parent: FoundContainer,
  prepared: { readonly argv: readonly string[]; readonly environment: Readonly<Record<string, string>> },
): { argv: readonly string[]; environment: Record<string, string> } {
  const inherited = parent.container === undefined ? {} : readEnvironment(parent.container.pid);
  const environment = { ...prepared.environment, ...inherited, ...termOf(prepared.environment) };
  const entered = parent.container?.enter({ argv: prepared.argv, environment });
  if (entered !== undefined) return { argv: entered, environment };
  return { argv: ['/bin/sh', '-c', `cd ${shellQuoted(parent.sandbox)} && exec "$@"`, 'session', ...prepared.argv], environment };
}

const termOf = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  environment['TERM'] === undefined ? { TERM: 'xterm' } : { TERM: environment['TERM'] };

function list(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}
