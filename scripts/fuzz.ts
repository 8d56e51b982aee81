/**
 * `npm run fuzz -- NAME [--seconds N] [--seed S]`: plays one seed after the other until the time is up, and stops at the first that
 * fails. The same seed is the same play: `--seed S --seconds 0` plays S alone. What a seed is stands in the package's `fuzz.ts`.
 */
import { parseArgs } from 'node:util';

interface Fuzz {
  /** What `play` counts, in the plural. */
  readonly unit: string;
  /** How many were played; throws with what was found. */
  readonly play: (seed: number) => number | Promise<number>;
}

const known: Readonly<Record<string, () => Promise<Fuzz>>> = {
  promql: () => import('../packages/promql/src/evaluate/fuzz.ts'),
  tsdb: () => import('../packages/tsdb/src/fuzz.ts'),
  cluster: () => import('../packages/master/src/simulation/fuzz.ts'),
};
const usage = `npm run fuzz -- ${Object.keys(known).join('|')} [--seconds N] [--seed S]`;

function refuse(message: string): never {
  console.error(`${message}; ${usage}`);
  process.exit(2);
}

function readArguments(): { name: string; load: () => Promise<Fuzz>; seconds: number; firstSeed: number } {
  let parsed: { values: { seconds?: string; seed?: string }; positionals: string[] };
  try {
    parsed = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } }, allowPositionals: true });
  } catch (error) {
    refuse((error as Error).message);
  }
  const { values, positionals } = parsed;
  const [name = ''] = positionals;
  const load = Object.hasOwn(known, name) ? known[name] : undefined;
  if (load === undefined || positionals.length !== 1) refuse(`one name is needed, got ${positionals.join(' ') || 'none'}`);
  const seconds = Number(values.seconds ?? 60);
  if (!(seconds >= 0)) refuse(`--seconds ${values.seconds} is no number of seconds`);
  // The generators read 32 bits of a seed.
  const firstSeed = Number(values.seed ?? Date.now() % 2 ** 30);
  if (!Number.isInteger(firstSeed) || firstSeed < 0 || firstSeed >= 2 ** 31)
    refuse(`--seed ${values.seed} is no integer from 0 to 2147483647`);
  return { name, load, seconds, firstSeed };
}

const { name, load, seconds, firstSeed } = readArguments();
const { unit, play } = await load();
console.log(`fuzz ${name}: from seed ${firstSeed}, ${seconds} s`);
const startedMs = performance.now();
const elapsedMs = (): number => performance.now() - startedMs;
let seed = firstSeed;
let played = 0;
let saidMs = 0;
do {
  try {
    played += await play(seed);
  } catch (error) {
    console.log(`FAILED at seed ${seed}, after ${played} ${unit}:\n${(error as Error).stack ?? String(error)}`);
    console.log(`again: npm run fuzz -- ${name} --seed ${seed} --seconds 0`);
    process.exit(1);
  }
  seed++;
  if (elapsedMs() - saidMs > 10_000) {
    saidMs = elapsedMs();
    console.log(`  ${played} ${unit}, next seed ${seed}`);
  }
} while (elapsedMs() < seconds * 1000);
console.log(`passed: ${played} ${unit}, seeds ${firstSeed} to ${seed - 1}, ${(elapsedMs() / 1000).toFixed(1)} s`);
