export { errors as mapReduceErrors, exitCodeOf } from './mapreduce/errors.ts';
export type { JobProgress, JobResult, KindProgress, MapReduceJob, RunDeps, StreamingJob, WordCountJob } from './mapreduce/job.ts';
export { runMapReduce } from './mapreduce/run.ts';
