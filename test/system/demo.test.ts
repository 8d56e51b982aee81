import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, Pronoia, processesOf } from './pronoia.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-demo-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('pronoia demo --once, npm start -- --once', () => {
  it('sees every step work on the documents of this checkout, and replaces what it made before', { timeout: 180_000 }, async () => {
    // `npm start` is the second program: it installs and builds what is missing, and goes straight on when nothing is.
    for (const command of [['demo'], ['scripts/start.mjs']]) {
      const demo = new Pronoia(folder, ...command, '--once', '--data', join(folder, 'data'), '--output', join(folder, 'out'), ...freePorts);
      const code = await demo.exit;
      expect(demo.output.split('\n').filter((line) => line.includes('✗'))).toEqual([]);
      expect(demo.output.match(/✓/g)?.length).toBeGreaterThanOrEqual(11);
      expect(demo.output).toContain('e-mail received');
      expect(code).toBe(0);
      expect(processesOf(folder)).toEqual([]);
    }
  });

  it('counts other files, some of them odd', { timeout: 120_000 }, async () => {
    const input = join(folder, 'in');
    mkdirSync(join(input, 'deeper'), { recursive: true });
    writeFileSync(join(input, 'empty'), '');
    writeFileSync(join(input, 'deeper', 'a file, with a comma'), 'deep');
    writeFileSync(join(input, 'crlf'), 'a b\r\nb\r\n');
    writeFileSync(join(input, 'no-newline'), 'b é');
    const output = join(folder, 'odd');
    const demo = new Pronoia(folder, 'demo', '--once', '--data', join(folder, 'data'), '--input', input, '--output', output, ...freePorts);
    await demo.exit;
    expect(demo.output).toContain('✓  the counts are exact');
    expect(existsSync(join(output, '_SUCCESS'))).toBe(true);
    const parts = readdirSync(output).filter((name) => name.startsWith('part-r-'));
    const lines = parts.flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n')).filter((line) => line !== '');
    expect(lines.sort()).toEqual(['a\t1', 'b\t3', 'deep\t1', 'é\t1']);
  });

  it.each([
    ['a foreign output folder', [], 'exists and was not made by pronoia demo; remove it, or choose another folder with --output'],
    ['an input that is not there', ['--input', 'nowhere'], 'Input path does not exist'],
  ])('%s is refused before anything is started', async (_name, args, message) => {
    mkdirSync(join(folder, 'foreign'), { recursive: true });
    const demo = new Pronoia(folder, 'demo', '--once', '--data', join(folder, 'data'), '--output', 'foreign', ...args, ...freePorts);
    expect(await demo.exit).toBe(1);
    expect(demo.output).toContain(message);
    expect(demo.output.trim().split('\n')).toHaveLength(1);
  });
});

describe('pronoia demo', () => {
  it('stops within five seconds in the middle of its job, leaving no process', { timeout: 60_000 }, async () => {
    const demo = new Pronoia(folder, 'demo', '--data', join(folder, 'cut'), '--output', join(folder, 'cut-out'), ...freePorts);
    await demo.printed(/map \d+%/);
    const startedMs = performance.now();
    demo.child.kill('SIGINT');
    expect(await demo.exit).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(processesOf(folder)).toEqual([]);
  });
});
