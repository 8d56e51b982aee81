export { type Dependencies, type Options, type RunningAlertmanager, start } from './app.ts';
export { flags } from './flags.ts';
export { main } from './main.ts';
