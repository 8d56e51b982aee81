/**
 * Sandboxes over HTTP: `/files/{browse,read,download}` (mesos.md §6.5). A path is a sandbox's own path on this host or the virtual
 * `/frameworks/FID/executors/EID/runs/{latest,CID}/…`; whatever it really leads to must lie in a sandbox, symbolic links included.
 */
import { constants, createReadStream, readdirSync, readFileSync, type Stats } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import type { FileInfo } from '@pronoia/mesos';
import { errors } from './errors.ts';

/** What one `/files/read` gives at most (16 pages). */
export const READ_LIMIT_BYTES = 64 * 1024;

export interface FileEntry {
  readonly path: string;
  readonly nlink: number;
  readonly size: number;
  readonly mtime: number;
  readonly mode: string;
  readonly uid: string;
  readonly gid: string;
}

export interface FileRange {
  /** Bytes `start` to `end`, both inclusive. */
  readonly start: number;
  readonly end: number;
}

export interface Download {
  readonly name: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Undefined: the whole file. */
  readonly range: FileRange | undefined;
  readonly open: () => Readable;
}

export class SandboxFiles {
  readonly #root: string;
  readonly #agentId: () => string | undefined;

  /** `root` holds all sandboxes (`work_dir/slaves`). */
  constructor(root: string, agentId: () => string | undefined) {
    this.#root = root;
    this.#agentId = agentId;
  }

