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
export { Credentials, flagContent, parseCredentials } from './credentials.ts';
export { CodedError, defineErrors, type ErrorEntry, type Errors, type ErrorTable } from './errors.ts';
export { EtcdClient, type EtcdOptions, type Operation } from './etcd/client.ts';
export { Election, type ElectionOptions, type Leader, type Term } from './etcd/election.ts';
export type { KeyValue } from './etcd/key-value.ts';
export { parseEtcdUrl } from './etcd/url.ts';
export type { WatchBatch } from './etcd/watch.ts';
export { type Flag, type FlagSpec, type FlagValues, flag, type ParsedFlags, parseFlags } from './flags.ts';
export { createHttp, type HttpError, type HttpOptions, type ListenOptions, listen, type Running, systemdSockets } from './http.ts';
export { createLogger, type Logger, type LogLevel, type LogOptions, silentLogger } from './log.ts';
export { type MainContext, type MainOptions, type RunningProcess, runMain } from './main.ts';
export { type PortOwner, portOwner, portTakenMessage } from './port-owner.ts';
export { Verbosity } from './verbosity.ts';
export { serverTls, tlsSchema } from './web-config.ts';
export { certificateProblem, clientAuthOptions, principalOf } from './web-guard.ts';
