import { runMain } from '@pronoia/server';
import { start } from './app.ts';
import { flags } from './flags.ts';
import { version } from './version.ts';

/** `pronoia monitor`: runs until it is told to stop. */
export function main(argv: readonly string[]): Promise<void> {
  return runMain({
    name: 'pronoia monitor',
    argv,
    flags,
    version,
    start: ({ flags: options, log }) => start(options, { log, quit: () => process.kill(process.pid, 'SIGTERM') }),
  });
}
