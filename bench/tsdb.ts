/** What the database costs as a library; the work is in packages/tsdb/bench. */
export { default } from '../packages/tsdb/bench/write.ts';
