export { type Clock, ManualClock, sleep, systemClock, type Timer } from './clock.ts';
export {
  ConfigError,
  type ConfigFault,
  type Field,
  type Fields,
  type ObjectOf,
  optional,
  type Report,
  readConfig,
  required,
  type Schema,
  type SchemaValue,
  schema,
  withDefault,
} from './config.ts';
export { CodedError, defineErrors, type ErrorEntry, type Errors, type ErrorTable } from './errors.ts';
export { type Flag, type FlagSpec, type FlagValues, flag, type ParsedFlags, parseFlags } from './flags.ts';
export { createHttp, type HttpError, type HttpOptions, type ListenOptions, listen, type Running } from './http.ts';
export { createLogger, type Logger, type LogLevel, type LogOptions, silentLogger } from './log.ts';
export { type MainContext, type MainOptions, type RunningProcess, runMain } from './main.ts';
export { type PortOwner, portOwner, portTakenMessage } from './port-owner.ts';
