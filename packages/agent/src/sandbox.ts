/** Makes a run's sandbox and fills it: what happens between a launch and its command. */
import { mkdirSync } from 'node:fs';
import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FrameworkInfo } from '@pronoia/mesos';
import { relink } from './checkpoint.ts';
import { type CommandContext, type TaskCommand, taskCommand } from './command.ts';
import type { Executor } from './executor.ts';
import { type FetchOptions, fetchUris } from './fetcher.ts';
import type { Layout } from './layout.ts';

export interface SandboxOptions {
  readonly layout: Layout;
  readonly fetch: Omit<FetchOptions, 'sandbox' | 'signal'>;
  readonly command: Omit<CommandContext, 'agentId' | 'sandbox' | 'executorId'>;
}

/** The folder, its files, and the command that runs in it. Throws with a sentence for the user. */
export async function prepareSandbox(info: FrameworkInfo, executor: Executor, options: SandboxOptions): Promise<TaskCommand> {
  const { task, sandbox, path } = executor;
  mkdirSync(sandbox, { recursive: true });
  relink(options.layout.latestSandbox(path), path.containerId);
  const uris = task.command?.uris ?? [];
  if (uris.length > 0) await fetchUris(uris, { ...options.fetch, sandbox, signal: executor.launching.signal });
  const command = taskCommand(info, task, { ...options.command, agentId: path.agentId, sandbox, executorId: executor.id });
  if (command.user !== undefined) await giveTo(sandbox, command.user);
  return command;
}

async function giveTo(folder: string, user: { readonly uid: number; readonly gid: number }): Promise<void> {
  await chown(folder, user.uid, user.gid);
  for (const name of await readdir(folder, { recursive: true })) await chown(join(folder, name), user.uid, user.gid);
}
