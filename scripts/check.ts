/** `npm run check`: everything about the tree that can be checked without running it. Each step says what to do when it fails. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

interface Step {
  readonly name: string;
  /** Undefined when all is well, otherwise what is wrong. */
  readonly run: () => string | undefined;
}

function command(...argv: [string, ...string[]]): () => string | undefined {
  return () => {
    const [program, ...args] = argv;
    const result = spawnSync(join(root, 'node_modules/.bin', program), args, { cwd: root, encoding: 'utf8' });
    return result.status === 0 ? undefined : `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim();
  };
}

function npm(script: string): () => string | undefined {
  return () => {
    const result = spawnSync('npm', ['run', '--silent', script], { cwd: root, encoding: 'utf8' });
    return result.status === 0 ? undefined : `${result.stdout}${result.stderr}`.trim();
  };
}

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'dist', '.git', 'pronoia-data', 'wordcount-output', 'api'].includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else yield path;
  }
}

/** Relative links of our documents must lead to something that exists. */
function brokenLinks(): string | undefined {
  const broken: string[] = [];
  for (const file of files(root)) {
    if (!file.endsWith('.md')) continue;
    const text = readFileSync(file, 'utf8')
      .replace(/```[\s\S]*?```/g, '')
      .replace(/`[^`\n]*`/g, '');
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = (match[1] as string).split('#')[0] as string;
      if (target === '' || /^[a-z]+:/.test(target)) continue;
      if (!exists(join(dirname(file), target))) broken.push(`${relative(root, file)}: ${target} does not exist`);
    }
  }
  return broken.length === 0 ? undefined : broken.join('\n');
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Words that a tidy tree does not hold. */
function looseEnds(): string | undefined {
  const found: string[] = [];
  for (const file of files(join(root, 'packages'))) {
    if (!/\.tsx?$/.test(file)) continue;
    readFileSync(file, 'utf8')
      .split('\n')
      .forEach((line, index) => {
        if (/\b(TODO|FIXME|XXX)\b(?!.*#\d)/.test(line)) found.push(`${relative(root, file)}:${index + 1}: names no issue: ${line.trim()}`);
        if (/\b(it|test|describe)\.only\(/.test(line)) found.push(`${relative(root, file)}:${index + 1}: a forgotten .only`);
      });
  }
  return found.length === 0 ? undefined : found.join('\n');
}

const steps: readonly Step[] = [
  { name: 'build (tsc -b)', run: command('tsc', '-b') },
  { name: 'types of tests and scripts', run: command('tsc', '-p', 'tsconfig.tests.json') },
  { name: 'format and import order: npm run tidy mends it', run: command('biome', 'check', '.') },
  { name: 'lint', run: npm('lint') },
  { name: 'import directions and cycles', run: npm('rooms') },
  { name: 'unused files, exports, dependencies', run: command('knip') },
  { name: 'documentation (typedoc)', run: command('typedoc', '--logLevel', 'Error') },
  { name: 'links in documents', run: brokenLinks },
  { name: 'loose ends', run: looseEnds },
];

let failures = 0;
for (const step of steps) {
  const startedMs = performance.now();
  const fault = step.run();
  const took = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  if (fault === undefined) process.stdout.write(`  ✓ ${step.name} (${took})\n`);
  else {
    failures++;
    process.stdout.write(`  ✗ ${step.name} (${took})\n${fault}\n`);
  }
}
process.exit(failures === 0 ? 0 : 1);
