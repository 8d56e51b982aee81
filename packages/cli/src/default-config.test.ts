import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeDefaultConfig } from './default-config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const usual = { master: '127.0.0.1:5050', monitor: '127.0.0.1:9090', alertmanager: '127.0.0.1:9093' };
const moved = { ...usual, master: '127.0.0.1:6050' };

it('the first start writes three files', () => {
  const { prometheus, alertmanager, stale } = writeDefaultConfig(folder, usual);
  expect(readFileSync(prometheus, 'utf8')).toContain("master: 'http://127.0.0.1:5050'");
  expect(readFileSync(alertmanager, 'utf8')).toContain('receiver: nobody');
  expect(readFileSync(join(folder, 'rules/shipped.yml'), 'utf8')).toContain('alert: TaskBusy');
  expect(stale).toEqual([]);
});

it('a file that nobody edited follows the ports', () => {
  writeDefaultConfig(folder, usual);
  const { prometheus, stale } = writeDefaultConfig(folder, moved);
  expect(readFileSync(prometheus, 'utf8')).toContain("master: 'http://127.0.0.1:6050'");
  expect(stale).toEqual([]);
});

it('an edited file is never touched, and it is said when it names other ports', () => {
  const { prometheus } = writeDefaultConfig(folder, usual);
  const edited = `${readFileSync(prometheus, 'utf8')}# mine\n`;
  writeFileSync(prometheus, edited);
  expect(writeDefaultConfig(folder, usual).stale).toEqual([]);
  expect(writeDefaultConfig(folder, moved).stale).toEqual([prometheus]);
  expect(readFileSync(prometheus, 'utf8')).toBe(edited);
});

it('a file that was there before us is the user’s', () => {
  writeFileSync(join(folder, 'alertmanager.yml'), 'route: {receiver: mine}\n');
  const { alertmanager } = writeDefaultConfig(folder, usual);
  expect(readFileSync(alertmanager, 'utf8')).toBe('route: {receiver: mine}\n');
});
