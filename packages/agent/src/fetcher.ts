/**
 * Brings a command's URIs into its sandbox before it starts (mesos.md §9.7): local files are copied, http(s) is downloaded, archives
 * are unpacked next to themselves. Whatever cannot be brought fails the launch, and so does a scheme that we do not speak.
 */
import { type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, createWriteStream, openSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { CommandInfoURI } from '@pronoia/mesos';
import { type Dispatcher, request } from 'undici';
import type { FetchCache } from './fetch-cache.ts';

export interface FetcherOptions {
  /** Relative paths start here (`--frameworks_home`); without it they are refused. */
  readonly frameworksHome?: string;
  readonly stallTimeoutMs: number;
  readonly cache: FetchCache;
}

export interface FetchRequest {
  readonly sandbox: string;
  /** Files are cached for each user apart: what one may read another may not. */
  readonly cacheUser: string;
  /** Files of this host are read, and archives unpacked, as whom the task runs as. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

export class Fetcher {
  readonly #options: FetcherOptions;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  async fetch(uris: readonly CommandInfoURI[], into: FetchRequest): Promise<void> {
    for (const uri of uris) {
      try {
        await this.#fetchUri(uri, into);
      } catch (error) {
        throw new Error(`fetch ${uri.value}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  async #fetchUri(uri: CommandInfoURI, into: FetchRequest): Promise<void> {
    const target = join(into.sandbox, targetName(uri));
    const local = this.#localPath(uri.value);
    await assertInside(into.sandbox, dirname(target));
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { force: true });
    if (into.user !== undefined) await chown(dirname(target), into.user.uid, into.user.gid);
    const bring = async (to: string): Promise<void> => {
      if (local === undefined) await this.#download(uri.value, to, into.signal);
      else if (into.user === undefined) await copyFile(local, to);
      else await copyAs(local, to, into.user, into.signal);
    };
    const sizeBytes = uri.cache === true ? await this.#sizeOf(uri.value, local, into.signal) : undefined;
    const cached =
      sizeBytes === undefined
        ? undefined
        : await this.#options.cache.take(`${into.cacheUser}\n${uri.value}`, basename(target), sizeBytes, bring);
    if (cached === undefined) await bring(target);
    else {
      try {
        // What is unpacked from the cache need not lie in the sandbox itself.
        if (uri.executable !== true && uri.extract !== false && extractor(target) !== undefined) {
          await extract(cached.path, into.sandbox, basename(target), into);
          return;
        }
        await copyFile(cached.path, target);
      } finally {
        cached.release();
      }
    }
    if (uri.executable === true) await chmod(target, 0o755);
    else if (uri.extract !== false) await extract(target, into.sandbox, basename(target), into);
  }

  /** Undefined: it is downloaded. */
  #localPath(value: string): string | undefined {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(value)?.[1]?.toLowerCase();
    if (scheme === 'http' || scheme === 'https') return undefined;
    if (scheme === 'file') return fileURLToPath(value);
    if (scheme !== undefined) throw new Error(`the scheme ${scheme}: is not supported; use file, http or https`);
    if (isAbsolute(value)) return value;
    const { frameworksHome } = this.#options;
    if (frameworksHome === undefined) throw new Error('a relative path needs the flag --frameworks_home');
    return resolve(frameworksHome, value);
  }

  /** Undefined when the server does not say; such a file is not cached. */
  async #sizeOf(value: string, local: string | undefined, signal: AbortSignal): Promise<number | undefined> {
    if (local !== undefined) return (await stat(local)).size;
    const { body, headers } = await this.#open(value, 'HEAD', signal);
    await body.dump();
    const length = Number(headers['content-length'] ?? Number.NaN);
    return Number.isSafeInteger(length) ? length : undefined;
  }

  async #download(url: string, target: string, signal: AbortSignal): Promise<void> {
    const { body } = await this.#open(url, 'GET', signal);
    await pipeline(Readable.from(body), createWriteStream(target));
  }

  async #open(url: string, method: 'GET' | 'HEAD', signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { stallTimeoutMs } = this.#options;
    let location = url;
    for (let hop = 0; hop < 5; hop++) {
      const response = await request(location, { method, signal, headersTimeout: stallTimeoutMs, bodyTimeout: stallTimeoutMs });
      const next = response.headers['location'];
      if (response.statusCode >= 300 && response.statusCode < 400 && typeof next === 'string') {
        await response.body.dump();
        location = new URL(next, location).href;
        continue;
      }
      if (response.statusCode !== 200) {
        await response.body.dump();
        throw new Error(`the server answered ${response.statusCode}`);
      }
      return response;
    }
    throw new Error('more than 5 redirects');
  }
}

