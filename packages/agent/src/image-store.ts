/**
 * Container images from a folder (mesos.md §9.9: `--docker_registry` may be a path). An image is what `docker save` writes
 * (`NAME:TAG.tar`), a tar archive of a root file system, or such a file system as a folder. Archives are unpacked once, layer by layer,
 * and kept in the store.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the image says of its program; all of it may be overridden. */
export interface ImageConfig {
  readonly environment: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingFolder: string | undefined;
}

export interface StoredImage {
  /** Never written to. */
  readonly rootfs: string;
  readonly config: ImageConfig;
}

const EMPTY: ImageConfig = { environment: {}, entrypoint: [], command: [], workingFolder: undefined };
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

export class ImageStore {
  readonly #registry: string;
  readonly #folder: string;
  readonly #unpacking = new Map<string, Promise<StoredImage>>();

  /** `registry` is `--docker_registry`, `folder` `--docker_store_dir`. */
  constructor(registry: string, folder: string) {
    this.#registry = registry.replace(/^file:\/\//, '');
    this.#folder = folder;
  }

  /** Throws with a sentence for the task's author when the image is not to be had. */
  async take(name: string): Promise<StoredImage> {
    const path = this.#find(name);
    if (statSync(path).isDirectory()) return { rootfs: path, config: EMPTY };
    const { mtimeMs, size } = statSync(path);
    const key = createHash('sha256').update(`${path}\n${mtimeMs}\n${size}`).digest('hex').slice(0, 32);
    const known = this.#unpacking.get(key);
    if (known !== undefined) return known;
    const unpacking = this.#unpack(path, join(this.#folder, key));
    this.#unpacking.set(key, unpacking);
    unpacking.catch(() => this.#unpacking.delete(key));
    return unpacking;
  }

  #find(name: string): string {
    if (isAbsolute(name)) {
      if (existsSync(name)) return name;
      throw new Error(`the image ${name} is not there`);
    }
    if (!isAbsolute(this.#registry))
      throw new Error(`the image ${name}: this agent takes images from a folder only; start it with --docker_registry=FOLDER`);
    const tagged = /:[^/]+$/.test(name) ? name : `${name}:latest`;
    for (const candidate of [`${tagged}.tar`, tagged, `${name}.tar`, name]) {
      const path = join(this.#registry, candidate);
      if (path.startsWith(`${this.#registry}/`) && existsSync(path)) return path;
    }
    throw new Error(`the image ${name} is not in ${this.#registry} (looked for ${tagged}.tar and ${tagged}/)`);
  }

  async #unpack(archive: string, folder: string): Promise<StoredImage> {
    const rootfs = join(folder, 'rootfs');
    const done = join(folder, 'done');
    const parts = join(folder, 'parts');
    if (!existsSync(done)) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(parts, { recursive: true });
      await run('tar', ['-xf', archive, '-C', parts]);
      if (!existsSync(join(parts, 'manifest.json'))) renameSync(parts, rootfs);
      else {
        mkdirSync(rootfs);
        for (const layer of readManifest(parts).layers) await addLayer(join(parts, layer), rootfs);
      }
      mkdirSync(done);
    }
    return { rootfs, config: existsSync(join(parts, 'manifest.json')) ? readManifest(parts).config : EMPTY };
  }
}

function readManifest(folder: string): { readonly layers: readonly string[]; readonly config: ImageConfig } {
  const [first] = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { Config: string; Layers: string[] }[];
  if (first === undefined) throw new Error('the archive holds no image');
  const inside = (path: string): string => {
    if (isAbsolute(path) || path.split('/').includes('..')) throw new Error(`the archive names a path outside of itself: ${path}`);
    return path;
  };
  type Config = { Env?: string[]; Entrypoint?: string[] | null; Cmd?: string[] | null; WorkingDir?: string };
  const { config = {} } = JSON.parse(readFileSync(join(folder, inside(first.Config)), 'utf8')) as { config?: Config };
  const environment: Record<string, string> = {};
  for (const entry of config.Env ?? []) {
    const at = entry.indexOf('=');
    if (at > 0) environment[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return {
    layers: first.Layers.map(inside),
    config: {
      environment,
      entrypoint: config.Entrypoint ?? [],
      command: config.Cmd ?? [],
      workingFolder: config.WorkingDir === '' ? undefined : config.WorkingDir,
    },
  };
}

/** A layer says by files named `.wh.NAME` what of the layers below is gone (OCI image spec, layer.md). */
async function addLayer(layer: string, rootfs: string): Promise<void> {
  const { stdout } = await run('tar', ['-tf', layer], { maxBuffer: 256 * 2 ** 20 });
  for (const entry of stdout.split('\n')) {
    const name = basename(entry);
    if (!name.startsWith(WHITEOUT)) continue;
    const folder = join(rootfs, dirname(entry));
    if (!`${folder}/`.startsWith(`${rootfs}/`)) throw new Error(`the layer names a path outside of the image: ${entry}`);
    if (name === OPAQUE) {
      if (existsSync(folder)) for (const old of readdirSync(folder)) rmSync(join(folder, old), { recursive: true, force: true });
    } else rmSync(join(folder, name.slice(WHITEOUT.length)), { recursive: true, force: true });
  }
  await run('tar', ['-xf', layer, '-C', rootfs, '--exclude=.wh.*']);
}
