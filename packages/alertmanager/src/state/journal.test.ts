import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from './journal.ts';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(file: string): { journal: Journal; read: string[] } {
  const read: string[] = [];
  const journal = Journal.open(file, (payload) => read.push(payload.toString()));
  return { journal, read };
}

function written(...texts: string[]): string {
  const file = join(folder, `state${count++}`);
  const { journal } = open(file);
  for (const text of texts) journal.append(Buffer.from(text));
  journal.close();
  return file;
}

function reopened(file: string): string[] {
  const { journal, read } = open(file);
  journal.close();
  return read;
}

describe('a journal', () => {
  it('gives back what was appended, in order', () => {
    expect(reopened(written('a', '', 'c'.repeat(70_000)))).toEqual(['a', '', 'c'.repeat(70_000)]);
    expect(reopened(join(folder, 'none'))).toEqual([]);
  });

  it('drops a torn last record, wherever it was cut, and appends after it', () => {
    const whole = readFileSync(`${written('first', 'second')}.log`).length;
    const first = 8 + 5;
    for (let length = 0; length < whole; length++) {
      const file = written('first', 'second');
      truncateSync(`${file}.log`, length);
      const { journal, read } = open(file);
      expect(read).toEqual(length >= first ? ['first'] : []);
      journal.append(Buffer.from('third'));
      journal.close();
      expect(reopened(file)).toEqual([...read, 'third']);
    }
  });

  it('names the place of damage in the middle', () => {
    const file = written('first', 'second');
    const bytes = readFileSync(`${file}.log`);
    bytes[9] = (bytes[9] as number) ^ 1;
    writeFileSync(`${file}.log`, bytes);
    expect(() => open(file)).toThrow(`${file}.log is damaged at byte 0: the checksum does not fit; move the file away to start without it`);
  });

  it('a snapshot stands for all before it, and a cut one is refused', () => {
    const file = written('old');
    const { journal } = open(file);
    expect(journal.snapshot([Buffer.from('x'), Buffer.from('y'.repeat(300))])).toBe(1 + 1 + 2 + 300);
    journal.append(Buffer.from('z'));
    journal.close();
    expect(reopened(file)).toEqual(['x', 'y'.repeat(300), 'z']);
    truncateSync(file, 10);
    expect(() => open(file)).toThrow(/is damaged at byte 2: a message of 300 bytes is cut/);
    appendFileSync(file, '');
  });

  it('a snapshot in turns stands for all before it, and keeps the log when something was appended meanwhile', async () => {
    const file = written('old');
    const { journal } = open(file);
    await journal.snapshotInTurns([Buffer.from('a')]);
    expect([journal.logBytes, reopened(file)]).toEqual([0, ['a']]);
    const disturbed = journal.snapshotInTurns([Buffer.from('b')]);
    journal.append(Buffer.from('c'));
    await disturbed;
    expect(reopened(file)).toEqual(['b', 'c']);
    await journal.snapshotInTurns([Buffer.from('d')]);
    journal.close();
    expect(reopened(file)).toEqual(['d']);
  });

  it('what is synced is durable; those who ask together share one flush', async () => {
    const { journal } = open(written('x'));
    await Promise.all([journal.synced(), journal.synced()]);
    journal.append(Buffer.from('y'));
    await journal.synced();
    journal.close();
    await expect(journal.synced()).rejects.toThrow(/cannot write .*\.log: EBADF/);
  });

  it('a snapshot that cannot be written changes nothing', async () => {
    const file = written('kept');
    const { journal } = open(file);
    rmSync(folder, { recursive: true });
    expect(() => journal.snapshot([Buffer.from('lost')])).toThrow(/cannot write .*nothing was changed/);
    await expect(journal.snapshotInTurns([Buffer.from('lost')])).rejects.toThrow(/cannot write .*nothing was changed/);
    journal.close();
  });
});
