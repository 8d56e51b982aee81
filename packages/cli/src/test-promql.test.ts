import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../dist/main.js');
const conformance = resolve(import.meta.dirname, '../../../../shared/conformance/promql');
const conformanceScripts = existsSync(conformance) ? readdirSync(conformance).filter((name) => name.endsWith('.test')) : [];

const good = `load 1m
  requests{job="a"} 0 60 120
  requests{job="b"} 0 30 60

eval instant at 2m sum(requests)
  {} 180

eval instant at 2m rate(requests[2m])
  {job="a"} 1
  {job="b"} 0.5

eval_fail instant at 2m sum(
`;

const bad = `load 1m
  requests{job="a"} 0 60 120

eval instant at 2m sum(requests)
  {} 121

eval instant at 2m requests{job="z"}

eval instant at 2m requests
  requests{job="b"} 1

eval range from 0 to 2m step 1m requests
  requests{job="a"} 0 61 120

eval instant at 2m sum(

eval_fail instant at 2m sum(requests)
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-'));
  writeFileSync(join(folder, 'good.test'), good);
  writeFileSync(join(folder, 'bad.test'), bad);
  writeFileSync(join(folder, 'no-script.test'), '# not a script\n\neval instant up sideways at 1\n  {} 1x\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

function testPromql(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [program, 'test', 'promql', ...args], { encoding: 'utf8', cwd: folder, timeout: 60_000 });
}

describe.each(['columnar', 'reference'])('pronoia test promql --engine %s', (engine) => {
  it('counts what passes', () => {
    const { stdout, stderr, status } = testPromql('--engine', engine, 'good.test');
    expect([stdout, stderr, status]).toEqual(['PASSED 3 of 3\n', '', 0]);
  });

  it('says for each failing case where it stands, what was asked, expected and got', () => {
    const { stdout, stderr, status } = testPromql('good.test', 'bad.test', '--engine', engine);
    expect(stdout.split('\n')).toEqual([
      'bad.test:4: sum(requests): {}: expected 121, got 120',
      'bad.test:9: requests: unexpected {__name__="requests", job="a"} 120',
      'bad.test:12: requests: {__name__="requests", job="a"} step 1: expected 61, got 60; got 0@0 60@60000 120@120000',
      'bad.test:15: sum(: 1:5: parse error: unclosed left parenthesis',
      'bad.test:17: sum(requests): expected to fail',
      'PASSED 4 of 9',
      '',
    ]);
    expect([stderr, status]).toEqual(['', 1]);
  });

  it.skipIf(conformanceScripts.length === 0)(
    `passes the original's scripts in ${conformance}${conformanceScripts.length === 0 ? ' (MISSING: skipped)' : ''}`,
    () => {
      const { stdout, stderr, status } = testPromql('--engine', engine, ...conformanceScripts.map((name) => join(conformance, name)));
      expect([stderr, status]).toEqual(['', 0]);
      expect(stdout).toMatch(/^PASSED (\d+) of \1\n$/);
    },
    60_000,
  );
});

it('a file that cannot be read or understood is said with its place, and ends in exit code 2 after the others', () => {
  const { stdout, stderr, status } = testPromql('nowhere.test', 'no-script.test', 'bad.test', 'good.test');
  expect(stderr.split('\n')).toEqual([
    expect.stringMatching(/^nowhere\.test: cannot be read: ENOENT/),
    expect.stringMatching(/^no-script\.test:3: /),
    '',
  ]);
  expect(stdout).toContain('bad.test:4: ');
  expect(stdout).toContain('PASSED 4 of 9\n');
  expect(status).toBe(2);
});

it.each([
  [[], "missing required argument 'file'"],
  [['--engine', 'fast', 'good.test'], 'Allowed choices are columnar, reference'],
])('%j is refused', (args, message) => {
  const { stderr, status } = testPromql(...args);
  expect(status).toBe(1);
  expect(stderr).toContain(message);
});
