export { type Clock, ManualClock, sleep, systemClock, type Timer } from './clock.ts';
export { type Logger, type LogLevel, type LogOptions, silentLogger } from './log.ts';
