export { type ParsedCommand, parseMapReduce } from './mapreduce/command-line.ts';
export { errors as mapReduceErrors, exitCodeOf } from './mapreduce/errors.ts';
export type { JobProgress, JobResult, KindProgress, MapReduceJob, RunDeps, StreamingJob, WordCountJob } from './mapreduce/job.ts';
export { main as mapReduceMain } from './mapreduce/main.ts';
export { ProgressView } from './mapreduce/progress-view.ts';
export { runMapReduce } from './mapreduce/run.ts';
