/** Makes a sandbox and fills it: what happens between a launch and its command. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { chown, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CommandInfo, ContainerInfo, FrameworkInfo, Resource } from '@pronoia/mesos';
import { type CommandContext, type Place, type PreparedCommand, prepareCommand, userOf } from './command.ts';
import type { Mount } from './containerizer.ts';
import type { Fetcher } from './fetcher.ts';
import type { Layout } from './layout.ts';

export interface SandboxOptions {
  readonly layout: Layout;
  readonly fetcher: Fetcher;
  /** Where the sandbox is inside an image. */
  readonly innerSandbox: string;
  readonly command: Omit<CommandContext, 'agentId' | 'sandbox' | 'executorId' | 'innerSandbox' | 'extraEnvironment'>;
}

export interface SandboxRequest {
  readonly framework: FrameworkInfo;
  readonly command: CommandInfo;
  readonly resources: readonly Resource[] | undefined;
  readonly container: ContainerInfo | undefined;
  readonly agentId: string;
  readonly executorId: string;
  readonly sandbox: string;
  /** Of the executor, for a nested container. */
  readonly parentSandbox?: string;
  readonly extraEnvironment?: Readonly<Record<string, string>>;
}

export interface PreparedSandbox extends PreparedCommand {
  /** For a container with an image; without one they are links in the sandbox already. */
  readonly mounts: readonly Mount[];
}

export class Sandboxes {
  readonly #options: SandboxOptions;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /** The folder, its files, its volumes, and the command that runs in it. Throws with a sentence for the user. */
  async prepare(request: SandboxRequest, signal: AbortSignal): Promise<PreparedSandbox> {
    const { sandbox, command } = request;
    mkdirSync(sandbox, { recursive: true });
    const uris = command.uris ?? [];
    const cacheUser = command.user ?? request.framework.user;
    if (uris.length > 0) {
      const user = userOf(request.framework, command, this.#options.command.switchUser);
      await this.#options.fetcher.fetch(uris, { sandbox, cacheUser, signal, ...(user === undefined ? {} : { user }) });
    }
    const mounts = this.#volumes(request);
    const prepared = this.command(request);
    if (prepared.user !== undefined) await giveTo(sandbox, prepared.user);
    return { ...prepared, mounts };
  }

  /** The command alone, of a sandbox that is there. */
  command(request: SandboxRequest): PreparedCommand {
    const place = placeOf(request.container);
    return prepareCommand(
      request.framework,
      request.command,
      request.resources,
      {
        ...this.#options.command,
        agentId: request.agentId,
        sandbox: request.sandbox,
        executorId: request.executorId,
        ...(place !== 'host' ? { innerSandbox: this.#options.innerSandbox } : {}),
        ...(request.extraEnvironment === undefined ? {} : { extraEnvironment: request.extraEnvironment }),
      },
      place,
    );
  }

  #volumes(request: SandboxRequest): Mount[] {
    const mounts: Mount[] = [];
    for (const { container_path, source, host_path, mode } of request.container?.volumes ?? []) {
      const path = source?.sandbox_path?.path;
      if (source?.docker_volume !== undefined && request.container?.type === 'DOCKER') {
        mounts.push({ source: source.docker_volume.name, target: container_path, isReadOnly: mode === 'RO' });
        continue;
      }
      const from =
        host_path ??
        source?.host_path?.path ??
        (path === undefined ? undefined : inside(source?.sandbox_path?.type === 'PARENT' ? request.parentSandbox : request.sandbox, path));
      if (from === undefined) throw new Error(`the volume ${container_path} of type ${source?.type ?? 'UNKNOWN'} is not supported`);
      mounts.push({ source: from, target: container_path, isReadOnly: mode === 'RO' });
    }
    for (const resource of request.resources ?? []) {
      const { persistence, volume, source } = resource.disk ?? {};
      if (persistence === undefined || volume === undefined) continue;
      const role = resource.reservations?.at(-1)?.role ?? resource.role ?? '*';
      const root = source?.path?.root ?? source?.mount?.root;
      const from = source?.type === 'MOUNT' && root !== undefined ? root : this.#options.layout.volume(role, persistence.id, root);
      mounts.push({ source: from, target: volume.container_path, isReadOnly: false });
    }
    // A Docker volume has a name, not a path.
    for (const { source } of mounts) if (source.startsWith('/')) mkdirSync(source, { recursive: true });
    if (placeOf(request.container) !== 'host') return mounts;
    for (const { source, target } of mounts) link(source, inside(request.sandbox, target));
    return [];
  }
}

function placeOf(container: ContainerInfo | undefined): Place {
  if (container?.type === 'DOCKER') return 'docker';
  return container?.mesos?.image === undefined ? 'host' : 'image';
}

function inside(folder: string | undefined, path: string): string {
  if (folder === undefined) throw new Error(`the volume ${path} of the parent: this container has none`);
  const full = join(folder, path);
  if (!full.startsWith(`${folder}/`)) throw new Error(`the volume ${path} leaves the sandbox`);
  return full;
}

function link(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    symlinkSync(source, target);
  } catch (error) {
    throw new Error(`the volume ${target} cannot be put there: ${(error as Error).message}`, { cause: error });
  }
}

/** Links are given, not what they lead to. */
async function giveTo(folder: string, user: { readonly uid: number; readonly gid: number }): Promise<void> {
  await chown(folder, user.uid, user.gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), user.uid, user.gid);
  }
}
