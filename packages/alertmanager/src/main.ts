import { runMain } from '@pronoia/server';
import { start } from './app.ts';
import { flags } from './flags.ts';
import { version } from './version.ts';

/** `pronoia alertmanager …`: resolves when the server has stopped. */
export async function main(argv: string[]): Promise<void> {
  await runMain({ name: 'alertmanager', argv, flags, version, start: ({ log, flags: values }) => start(values, { log }) });
}
