/**
 * `npm run bench -- NAME…`: runs `bench/NAME.ts` (all of them without a name) and writes `bench/results/NAME.md`.
 * A bench reports; it never fails a build. Each module's default export measures ours beside its peer and returns markdown.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const known = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -3));
const wanted = process.argv.slice(2).filter((name) => !name.startsWith('-'));
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no bench named ${unknown.join(', ')}; there are: ${known.join(', ')}\n`);
  process.exit(1);
}

mkdirSync(join(folder, 'results'), { recursive: true });
for (const name of wanted.length > 0 ? wanted : known) {
  const module = (await import(join(folder, `${name}.ts`))) as { default: () => Promise<string> };
  process.stderr.write(`bench ${name} …\n`);
  const body = await module.default();
  const machine = `Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${new Date().toISOString().slice(0, 10)}.`;
  const page = `# Bench: ${name}\n\n${machine}\nMade by \`npm run bench -- ${name}\`; shared machines are noisy: read ratios, not absolutes.\n\n${body.trim()}\n`;
  writeFileSync(join(folder, 'results', `${name}.md`), page);
  process.stdout.write(`${page}\n`);
}
