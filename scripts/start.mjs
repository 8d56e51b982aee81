// `npm start`: from a fresh clone to a running cluster that has counted words. Installs and builds what is missing, then becomes
// `pronoia demo` with the arguments behind `--`. Plain JavaScript, because it runs before anything is installed.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, requireNode, root } from './prepare.mjs';

try {
  requireNode();
  await ensureInstalled();
  await ensureBuilt();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const program = join(root, 'packages/cli/dist/main.js');
process.argv = [process.argv[0], program, 'demo', ...process.argv.slice(2)];
await import(pathToFileURL(program).href);
