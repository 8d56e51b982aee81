export { type MasterDependencies, main, type StartOptions, start } from './app.ts';
export { flags, type MasterFlags } from './flags.ts';
