/** What the user sees: lines on stderr as things happen, results on stdout. */
import Table from 'cli-table3';
import pc from 'picocolors';

export const say = (line: string): void => void process.stderr.write(`${line}\n`);
export const print = (line = ''): void => void process.stdout.write(`${line}\n`);

export const warn = (line: string): void => say(pc.yellow(line));

/** Columns without borders. */
export function table(rows: readonly (readonly string[])[]): string {
  const lines = new Table({
    chars: Object.fromEntries(
      [
        'top',
        'top-mid',
        'top-left',
        'top-right',
        'bottom',
        'bottom-mid',
        'bottom-left',
        'bottom-right',
        'left',
        'left-mid',
        'mid',
        'mid-mid',
        'right',
        'right-mid',
        'middle',
      ].map((name) => [name, name === 'middle' ? '  ' : '']),
    ),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  lines.push(...rows.map((row) => [...row]));
  return lines
    .toString()
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
}

/** Aborted by SIGINT, SIGTERM or SIGHUP (the terminal was closed). A second SIGINT ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted && signal === 'SIGINT') process.exit(130);
      controller.abort(new Error(`stopped by ${signal}`));
    });
  }
  return controller.signal;
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
