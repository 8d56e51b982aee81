export { type MasterDependencies, main, start } from './app.ts';
export { flags, type MasterFlags } from './flags.ts';
export type { StartOptions } from './options.ts';
