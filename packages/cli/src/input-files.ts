/** The files that `--input` of the demonstration means. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CodedError } from '@pronoia/server';
import { listInput } from '@pronoia/workloads/input';
import { UserError } from './user-error.ts';

/**
 * Absolute paths, each once, in order, by the job's own rules for `--recursive`: files, folders with all that lies in them, and
 * patterns (`* ? [a-b] {x,y}` in any part of a path). Names that begin with `.` or `_` are passed over in folders and patterns.
 */
export function inputFiles(inputs: readonly string[]): string[] {
  try {
    return listInput(inputs, true).map(({ path }) => path);
  } catch (error) {
    if (error instanceof CodedError) throw new UserError(`${error.message}; name files or folders with --input`, { cause: error });
    throw error;
  }
}

/** What a checkout has to read: its documents. */
export function ownDocuments(): string[] {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  if (!existsSync(join(root, 'docs')))
    throw new UserError('there are no documents of ours here to count; name files or folders with --input');
  const folders = [root, ...['docs', 'docs/decisions', 'docs/formats', 'docs/guides'].map((folder) => join(root, folder))];
  const readmes = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name, 'README.md'));
  return [...folders.filter(hasDocuments).map((folder) => join(folder, '*.md')), ...readmes.filter((file) => existsSync(file))];
}

function hasDocuments(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.md') && !/^[._]/.test(name));
}