/** Reads with the user's rights, not with the agent's. */
async function copyAs(from: string, to: string, user: { readonly uid: number; readonly gid: number }, signal: AbortSignal): Promise<void> {
  const child = spawn('/bin/cat', ['--', from], { stdio: ['ignore', 'pipe', 'pipe'], signal, cwd: '/', ...user });
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (message.length < 2_000) message += chunk.toString();
  });
  const ended = new Promise<void>((resolvePromise, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolvePromise() : reject(new Error(message.trim().replace(/^\/bin\/cat: /, '')))));
  });
  await Promise.all([pipeline(child.stdout, createWriteStream(to)), ended]);
}

/** An archive that was unpacked before may have left a symbolic link that leads out of the sandbox. */
async function assertInside(sandbox: string, folder: string): Promise<void> {
  const root = await realpath(sandbox);
  for (let at = folder; ; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined);
    if (real === undefined) continue; // Not made yet.
    if (real !== root && !real.startsWith(`${root}/`)) throw new Error(`${folder} leads out of the sandbox`);
    return;
  }
}

/** The file's name in the sandbox; never outside of it. */
function targetName(uri: CommandInfoURI): string {
  if (uri.output_file !== undefined) {
    const name = normalize(uri.output_file);
    if (isAbsolute(name) || name.startsWith('..') || name === '.') throw new Error(`output_file ${uri.output_file} leaves the sandbox`);
    return name;
  }
  const path = uri.value.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '').replace(/[?#].*$/, '');
  const name = basename(path);
  if (name === '' || name === '.' || name === '..') throw new Error('the URI names no file');
  return name;
}

interface Extractor {
  readonly pattern: RegExp;
  readonly argv: (file: string, name: string) => readonly [string, ...string[]];
  /** The archive is its input, opened by the agent: the task's user need not be able to reach it. */
  readonly isPiped: boolean;
}

const tar = (pattern: RegExp, ...options: string[]): Extractor => ({
  pattern,
  argv: () => ['tar', '-x', ...options, '-f', '-'],
  isPiped: true,
});

const EXTRACTORS: readonly Extractor[] = [
  tar(/\.tar$/),
  tar(/\.(tar\.gz|tgz)$/, '-z'),
  tar(/\.(tar\.bz2|tbz2)$/, '-j'),
  tar(/\.(tar\.xz|txz)$/, '-J'),
  // A zip archive cannot be read from a pipe. It holds no devices either, so it may be unpacked with the agent's rights and be given away.
  { pattern: /\.zip$/, argv: (file) => ['unzip', '-o', '-q', file], isPiped: false },
  { pattern: /\.gz$/, argv: (_file, name) => ['/bin/sh', '-c', 'gzip -dc > "$0"', name.replace(/\.gz$/, '')], isPiped: true },
];

const extractor = (name: string): Extractor | undefined => EXTRACTORS.find(({ pattern }) => pattern.test(name));

/** `name` says what kind of archive it is; `file` may be called anything. */
async function extract(file: string, sandbox: string, name: string, { signal, user }: FetchRequest): Promise<void> {
  const found = extractor(name);
  if (found === undefined) return;
  if (!(await stat(file)).isFile()) throw new Error('an archive must be a regular file');
  const [program, ...argv] = found.argv(file, name);
  const input = found.isPiped ? openSync(file, 'r') : undefined;
  try {
    await runExtractor(program, argv, name, {
      cwd: sandbox,
      stdio: [input ?? 'ignore', 'ignore', 'pipe'],
      signal,
      ...(found.isPiped ? user : {}),
    });
  } finally {
    if (input !== undefined) closeSync(input);
  }
}

async function runExtractor(program: string, argv: readonly string[], name: string, options: SpawnOptions): Promise<void> {
  await new Promise<void>((resolvePromise, reject) => {
    const child = spawn(program, argv, options);
    let message = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      if (message.length < 2_000) message += chunk.toString();
    });
    child.once('error', (error) =>
      reject(
        (error as NodeJS.ErrnoException).code === 'ENOENT'
          ? new Error(`unpacking ${name} needs the program ${program}, which is not here`)
          : error,
      ),
    );
    child.once('close', (code) => (code === 0 ? resolvePromise() : reject(new Error(`${program} exited with ${code}: ${message.trim()}`))));
  });
}
