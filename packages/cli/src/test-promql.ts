/** `pronoia test promql FILE…`: scripts of the `.test` language against an evaluator; one line for each case that fails. */
import { readFile } from 'node:fs/promises';
import { newTestEngine, runScript, ScriptError } from '@pronoia/promql/promqltest';
import { print, say } from './terminal.ts';

export interface TestPromqlFlags {
  readonly engine: 'columnar' | 'reference';
}

/** Exit code 1: a case failed; 2: a file could not be read or is no script. The other files are run all the same. */
export async function testPromql(files: readonly string[], flags: TestPromqlFlags): Promise<void> {
  let cases = 0;
  let failed = 0;
  let isUnusable = false;
  for (const file of files) {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      say(`${file}: cannot be read: ${(error as Error).message}`);
      isUnusable = true;
      continue;
    }
    try {
      for (const { line, expr, fault } of await runScript(text, newTestEngine(flags.engine))) {
        cases++;
        if (fault === undefined) continue;
        failed++;
        print(oneLine(`${file}:${line}: ${expr}: ${fault}`));
      }
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      say(oneLine(`${file}${error.message.replace(/^line (\d+):/, ':$1:')}`));
      isUnusable = true;
    }
  }
  print(`PASSED ${cases - failed} of ${cases}`);
  if (isUnusable) process.exitCode = 2;
  else if (failed > 0) process.exitCode = 1;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
