/**
 * Counts words the plain way: one process, one pass, one table. The demonstration compares the cluster's result with it; it shares
 * no code with the job, on purpose.
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Words are byte strings; latin1 keeps every byte as one character. */
export type WordCounts = Map<string, number>;

/** Space, tab, LF, VT, FF, CR: what `tr -s '[:space:]'` of the C locale splits at. */
const separators = /[ \t\n\v\f\r]+/;

export async function countWords(files: readonly string[]): Promise<WordCounts> {
  const counts: WordCounts = new Map();
  const add = (word: string): void => {
    if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  };
  for (const file of files) {
    // A word may lie across two chunks, never across two files.
    let rest = '';
    for await (const chunk of createReadStream(file, { encoding: 'latin1', highWaterMark: 1024 * 1024 })) {
      const words = (rest + (chunk as string)).split(separators);
      rest = words.pop() as string;
      for (const word of words) add(word);
    }
    add(rest);
  }
  return counts;
}

/** The job's output: `word<TAB>count` lines of `part-r-…` files, each sorted by the bytes of its words. */
export async function readOutput(folder: string): Promise<{ counts: WordCounts; faults: readonly string[] }> {
  const counts: WordCounts = new Map();
  const faults: string[] = [];
  const parts = (await readdir(folder)).filter((name) => /^part-r-\d{5,}$/.test(name)).sort();
  for (const part of parts) {
    const lines = (await readFile(join(folder, part), 'latin1')).split('\n');
    if (lines.pop() !== '') faults.push(`${part} does not end with a newline`);
    let previous: string | undefined;
    for (const line of lines) {
      const tab = line.lastIndexOf('\t');
      const word = line.slice(0, tab);
      const count = Number(line.slice(tab + 1));
      if (tab < 1 || !Number.isSafeInteger(count) || count < 1)
        faults.push(`${part}: not a word and a count: ${JSON.stringify(line.slice(0, 80))}`);
      if (previous !== undefined && previous >= word)
        faults.push(`${part}: ${JSON.stringify(word)} stands after ${JSON.stringify(previous)}`);
      if (counts.has(word)) faults.push(`${part}: ${JSON.stringify(word)} was counted in another part too`);
      counts.set(word, count);
      previous = word;
    }
  }
  if (parts.length === 0) faults.push('there is no part-r- file');
  return { counts, faults };
}

/** The first difference in words, or undefined when both are the same. */
export function difference(found: WordCounts, expected: WordCounts): string | undefined {
  for (const [word, count] of expected) {
    if (found.get(word) !== count)
      return `${JSON.stringify(fromBytes(word))} was counted ${found.get(word) ?? 0} times, but stands there ${count} times`;
  }
  for (const word of found.keys()) if (!expected.has(word)) return `${JSON.stringify(fromBytes(word))} does not stand in the input`;
  return undefined;
}

export function mostFrequent(counts: WordCounts, limit: number): [string, number][] {
  return [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, limit)
    .map(([word, count]) => [fromBytes(word), count]);
}

function fromBytes(word: string): string {
  return Buffer.from(word, 'latin1').toString('utf8');
}
