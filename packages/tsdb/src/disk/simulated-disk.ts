/**
 * A disk in memory that can fail and lose its power, for tests. Every change is an *operation*; a test may let the disk stop
 * before operation N, and may then look at what a killed process would leave (`killed`: everything written) or what a lost
 * power supply would (`powerCut`: of what was not synced, names in order up to some point, bytes in any combination, the last
 * write torn).
 */
import { StorageError } from '../errors.ts';
import type { Disk, DiskFile } from './disk.ts';

interface Inode {
  bytes: Buffer;
  /** What is safe from a power cut. */
  synced: Buffer;
  /** Writes since the last sync, in order. */
  pending: { readonly position: number; readonly bytes: Buffer; readonly truncate: boolean }[];
}

interface Names {
  readonly files: Map<string, Inode>;
  readonly folders: Set<string>;
}

type NameChange = { readonly folder: string; readonly apply: (names: Names) => void };

export class StoppedDisk extends Error {
  override readonly name = 'StoppedDisk';
}

export class SimulatedDisk implements Disk {
  #names: Names;
  #syncedNames: Names;
  #pendingNames: NameChange[] = [];
  readonly #locks = new Set<string>();
  /** Operations that changed something so far. */
  operations = 0;
  /** The disk fails from this operation on. */
  stopAt = Infinity;
  /** So much of the write before which the disk stops reaches it, from 0 to 1. */
  tornShare = 0;
  /** Bytes that still fit; writes beyond them fail with ENOSPC after writing a part. */
  freeBytes = Infinity;
  /** Called before each operation; may throw to inject a fault. */
  beforeOperation: (operation: string, path: string) => void = () => undefined;

  constructor(names: Names = { files: new Map(), folders: new Set(['']) }) {
    this.#names = copyNames(names);
    this.#syncedNames = copyNames(names);
  }

