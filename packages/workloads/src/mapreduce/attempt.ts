/**
 * The program of one map or reduce attempt: `node attempt.js JOB_FILE ATTEMPT_ID`, run as a Mesos command task. It asks the job master for
 * its work, does it, reports the result and exits 0; anything else is told with a reason and exits 1.
 *
 * It must start fast, so it loads nothing but what it needs: no fastify, no undici.
 */
import { readFileSync } from 'node:fs';
import type { JobFile } from './attempt-protocol.ts';
import { AttemptStatus } from './attempt-status.ts';
import { JobClient, ObsoleteError } from './job-client.ts';
import { FatalError, runMap } from './map-attempt.ts';
import { runReduce } from './reduce-attempt.ts';

async function main(jobFile: string, attemptId: string): Promise<number> {
  let job: JobFile;
  try {
    job = JSON.parse(readFileSync(jobFile, 'utf8')) as JobFile;
  } catch (error) {
    process.stderr.write(`the job file ${jobFile} cannot be read: ${(error as Error).message}; has the job ended?\n`);
    return 1;
  }
  const client = new JobClient(job, attemptId);
  let status: AttemptStatus | undefined;
  try {
    const work = await client.work();
    status = new AttemptStatus(work.jobId, work.kind);
    const port = Number(process.env['MAPREDUCE_METRICS_PORT'] ?? '');
    if (Number.isSafeInteger(port) && port > 0) status.serve(port);
    status.report(client, (error) => {
      process.stderr.write(`this attempt is over: ${error.message}\n`);
      process.exit(1);
    });
    const report = work.kind === 'map' ? await runMap(work, attemptId, status) : await runReduce(work, attemptId, client, status);
    const { accepted } = await client.done(report);
    if (!accepted) process.stderr.write('another attempt of this task was faster\n');
    else await status.linger(job.lingerMs);
    return 0;
  } catch (error) {
    const { message } = error as Error;
    process.stderr.write(`${message}\n`);
    if (!(error instanceof ObsoleteError)) {
      const isFatal = error instanceof FatalError;
      await client.failed({ message, isFatal }).catch((failure: unknown) => process.stderr.write(`${(failure as Error).message}\n`));
    }
    return 1;
  } finally {
    status?.stop();
    client.close();
  }
}

const [jobFile, attemptId] = process.argv.slice(2);
if (jobFile === undefined || attemptId === undefined) {
  process.stderr.write('usage: attempt.js JOB_FILE ATTEMPT_ID\n');
  process.exitCode = 2;
} else {
  // A request that still waits (for news of maps) must not hold the process.
  process.exit(await main(jobFile, attemptId));
}
