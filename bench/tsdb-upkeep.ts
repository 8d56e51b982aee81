/** How long appends and queries wait for upkeep; the work is in packages/tsdb/bench. */
export { default } from '../packages/tsdb/bench/upkeep.ts';