  /** What is on the disk after the process was killed now. */
  killed(): SimulatedDisk {
    const copies = new Map<Inode, Inode>();
    return new SimulatedDisk({
      files: mapInodes(this.#names.files, (inode) => copyOf(copies, inode, inode.bytes)),
      folders: this.#names.folders,
    });
  }

  /** What is on the disk after the power went now; `random` gives numbers in [0, 1). */
  powerCut(random: () => number): SimulatedDisk {
    const kept = Math.floor(random() * (this.#pendingNames.length + 1));
    const names = copyNames(this.#syncedNames);
    for (const change of this.#pendingNames.slice(0, kept)) change.apply(names);
    const copies = new Map<Inode, Inode>();
    const survive = (inode: Inode): Inode => {
      let bytes: Buffer = Buffer.from(inode.synced);
      for (const change of inode.pending) {
        const fate = random();
        if (fate < 0.3) continue;
        if (change.truncate) {
          bytes = resize(bytes, change.position);
          continue;
        }
        const length = fate < 0.6 ? Math.floor(random() * (change.bytes.length + 1)) : change.bytes.length;
        bytes = overwrite(bytes, change.bytes.subarray(0, length), change.position);
      }
      return copyOf(copies, inode, bytes);
    };
    return new SimulatedDisk({ files: mapInodes(names.files, survive), folders: names.folders });
  }

  /** For tests that damage a file. */
  contents(path: string): Buffer {
    return this.#file(path).bytes;
  }

  paths(): string[] {
    return [...this.#names.files.keys()].sort();
  }

  #operation(name: string, path: string): void {
    if (this.operations >= this.stopAt) throw new StoppedDisk(`the simulated disk stopped before ${name} ${path}`);
    this.beforeOperation(name, path);
    this.operations++;
  }

  #change(folder: string, apply: (names: Names) => void): void {
    apply(this.#names);
    this.#pendingNames.push({ folder, apply });
  }

  #file(path: string): Inode {
    const inode = this.#names.files.get(path);
    if (inode === undefined) throw notFound(path);
    return inode;
  }

  async list(folder: string): Promise<string[]> {
    const prefix = `${folder}/`;
    const names = new Set<string>();
    for (const path of [...this.#names.files.keys(), ...this.#names.folders]) {
      if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split('/')[0] as string);
    }
    return [...names].sort();
  }

  async makeFolder(path: string): Promise<void> {
    if (this.#names.folders.has(path)) return;
    this.#operation('makeFolder', path);
    const parts = path.split('/');
    for (let i = 1; i <= parts.length; i++) {
      const folder = parts.slice(0, i).join('/');
      if (this.#names.folders.has(folder)) continue;
      this.#change(parentOf(folder), (names) => names.folders.add(folder));
    }
  }

  async exists(path: string): Promise<boolean> {
    return this.#names.files.has(path) || this.#names.folders.has(path);
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<DiskFile> {
    if (mode === 'create') {
      if (!this.#names.folders.has(parentOf(path))) throw notFound(parentOf(path));
      this.#operation('create', path);
      const inode: Inode = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0), pending: [] };
      this.#change(parentOf(path), (names) => names.files.set(path, inode));
    }
    return this.#handle(path, this.#file(path));
  }

  #handle(path: string, inode: Inode): DiskFile {
    return {
      read: (into, position) => inode.bytes.copy(into, 0, position, position + into.length),
      write: async (bytes, position) => {
        if (this.operations === this.stopAt && this.tornShare > 0) {
          const torn = bytes.subarray(0, Math.ceil(bytes.length * this.tornShare));
          inode.bytes = overwrite(inode.bytes, torn, position);
          inode.pending.push({ position, bytes: Buffer.from(torn), truncate: false });
        }
        this.#operation('write', path);
        const grows = Math.max(0, position + bytes.length - inode.bytes.length);
        const part = grows > this.freeBytes ? bytes.subarray(0, Math.max(0, bytes.length - grows + this.freeBytes)) : bytes;
        inode.bytes = overwrite(inode.bytes, part, position);
        inode.pending.push({ position, bytes: Buffer.from(part), truncate: false });
        this.freeBytes -= Math.min(grows, this.freeBytes);
        if (part.length < bytes.length)
          throw Object.assign(new Error(`ENOSPC: no space left on device, write ${path}`), { code: 'ENOSPC' });
      },
      size: () => inode.bytes.length,
      truncate: async (size) => {
        this.#operation('truncate', path);
        this.freeBytes += Math.max(0, inode.bytes.length - size);
        inode.bytes = resize(inode.bytes, size);
        inode.pending.push({ position: size, bytes: Buffer.alloc(0), truncate: true });
      },
      sync: async () => {
        this.#operation('sync', path);
        inode.synced = Buffer.from(inode.bytes);
        inode.pending = [];
      },
      close: async () => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    if (!(await this.exists(from))) throw notFound(from);
    this.#operation('rename', to);
    this.#change(parentOf(to), (names) => {
      const inside = `${from}/`;
      for (const [path, inode] of Array.from(names.files)) {
        if (path !== from && !path.startsWith(inside)) continue;
        names.files.delete(path);
        names.files.set(to + path.slice(from.length), inode);
      }
      for (const path of Array.from(names.folders)) {
        if (path !== from && !path.startsWith(inside)) continue;
        names.folders.delete(path);
        names.folders.add(to + path.slice(from.length));
      }
    });
  }

  async remove(path: string): Promise<void> {
    if (!(await this.exists(path))) return;
    this.#operation('remove', path);
    this.#change(parentOf(path), (names) => {
      const inside = `${path}/`;
      for (const file of Array.from(names.files.keys())) if (file === path || file.startsWith(inside)) names.files.delete(file);
      for (const folder of Array.from(names.folders)) if (folder === path || folder.startsWith(inside)) names.folders.delete(folder);
    });
  }

  async link(from: string, to: string): Promise<void> {
    const inode = this.#file(from);
    this.#operation('link', to);
    this.#change(parentOf(to), (names) => names.files.set(to, inode));
  }

  /** Names are journalled in one order: everything up to the last change in this folder becomes safe. */
  async syncFolder(path: string): Promise<void> {
    this.#operation('syncFolder', path);
    const last = this.#pendingNames.findLastIndex(({ folder }) => folder === path);
    for (const change of this.#pendingNames.splice(0, last + 1)) change.apply(this.#syncedNames);
  }

  async lock(path: string): Promise<() => Promise<void>> {
    if (this.#locks.has(path)) throw new StorageError('locked', `${path} is held`, { path });
    this.#locks.add(path);
    return async () => {
      this.#locks.delete(path);
    };
  }
}

function copyNames({ files, folders }: Names): Names {
  return { files: new Map(files), folders: new Set(folders) };
}

function mapInodes(files: ReadonlyMap<string, Inode>, map: (inode: Inode) => Inode): Map<string, Inode> {
  return new Map([...files].map(([path, inode]) => [path, map(inode)]));
}

/** Two names of one file stay two names of one file. */
function copyOf(copies: Map<Inode, Inode>, inode: Inode, bytes: Buffer): Inode {
  let copy = copies.get(inode);
  if (copy === undefined) {
    copy = { bytes: Buffer.from(bytes), synced: Buffer.from(bytes), pending: [] };
    copies.set(inode, copy);
  }
  return copy;
}

function overwrite(bytes: Buffer, piece: Uint8Array, position: number): Buffer {
  const result = resize(bytes, Math.max(bytes.length, position + piece.length));
  result.set(piece, position);
  return result;
}

function resize(bytes: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size);
  bytes.copy(result, 0, 0, Math.min(size, bytes.length));
  return result;
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

function notFound(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT' });
}
