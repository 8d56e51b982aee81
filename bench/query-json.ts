/** What it costs to write a query's answer; the work is in packages/monitor/bench. */
export { default } from '../packages/monitor/bench/query-json.ts';
