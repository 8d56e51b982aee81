/** `pronoia alertmanager`: the server, unless the first word asks for something about one. */
import { alertmanagerVerb } from './verbs.ts';

export async function main(argv: string[]): Promise<void> {
  const program = alertmanagerVerb(argv);
  if (program !== undefined) {
    await program.parseAsync(argv, { from: 'user' });
    return;
  }
  const { main: serve } = await import('@pronoia/alertmanager');
  await serve(argv);
}
