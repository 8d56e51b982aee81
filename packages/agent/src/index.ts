export { type AgentStartDeps, type AgentStartOptions, main, type RunningAgent, start } from './app.ts';
export { flags } from './flags.ts';
