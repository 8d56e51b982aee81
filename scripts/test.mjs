// `npm test`: installs and builds what is missing, fetches the real counterparts that tests meet (Debian packages, where that
// is allowed), runs the checks and every suite, and ends with the counts. Plain JavaScript, because it runs first of all.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, requireNode, root } from './prepare.mjs';

/** Binary that a suite looks for → Debian package that brings it. */
const counterparts = [
  ['/usr/bin/prometheus', 'prometheus'],
  ['/usr/bin/promtool', 'prometheus'],
  ['/usr/bin/prometheus-alertmanager', 'prometheus-alertmanager'],
  ['/usr/lib/python3/dist-packages/prometheus_client/__init__.py', 'python3-prometheus-client'],
  ['/usr/bin/chromium', 'chromium'],
  ['/usr/bin/etcd', 'etcd-server'],
  ['/usr/sbin/runc', 'runc'],
  ['/usr/bin/unzip', 'unzip'],
  ['/usr/bin/bzip2', 'bzip2'],
  ['/usr/bin/xz', 'xz-utils'],
];

function installCounterparts() {
  const missing = [...new Set(counterparts.filter(([file]) => !existsSync(file)).map(([, name]) => name))];
  if (missing.length === 0) return;
  const sudo = process.getuid?.() === 0 ? [] : spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
  if (sudo === undefined || !existsSync('/usr/bin/apt-get')) {
    console.error(`SKIPPING suites that need ${missing.join(', ')}: neither root nor sudo with apt-get is here`);
    return;
  }
  console.error(`installing ${missing.join(', ')} …`);
  const apt = (...args) => {
    const [command, ...rest] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
    return spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
  };
  apt('update');
  if (!apt('install', '-y', '--no-install-recommends', ...missing)) {
    console.error(`SKIPPING suites that need ${missing.join(', ')}: apt-get could not install them`);
  }
  // Debian starts the servers at installation where an init system runs; tests start their own.
  for (const service of ['prometheus', 'prometheus-alertmanager', 'etcd']) spawnSync('systemctl', ['stop', service], { stdio: 'ignore' });
}

requireNode();
installCounterparts();
await ensureInstalled();
await ensureBuilt();

const check = spawnSync('npm', ['run', '--silent', 'check'], { cwd: root, stdio: 'inherit' });
const report = join(root, 'node_modules', '.pronoia', 'tests.json');
mkdirSync(join(root, 'node_modules', '.pronoia'), { recursive: true });
rmSync(report, { force: true });
const vitest = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);

let passed = 0;
let failed = check.status === 0 ? 0 : 1;
let skipped = 0;
if (existsSync(report)) {
  const counts = JSON.parse(readFileSync(report, 'utf8'));
  passed += counts.numPassedTests;
  failed += counts.numFailedTests;
  skipped += counts.numPendingTests + counts.numTodoTests;
  // A file that cannot even be loaded has no tests to count.
  failed += counts.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
}
if (vitest.status !== 0 && failed === 0) failed = 1;
if (check.status !== 0) console.log('npm run check FAILED (counted as one failure)');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed === 0 ? 0 : 1);
