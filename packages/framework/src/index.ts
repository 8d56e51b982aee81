export type { SchedulerClock } from './clock.ts';
export { SchedulerError, type SchedulerErrorCode } from './errors.ts';
export { createExecutor, type Executor, type ExecutorHandlers, type ExecutorOptions } from './executor.ts';
export { createScheduler, type Scheduler, type SchedulerHandlers, type SchedulerOptions } from './scheduler.ts';
