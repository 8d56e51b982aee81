export { type MonitorDeps, type RunningMonitor, start } from './app.ts';
export { flags, type MonitorOptions } from './flags.ts';
export { main } from './main.ts';
