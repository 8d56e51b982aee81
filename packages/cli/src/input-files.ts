/** The files that `--input` means: files, folders (their files, not what lies deeper) and patterns with `*` and `?` in the last name. */
import { existsSync, readdirSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from './user-error.ts';

/** Absolute paths, each once, in order. Names that begin with `.` or `_` are passed over in folders and patterns, as Hadoop does. */
export async function inputFiles(inputs: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const input of inputs) {
    const path = resolve(input);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) {
      for (const file of await filesIn(path, () => true)) files.add(file);
    } else if (found !== undefined) {
      files.add(path);
    } else if (/[*?]/.test(basename(path))) {
      const matches = new RegExp(
        `^${basename(path)
          .replace(/[.+^${}()|[\]\\]/g, '\\$&')
          .replace(/\*/g, '.*')
          .replace(/\?/g, '.')}$`,
      );
      for (const file of await filesIn(dirname(path), (name) => matches.test(name))) files.add(file);
    } else {
      throw new UserError(`there is no input ${input}`);
    }
  }
  return [...files];
}

async function filesIn(folder: string, wants: (name: string) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && !/^[._]/.test(entry.name) && wants(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
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
