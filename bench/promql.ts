/** What queries cost; the work is in packages/promql/bench. */
export { default } from '../packages/promql/bench/evaluate.ts';
