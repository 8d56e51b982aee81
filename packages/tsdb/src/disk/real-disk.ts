/** The disk of the host. */
import { close, fstatSync, openSync, readSync } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Disk, DiskFile } from './disk.ts';
import { lockFile } from './lock-file.ts';

const closeAside = promisify(close);

const flags = { read: 'r', update: 'r+', create: 'w+' } as const;

export const realDisk: Disk = {
  async list(folder) {
    try {
      return (await readdir(folder)).sort();
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      throw error;
    }
  },
  async makeFolder(path) {
    await mkdir(path, { recursive: true });
  },
  async exists(path) {
    try {
      await stat(path);
      return true;
    } catch {
      return false;
    }
  },
  async open(path, mode): Promise<DiskFile> {
    if (mode === 'read') return openForReading(path);
    const handle = await open(path, flags[mode]);
    return {
      read: (into, position) => readSync(handle.fd, into, 0, into.length, position),
      async write(bytes, position) {
        let written = 0;
        while (written < bytes.length) {
          const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
          written += bytesWritten;
        }
      },
      size: () => fstatSync(handle.fd).size,
      truncate: (size) => handle.truncate(size),
      sync: () => handle.datasync(),
      close: () => handle.close(),
    };
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { recursive: true, force: true }),
  link: (from, to) => link(from, to),
  async syncFolder(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async lock(path) {
    await mkdir(dirname(path), { recursive: true });
    return lockFile(path);
  },
};

/** Without a FileHandle: a handle that a query forgets would be closed by the garbage collector under its readers. */
function openForReading(path: string): DiskFile {
  const fd = openSync(path, 'r');
  let closed = false;
  const readOnly = (): Promise<void> => Promise.reject(new Error(`BUG: ${path} is open for reading only`));
  return {
    read: (into, position) => {
      let total = 0;
      while (total < into.length) {
        const count = readSync(fd, into, total, into.length - total, position + total);
        if (count === 0) break;
        total += count;
      }
      return total;
    },
    write: readOnly,
    truncate: readOnly,
    sync: readOnly,
    size: () => fstatSync(fd).size,
    async close() {
      if (closed) return;
      closed = true;
      // Not at once: with the last name gone, closing frees the file's pages, which takes milliseconds.
      await closeAside(fd);
    },
  };
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
