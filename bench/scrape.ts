/** What a scrape costs; the work is in packages/monitor/bench. */
export { default } from '../packages/monitor/bench/scrape.ts';
