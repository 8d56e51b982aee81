import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** Runs the first example of the README, and returns what it printed. */
async function runExample(): Promise<string[]> {
  const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```js\n(.*?)```/s.exec(text)?.[1] ?? '';
  const body = code.replace(/^import (\{.*?\}) from '(.*?)';$/gms, "const $1 = await load('$2');");
  const printed: string[] = [];
  const print = {
    log: (...values: unknown[]) =>
      printed.push(values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ')),
  };
  const AsyncFunction = (async () => {}).constructor as new (...names: string[]) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction('load', 'console', body)((name: string) => import(/* @vite-ignore */ name), print);
  return printed;
}

it('the README’s example prints what it says', async () => {
  expect(await runExample()).toEqual(['{"type":"GET_HEALTH","get_health":{"healthy":true}}']);
});
