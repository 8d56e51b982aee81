/** How a job can fail, with Hadoop's words where it has them, and the exit code of the command line (mapreduce.md §1). */
import { type CodedError, defineErrors } from '@pronoia/server';

export const errors = defineErrors({
  bad_option: { status: 400, message: (f: { reason: string }) => f.reason },
  input_missing: { status: 404, message: (f: { path: string }) => `Input path does not exist: ${f.path}` },
  input_no_match: { status: 404, message: (f: { pattern: string }) => `Input Pattern ${f.pattern} matches 0 files` },
  input_is_folder: {
    status: 400,
    message: (f: { path: string }) => `Not a file: ${f.path}; folders inside input folders are read with --recursive`,
  },
  input_unsupported: { status: 400, message: (f: { path: string; reason: string }) => `${f.path}: ${f.reason}` },
  output_exists: { status: 409, message: (f: { path: string }) => `Output directory ${f.path} already exists` },
  output_failed: { status: 500, message: (f: { path: string; reason: string }) => `cannot write the output ${f.path}: ${f.reason}` },
  master_lost: {
    status: 502,
    message: (f: { master: string; forSeconds: number; reason: string }) =>
      `the master ${f.master} has not been reachable for ${f.forSeconds} s: ${f.reason}`,
  },
  master_refused: { status: 502, message: (f: { reason: string }) => `the master ended the framework: ${f.reason}` },
  no_resources: {
    status: 503,
    message: (f: { needs: string; forSeconds: number; seen: string }) =>
      `no agent has offered enough for a task (${f.needs}) for ${f.forSeconds} s; ${f.seen}`,
  },
  task_failed: {
    status: 500,
    message: (f: { task: string; attempts: number; reason: string }) => `${f.task} failed ${f.attempts} times; the last time: ${f.reason}`,
  },
  task_fatal: { status: 500, message: (f: { task: string; reason: string }) => `${f.task}: ${f.reason}` },
  interrupted: { status: 500, message: (f: { reason: string }) => `the job was interrupted: ${f.reason}` },
});

const exitCodes: Partial<Record<string, number>> = {
  input_missing: 2,
  input_no_match: 2,
  output_exists: 4,
  output_failed: 5,
  interrupted: 6,
};

export const exitCodeOf = (code: string): number => exitCodes[code] ?? 1;

/** Why a job as a whole failed: the core's last word. */
export type Failure =
  | { readonly code: 'task_failed'; readonly task: string; readonly attempts: number; readonly reason: string }
  | { readonly code: 'task_fatal'; readonly task: string; readonly reason: string }
  | { readonly code: 'no_resources'; readonly needs: string; readonly forSeconds: number; readonly seen: string }
  | { readonly code: 'master_lost'; readonly forSeconds: number; readonly reason: string }
  | { readonly code: 'master_refused'; readonly reason: string }
  | { readonly code: 'output_failed'; readonly reason: string }
  | { readonly code: 'interrupted'; readonly reason: string };

/** The error that a failed job ends with. */
export function failureError(failure: Failure, job: { readonly master: string; readonly output: string }): CodedError {
  switch (failure.code) {
    case 'task_failed':
      return errors.fail('task_failed', failure);
    case 'task_fatal':
      return errors.fail('task_fatal', failure);
    case 'no_resources':
      return errors.fail('no_resources', failure);
    case 'master_lost':
      return errors.fail('master_lost', { ...failure, master: job.master });
    case 'master_refused':
      return errors.fail('master_refused', failure);
    case 'output_failed':
      return errors.fail('output_failed', { path: job.output, reason: failure.reason });
    case 'interrupted':
      return errors.fail('interrupted', failure);
  }
}
