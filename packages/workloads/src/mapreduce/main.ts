/** `pronoia mapreduce`: one job from the command line. stderr tells how it goes; stdout stays empty, or is JSON lines with `--json`. */
import { CodedError, createLogger } from '@pronoia/server';
import { parseMapReduce } from './command-line.ts';
import { exitCodeOf } from './errors.ts';
import type { JobResult } from './job.ts';
import { ProgressView } from './progress-view.ts';
import { runMapReduce } from './run.ts';

/** Sets `process.exitCode`: 0, or a number of mapreduce.md §1. */
export async function main(argv: readonly string[]): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    const command = parseMapReduce(argv, process.env);
    if (command.kind === 'help') {
      process.stdout.write(command.text);
      return;
    }
    const interruption = new AbortController();
    const onSignal = (signal: NodeJS.Signals): void => {
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort(new Error(signal));
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    const view = new ProgressView(process.stderr);
    const tell = (record: object): void => void process.stdout.write(`${JSON.stringify(record)}\n`);
    try {
      const result = await runMapReduce(command.job, {
        master: command.master,
        log: createLogger({ level: 'warn' }),
        signal: interruption.signal,
        onProgress: (progress) => (command.asJson ? tell({ kind: 'progress', ...progress }) : view.show(progress)),
      });
      view.end();
      if (command.asJson) tell({ kind: 'result', ...result });
      else say(summary(result));
    } finally {
      view.end();
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    say(`Error: ${error.message}`);
    say('Job failed!');
    process.exitCode = exitCodeOf(error.code);
  }
}

/** As Hadoop ends: the job's name, then the counters in their groups. */
function summary(result: JobResult): string {
  const byGroup = new Map<string, string[]>();
  for (const [path, value] of Object.entries(result.counters)) {
    const slash = path.indexOf('/');
    const group = path.slice(0, slash);
    byGroup.set(group, [...(byGroup.get(group) ?? []), `\t\t${path.slice(slash + 1)}=${value}`]);
  }
  const groups = [...byGroup].map(([group, lines]) => `\t${group}\n${lines.join('\n')}`);
  const { launched, failed, lost } = result.attempts;
  return [
    `Job ${result.jobId} completed successfully in ${(result.elapsedMs / 1_000).toFixed(1)} s: ${result.maps} maps, ${result.reduces} reduces, ${launched} attempts (${failed} failed, ${lost} lost)`,
    `Counters: ${Object.keys(result.counters).length}`,
    ...groups,
    `Output: ${result.output}`,
  ].join('\n');
}
