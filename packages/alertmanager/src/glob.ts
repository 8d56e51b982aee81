import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Files that a pattern names, sorted; `*`, `?` and `[a-z]` stand for parts of one name. A pattern that finds nothing is no error. */
export function glob(pattern: string, folder: string): string[] {
  const absolute = resolve(folder, pattern);
  if (!/[*?[]/.test(absolute)) return isFile(absolute) ? [absolute] : [];
  let folders = [absolute.startsWith('/') ? '/' : dirname(absolute)];
  const segments = absolute.split('/').filter((segment) => segment !== '');
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1;
    folders = folders.flatMap((at) => {
      if (!/[*?[]/.test(segment)) return [join(at, segment)];
      const wanted = new RegExp(
        `^${segment
          .replace(/[.+^${}()|\\]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.')}$`,
      );
      return list(at)
        .filter((name) => wanted.test(name))
        .map((name) => join(at, name));
    });
    folders = folders.filter((path) => (isLast ? isFile(path) : isFolder(path)));
  });
  return folders.sort();
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