  /** Virtual path → real path, of every sandbox that is there. */
  attached(): Record<string, string> {
    const agentId = this.#agentId();
    const paths: Record<string, string> = {};
    if (agentId === undefined) return paths;
    const frameworks = join(this.#root, agentId, 'frameworks');
    for (const frameworkId of names(frameworks)) {
      for (const executorId of names(join(frameworks, frameworkId, 'executors'))) {
        const real = join(frameworks, frameworkId, 'executors', executorId, 'runs', 'latest');
        paths[`/frameworks/${frameworkId}/executors/${executorId}/runs/latest`] = real;
        paths[real] = real;
      }
    }
    return paths;
  }

  /** The folder's entries, sorted by path; a file gives an entry of itself. */
  async browse(path: string): Promise<FileEntry[]> {
    const real = await this.#resolve(path);
    if (!(await stat(real)).isDirectory()) return [entryOf(path, await lstat(real))];
    const entries: FileEntry[] = [];
    for (const name of (await readdir(real)).sort()) {
      try {
        entries.push(entryOf(join(path, name), await lstat(join(real, name))));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    return entries;
  }

  async list(path: string): Promise<FileInfo[]> {
    const real = await this.#resolve(path);
    const folder = (await stat(real)).isDirectory();
    const infos: FileInfo[] = [];
    for (const name of folder ? (await readdir(real)).sort() : ['']) {
      const found = await lstat(join(real, name)).catch(() => undefined);
      if (found === undefined) continue;
      infos.push({
        path: join(path, name),
        nlink: found.nlink,
        size: found.size,
        mtime: { nanoseconds: BigInt(Math.trunc(found.mtimeMs)) * 1_000_000n },
        mode: found.mode,
        uid: userName(found.uid),
        gid: groupName(found.gid),
      });
    }
    return infos;
  }

  /** `offset` undefined or −1, or `length` 0: only where the file ends at the moment. At most 64 KiB. */
  async read(
    path: string,
    offset: number | undefined,
    length: number | undefined,
  ): Promise<{ offset: number; size: number; data: Buffer }> {
    const real = await this.#resolve(path);
    // Not blocking: a named pipe in a sandbox must not hold a thread for ever.
    const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw errors.fail('bad_parameter', { name: 'path', reason: `${path} is not a regular file` });
      if (offset === undefined || offset === -1 || length === 0) return { offset: found.size, size: found.size, data: Buffer.alloc(0) };
      const wanted = Math.min(
        length === undefined || length === -1 ? READ_LIMIT_BYTES : length,
        READ_LIMIT_BYTES,
        Math.max(0, found.size - offset),
      );
      const buffer = Buffer.alloc(wanted);
      const { bytesRead } = wanted === 0 ? { bytesRead: 0 } : await file.read(buffer, 0, wanted, offset);
      return { offset, size: found.size, data: buffer.subarray(0, bytesRead) };
    } finally {
      await file.close();
    }
  }

  /** `rangeHeader` as the client sent it; a range that cannot be satisfied gives `unsatisfiable`. */
  async download(
    path: string,
    rangeHeader: string | undefined,
  ): Promise<Download | { readonly kind: 'unsatisfiable'; readonly sizeBytes: number }> {
    const real = await this.#resolve(path);
    const found = await stat(real);
    if (!found.isFile()) throw errors.fail('bad_parameter', { name: 'path', reason: `${path} is not a regular file` });
    const range = rangeHeader === undefined ? undefined : parseRange(rangeHeader, found.size);
    if (range === 'unsatisfiable') return { kind: 'unsatisfiable', sizeBytes: found.size };
    return {
      name: basename(path),
      contentType: CONTENT_TYPES[/\.[^./]*$/.exec(real)?.[0] ?? ''] ?? 'application/octet-stream',
      sizeBytes: found.size,
      range,
      // The end is fixed now, so that a file that still grows gives as many bytes as the header promises.
      open: () =>
        createReadStream(real, { start: range?.start ?? 0, end: range?.end ?? Math.max(0, found.size - 1), highWaterMark: 256 * 1024 }),
    };
  }

  async #resolve(path: string): Promise<string> {
    const virtual = /^\/?frameworks\/(.+)$/.exec(path)?.[1];
    const agentId = this.#agentId();
    const wanted = virtual !== undefined && agentId !== undefined ? join(this.#root, agentId, 'frameworks', virtual) : path;
    if (path.includes('\0')) throw errors.fail('not_found', { what: 'a path with a NUL character' });
    try {
      const [real, root] = await Promise.all([realpath(wanted), realpath(this.#root)]);
      const inside = real.startsWith(root + sep) ? real.slice(root.length + 1).split(sep) : [];
      // SID/frameworks/FID/executors/EID/runs/CID: nothing above a sandbox is attached.
      if (inside.length >= 7 && inside[1] === 'frameworks' && inside[3] === 'executors' && inside[5] === 'runs') return real;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP' && code !== 'ENAMETOOLONG' && code !== 'EACCES') throw error;
    }
    throw errors.fail('not_found', { what: path });
  }
}

/** One range of bytes (RFC 9110 §14). Several ranges and other units give the whole file, as the RFC allows. */
export function parseRange(header: string, sizeBytes: number): FileRange | 'unsatisfiable' | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  const [, first = '', last = ''] = found ?? [];
  if (found === null || (first === '' && last === '')) return undefined;
  if (first === '') {
    const suffix = Number(last);
    if (suffix === 0 || sizeBytes === 0) return 'unsatisfiable';
    return { start: Math.max(0, sizeBytes - suffix), end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.json': 'application/json',
  '.txt': 'text/plain',
  '.log': 'text/plain',
  '.csv': 'text/csv',
  '.xml': 'text/xml',
  '.gz': 'application/gzip',
  '.zip': 'application/zip',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
};

function entryOf(path: string, found: Stats): FileEntry {
  return {
    path,
    nlink: found.nlink,
    size: found.size,
    mtime: Math.trunc(found.mtimeMs / 1_000),
    mode: modeText(found),
    uid: userName(found.uid),
    gid: groupName(found.gid),
  };
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** As `ls -l` prints it. */
function modeText(found: Stats): string {
  const kind = found.isDirectory() ? 'd' : found.isSymbolicLink() ? 'l' : found.isFIFO() ? 'p' : found.isSocket() ? 's' : '-';
  const bits = Array.from('rwxrwxrwx', (letter, i) => ((found.mode >> (8 - i)) & 1 ? letter : '-'));
  return kind + bits.join('');
}

const namesById = new Map<string, Map<number, string>>();

function nameOf(file: string, id: number): string {
  let names = namesById.get(file);
  if (names === undefined) {
    names = new Map();
    try {
      for (const line of readFileSync(file, 'utf8').split('\n')) {
        const [name = '', , number] = line.split(':');
        if (number !== undefined) names.set(Number(number), name);
      }
    } catch {
      // Numbers will do.
    }
    namesById.set(file, names);
  }
  return names.get(id) ?? String(id);
}

const userName = (id: number): string => nameOf('/etc/passwd', id);
const groupName = (id: number): string => nameOf('/etc/group', id);
