/**
 * The disk, handed in: one real (`real-disk.ts`), one simulated that loses its power (`simulated-disk.ts`).
 *
 * Writes carry their position, so a failed write is repeated at the same place. What is written is safe from the death of the
 * process at once, from the loss of power after `sync` (a file's bytes) and `syncFolder` (names in it).
 */
export interface DiskFile {
  /** Synchronous: readers decode in the middle of a query. Returns how many bytes were there, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): number;
  /** All of `bytes`, or an error with an unknown part of them written. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  size(): number;
  truncate(size: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Names in a folder, sorted; a folder that does not exist is empty. */
  list(folder: string): Promise<string[]>;
  /** With its parents; nothing happens when it exists. */
  makeFolder(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** `create` empties an existing file; `read` and `update` need one. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<DiskFile>;
  /** Files and folders; replaces an existing file. */
  rename(from: string, to: string): Promise<void>;
  /** A file or a folder with all in it; nothing happens when it does not exist. */
  remove(path: string): Promise<void>;
  /** A second name for a file's bytes. */
  link(from: string, to: string): Promise<void>;
  syncFolder(path: string): Promise<void>;
  /** Holds `path` for this process; throws StorageError `locked`. The returned function lets go and removes it. */
  lock(path: string): Promise<() => Promise<void>>;
}

/** The whole of a file. */
export async function readFile(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(file.size());
    const length = file.read(bytes, 0);
    return length === bytes.length ? bytes : bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** Durable when it returns, except for the name: sync the folder. */
export async function writeFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'create');
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Bytes in a file or in all files below a folder; 0 when there is none. */
export async function sizeOf(disk: Disk, path: string): Promise<number> {
  const names = await disk.list(path);
  let size = 0;
  for (const name of names) {
    const inner = `${path}/${name}`;
    const below = await disk.list(inner);
    if (below.length > 0) {
      size += await sizeOf(disk, inner);
      continue;
    }
    try {
      const file = await disk.open(inner, 'read');
      size += file.size();
      await file.close();
    } catch {
      // An empty folder, or a file that was removed meanwhile: no bytes.
    }
  }
  return size;
}
