/** Input paths become files (mapreduce.md §3): globs, folders, hidden names left out. Listing order is by path bytes. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errors } from './errors.ts';

export interface InputFile {
  readonly path: string;
  readonly sizeBytes: number;
}

const UNSUPPORTED = /\.(gz|deflate|zst|bz2|snappy|lz4|lzo|xz)$/;

/** `paths` as typed: each may hold several, separated by commas. Throws with Hadoop's message when one leads nowhere. */
export function listInput(paths: readonly string[], isRecursive: boolean): InputFile[] {
  const files = new Map<string, InputFile>();
  for (const path of paths.flatMap(splitPaths)) {
    for (const match of expand(path)) collect(match, isRecursive, true, files);
  }
  return [...files.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** At commas outside of braces; a path that exists as it is is taken as it is. */
function splitPaths(text: string): string[] {
  if (!text.includes(',') || stat(text) !== undefined) return [text];
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}') depth--;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)].filter((part) => part !== '');
}

function expand(path: string): string[] {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(path)?.[1]?.toLowerCase();
  if (scheme === 'file') return expand(fileURLToPath(path));
  if (scheme !== undefined && path.startsWith(`${scheme}://`)) {
    throw errors.fail('input_unsupported', { path, reason: `${scheme}: is not read directly; mount it as a folder and give that path` });
  }
  const absolute = resolve(path);
  if (stat(absolute) !== undefined) return [absolute];
  if (!/[*?[{]/.test(path)) throw errors.fail('input_missing', { path });
  const matches = braces(absolute).flatMap((pattern) =>
    glob(
      '/',
      pattern.split('/').filter((part) => part !== ''),
    ),
  );
  if (matches.length === 0) throw errors.fail('input_no_match', { pattern: path });
  return [...new Set(matches)].sort();
}

/** `a{b,c}d` → `abd`, `acd`; may be nested. */
function braces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  let start = open + 1;
  const options: string[] = [];
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === '{') depth++;
    else if (pattern[i] === ',' && depth === 1) {
      options.push(pattern.slice(start, i));
      start = i + 1;
    } else if (pattern[i] === '}' && --depth === 0) {
      options.push(pattern.slice(start, i));
      return options.flatMap((option) => braces(pattern.slice(0, open) + option + pattern.slice(i + 1)));
    }
  }
  return [pattern];
}

function glob(folder: string, parts: readonly string[]): string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [folder];
  if (!/[*?[]/.test(part)) {
    const next = join(folder, part);
    return stat(next) === undefined ? [] : glob(next, rest);
  }
  const matches = componentPattern(part);
  return readFolder(folder)
    .filter((name) => matches.test(name) && !isHidden(name))
    .map((name) => join(folder, name))
    .filter((path) => rest.length === 0 || stat(path)?.isDirectory() === true)
    .flatMap((path) => glob(path, rest));
}

function componentPattern(part: string): RegExp {
  const source = part.replace(/\[(\^?)([^\]]+)\]|[*?]|[.+^${}()|[\]\\]/g, (found, not: string | undefined, set: string | undefined) => {
    if (set !== undefined) return `[${not ?? ''}${set.replace(/[\\\]]/g, '\\$&')}]`;
    return found === '*' ? '.*' : found === '?' ? '.' : `\\${found}`;
  });
  return new RegExp(`^${source}$`, 's');
}

function collect(path: string, isRecursive: boolean, isTop: boolean, into: Map<string, InputFile>): void {
  const found = stat(path);
  if (found === undefined) throw errors.fail('input_missing', { path });
  if (found.isDirectory()) {
    if (!isTop && !isRecursive) throw errors.fail('input_is_folder', { path });
    for (const name of readFolder(path)) if (!isHidden(name)) collect(join(path, name), isRecursive, false, into);
    return;
  }
  if (!found.isFile()) throw errors.fail('input_unsupported', { path, reason: 'not a regular file' });
  if (UNSUPPORTED.test(basename(path))) {
    throw errors.fail('input_unsupported', { path, reason: 'compressed input is not supported yet; unpack it first' });
  }
  into.set(path, { path, sizeBytes: found.size });
}

const isHidden = (name: string): boolean => name.startsWith('_') || name.startsWith('.');

function stat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
