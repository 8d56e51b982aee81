/**
 * Brings a command's URIs into its sandbox before it starts (mesos.md §9.7): local files are copied, http(s) is downloaded, archives
 * are unpacked next to themselves. Whatever cannot be brought fails the launch, and so does a scheme that we do not speak.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chmod, copyFile, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, normalize, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { CommandInfoURI } from '@pronoia/mesos';
import { request } from 'undici';

export interface FetchOptions {
  readonly sandbox: string;
  /** Relative paths start here (`--frameworks_home`); without it they are refused. */
  readonly frameworksHome?: string;
  readonly stallTimeoutMs: number;
  readonly signal?: AbortSignal;
}

export async function fetchUris(uris: readonly CommandInfoURI[], options: FetchOptions): Promise<void> {
  for (const uri of uris) {
    try {
      await fetchUri(uri, options);
    } catch (error) {
      throw new Error(`fetch ${uri.value}: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function fetchUri(uri: CommandInfoURI, options: FetchOptions): Promise<void> {
  const target = join(options.sandbox, targetName(uri));
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri.value)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') await download(uri.value, target, options);
  else if (scheme === undefined || scheme === 'file') await copyFile(localPath(uri.value, options), target);
  else throw new Error(`the scheme ${scheme}: is not supported; use file, http or https`);

  if (uri.executable === true) await chmod(target, 0o755);
  else if (uri.extract !== false) await extract(target, options.sandbox, options.signal);
}

/** The file's name in the sandbox; never outside of it. */
function targetName(uri: CommandInfoURI): string {
  if (uri.output_file !== undefined) {
    const name = normalize(uri.output_file);
    if (isAbsolute(name) || name.startsWith('..') || name === '.') throw new Error(`output_file ${uri.output_file} leaves the sandbox`);
    if (name.includes('/')) throw new Error(`output_file ${uri.output_file}: folders are not supported; give a plain name`);
    return name;
  }
  const path = uri.value.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '').replace(/[?#].*$/, '');
  const name = basename(path);
  if (name === '' || name === '.' || name === '..') throw new Error('the URI names no file');
  return name;
}

function localPath(value: string, options: FetchOptions): string {
  if (/^file:/i.test(value)) return fileURLToPath(value);
  if (isAbsolute(value)) return value;
  if (options.frameworksHome === undefined) throw new Error('a relative path needs the flag --frameworks_home');
  return resolve(options.frameworksHome, value);
}

async function download(url: string, target: string, options: FetchOptions): Promise<void> {
  const timeouts = { headersTimeout: options.stallTimeoutMs, bodyTimeout: options.stallTimeoutMs };
  let location = url;
  for (let hop = 0; hop < 5; hop++) {
    const response = await request(location, { ...timeouts, ...(options.signal === undefined ? {} : { signal: options.signal }) });
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
    await pipeline(Readable.from(response.body), createWriteStream(target));
    return;
  }
  throw new Error('more than 5 redirects');
}

const EXTRACTORS: readonly (readonly [RegExp, (file: string) => readonly string[]])[] = [
  [/\.(tar|tar\.gz|tgz|tar\.bz2|tbz2|tar\.xz|txz)$/, (file) => ['tar', '-xf', file]],
  [/\.zip$/, (file) => ['unzip', '-o', '-q', file]],
  [/\.gz$/, (file) => ['gzip', '-dk', '-f', file]],
];

async function extract(file: string, sandbox: string, signal?: AbortSignal): Promise<void> {
  const command = EXTRACTORS.find(([pattern]) => pattern.test(file))?.[1](file);
  if (command === undefined) return;
  if (!(await stat(file)).isFile()) throw new Error('an archive must be a regular file');
  const [program = '', ...argv] = command;
  await new Promise<void>((resolvePromise, reject) => {
    const child = spawn(program, argv, { cwd: sandbox, stdio: ['ignore', 'ignore', 'pipe'], ...(signal === undefined ? {} : { signal }) });
    let message = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (message.length < 2_000) message += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolvePromise() : reject(new Error(`${program} exited with ${code}: ${message.trim()}`))));
  });
}
