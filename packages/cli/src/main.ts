#!/usr/bin/env node
/** The `pronoia` command. Each verb is loaded only when it is called, so that no verb pays for another. */
import { Command, Option } from 'commander';
import { addAlertingVerbs } from './alerting/verbs.ts';
import type { DemoFlags } from './demo.ts';
import type { QueryFlags } from './query.ts';
import type { TestPromqlFlags } from './test-promql.ts';
import type { AnalyzeFlags, DumpFlags, ImportFlags, RepairFlags, TableFlags } from './tsdb.ts';
import { addUpFlags, type UpFlags } from './up-flags.ts';
import { UserError } from './user-error.ts';

const program = new Command('pronoia')
  .description('A cluster that is measured: Mesos-style scheduling, Prometheus-style monitoring and alerting.')
  .version('0.1.0')
  .enablePositionalOptions()
  .showHelpAfterError('(try pronoia --help)');

/** Flags belong to the verb's package, which also explains them. */
function packageVerb(name: string, description: string, load: () => Promise<{ readonly main: (argv: string[]) => Promise<void> }>): void {
  program
    .command(name)
    .description(description)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .argument('[flags...]')
    .action(async (flags: string[]) => {
      const { main } = await load();
      await main(flags);
    });
}

packageVerb('master', 'run a master (Mesos scheduler and operator API, port 5050)', () => import('@pronoia/master'));
packageVerb('agent', 'run an agent (tasks on this machine, port 5051)', () => import('@pronoia/agent'));
packageVerb('monitor', 'run a monitor (Prometheus API and the page, port 9090)', () => import('@pronoia/monitor'));
packageVerb('alertmanager', 'run an alertmanager (Alertmanager API, port 9093)', () => import('./alerting/server.ts'));

packageVerb(
  'mapreduce',
  'run a MapReduce job on a cluster: wordcount, or any mapper and reducer (Hadoop Streaming)',
  () => import('./mapreduce.ts'),
);

addUpFlags(program.command('up').description('run master, agent, monitor and alertmanager on this machine, wired to each other')).action(
  async (flags: UpFlags) => (await import('./up.ts')).up(flags),
);

addUpFlags(program.command('demo').description('run a cluster, count words on it, and show what is measured and alerted'))
  .option('--input <path...>', 'files, folders or patterns to count the words of; default: the documents of this checkout')
  .option('--output <folder>', 'where the counts go', './wordcount-output')
  .option('--once', 'stop when it is done; exit code 0 only if every step was seen to work')
  .action(async (flags: DemoFlags) => (await import('./demo.ts')).demo(flags));

program
  .command('query')
  .description('ask a monitor a question in PromQL')
  .argument('<expression>', 'for example: rate(task_count[1m])')
  .option('--url <url>', 'the monitor', 'http://127.0.0.1:9090')
  .option('--time <time>', 'moment of the answer: Unix seconds or RFC 3339; default now')
  .option('--json', 'the answer as it came')
  .action(async (expression: string, flags: QueryFlags) => (await import('./query.ts')).query(expression, flags));

addAlertingVerbs(program);

program
  .command('test')
  .description('run scripts of expected behaviour')
  .command('promql')
  .description("run scripts of the original's .test language: a line for each failing case, then PASSED n of m")
  .argument('<file...>', 'scripts')
  .addOption(new Option('--engine <kind>', 'the evaluator that runs them').choices(['columnar', 'reference']).default('columnar'))
  .action(async (files: string[], flags: TestPromqlFlags) => (await import('./test-promql.ts')).testPromql(files, flags));

const tsdb = program.command('tsdb').description("look at a monitor's data folder, or fill one; no server may have it open");
const humanReadable = ['-r, --human-readable', 'times and sizes for people'] as const;
const tsdbVerbs = () => import('./tsdb.ts');

tsdb
  .command('list')
  .description('list the blocks')
  .argument('[folder]', 'data folder', 'data/')
  .option(...humanReadable)
  .action(async (folder: string, flags: TableFlags) => (await tsdbVerbs()).list(folder, flags));

tsdb
  .command('dump')
  .description('print every sample: labels, value, time in Unix milliseconds')
  .argument('[folder]', 'data folder', 'data/')
  .option('--match <selector>', 'only these series; may be repeated', (one: string, before?: string[]) => [...(before ?? []), one])
  .option('--min-time <ms>', 'from this time on')
  .option('--max-time <ms>', 'up to this time')
  .action(async (folder: string, flags: DumpFlags) => (await tsdbVerbs()).dump(folder, flags));

tsdb
  .command('analyze')
  .description('say which labels of a block have the most series, and which come and go')
  .argument('[folder]', 'data folder', 'data/')
  .argument('[block]', 'default: the newest')
  .option('--limit <count>', 'lines in each list', '20')
  .option('--extended', 'say how full the chunks are, too')
  .action(async (folder: string, block: string | undefined, flags: AnalyzeFlags) => (await tsdbVerbs()).analyze(folder, block, flags));

tsdb
  .command('check')
  .description('say what is wrong with a data folder; changes nothing; exit code 1 if anything is damaged')
  .argument('[folder]', 'data folder', 'data/')
  .action(async (folder: string) => (await tsdbVerbs()).checkFolder(folder));

tsdb
  .command('repair')
  .description('put a damaged data folder in order: says first what it will do; moves damaged parts aside, deletes nothing')
  .argument('[folder]', 'data folder', 'data/')
  .option('--dry-run', 'only say what there is to do')
  .action(async (folder: string, flags: RepairFlags) => (await tsdbVerbs()).repairFolder(folder, flags));

tsdb
  .command('create-blocks-from')
  .description('make blocks of old samples')
  .command('openmetrics')
  .description('of a page in OpenMetrics text, whose samples all have a time')
  .argument('<file>', 'the page')
  .argument('[folder]', 'data folder', 'data/')
  .option(...humanReadable)
  .option('-q, --quiet', 'do not print the blocks')
  .action(async (file: string, folder: string, flags: ImportFlags) => (await tsdbVerbs()).createBlocks(file, folder, flags));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
