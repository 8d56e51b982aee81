// Makes a checkout ready to run: dependencies and build. Plain JavaScript, because it runs before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const stampFolder = join(root, 'node_modules', '.pronoia');

/** Throws when this Node.js is too old to run what we ship. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Node.js ${process.versions.node} is too old: Pronoia needs 20.19 or newer`);
  }
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

function stampIs(name, value) {
  const file = join(stampFolder, name);
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

function stamp(name, value) {
  mkdirSync(stampFolder, { recursive: true });
  writeFileSync(join(stampFolder, name), value);
}

/** Everything that the build reads: sources and build settings of every package. */
function buildInputs() {
  const files = ['package-lock.json', 'tsconfig.json', 'tsconfig.base.json', 'scripts/kernels.mjs'];
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')) continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (!/\.test\.tsx?$|\.md$|\.wasm$/.test(entry.name)) files.push(path);
    }
  };
  walk('packages');
  return files.sort();
}

/** Runs a command quietly; its output is shown only when it fails. */
function run(title, command, args) {
  return new Promise((done, failed) => {
    const started = Date.now();
    const output = [];
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    const terminal = process.stderr.isTTY;
    const seconds = () => Math.round((Date.now() - started) / 1000);
    if (!terminal) process.stderr.write(`${title} …\n`);
    const ticker = terminal ? setInterval(() => process.stderr.write(`\r${title} … ${seconds()} s`), 500) : undefined;
    child.on('error', failed);
    child.on('close', (code) => {
      clearInterval(ticker);
      if (terminal) process.stderr.write('\r\x1b[K');
      process.stderr.write(`${title}: ${code === 0 ? 'done' : 'FAILED'} (${seconds()} s)\n`);
      if (code === 0) done();
      else failed(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${Buffer.concat(output).toString()}`));
    });
  });
}

/** `npm ci` when node_modules is missing or was made from another lock file. */
export async function ensureInstalled() {
  const lock = hashOf(['package-lock.json']);
  if (stampIs('install', lock)) return;
  // A checkout where someone ran npm by hand carries npm's own record of the lock it installed.
  const record = join(root, 'node_modules', '.package-lock.json');
  const installed = existsSync(record) && statSync(record).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (!installed) await run('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund']);
  stamp('install', lock);
}

/** Compiles all packages and the page when their sources changed since the last build. */
export async function ensureBuilt() {
  const inputs = hashOf(buildInputs());
  const outputs = ['packages/cli/dist/main.js', 'packages/ui/dist/index.html'].every((file) => existsSync(join(root, file)));
  if (outputs && stampIs('build', inputs)) return;
  await run('building', 'npm', ['run', '--silent', 'build']);
  stamp('build', inputs);
}
