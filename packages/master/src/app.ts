/** The master's process: introduces core, registry, HTTP and clock to each other. */
import { randomBytes } from 'node:crypto';
import { hostname as machineName } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { type MasterInfo, parseResources, type Quantities, Resources, ResourceTextError, uuidText } from '@pronoia/mesos';
import { type Clock, createHttp, type Logger, listen, type Running, runMain, silentLogger, systemClock } from '@pronoia/server';
import { addAgentApi } from './agent-api.ts';
import { apiVersion } from './build-info.ts';
import { type AgentRegistry, Conductor } from './conductor.ts';
import { errors } from './errors.ts';
import { flags, type MasterFlags } from './flags.ts';
import { addLegacyApi } from './legacy-api.ts';
import { addLegacyWrites } from './legacy-writes.ts';
import { addMetrics } from './metrics.ts';
import { addOperatorApi } from './operator-api.ts';
import { applyQuota } from './quota-calls.ts';
import { RegistryLog } from './registry-log.ts';
import { takeRawBodies } from './request-body.ts';
import { addSchedulerApi } from './scheduler-api.ts';
import { createState, type MasterOptions } from './state.ts';

export interface MasterDependencies {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly registry?: Registry;
  /** In [0, 1): ids and the shuffle of agents. Default: of cryptographic quality. */
  readonly random?: () => number;
}

/** Flags by name; those that are not given have their defaults. `work_dir` may be missing with `registry: 'in_memory'`. */
export type StartOptions = Partial<MasterFlags>;

const secureRandom = (): number => randomBytes(4).readUInt32BE() / 0x1_0000_0000;

export async function start(given: StartOptions, dependencies: MasterDependencies = {}): Promise<Running> {
  const options = withDefaults(given);
  const { clock = systemClock, log = silentLogger, registry: metrics = new Registry(), random = secureRandom } = dependencies;
  const shown = shownFlags(options);

  let log_: RegistryLog | undefined;
  let agentRegistry: AgentRegistry = { apply: (_operation, done) => void setImmediate(done) };
  if (options.registry !== 'in_memory') {
    if (options.work_dir === undefined)
      throw errors.fail('bad_option', { flag: 'work_dir', reason: 'is required unless --registry=in_memory' });
    log_ = await RegistryLog.open(join(options.work_dir, 'registry'));
    agentRegistry = log_;
  }

  const info: { -readonly [K in keyof MasterInfo]: MasterInfo[K] } = masterInfo(options, random);
  const state = createState(info, masterOptions(options), clock.now());
  for (const [role, weight] of parseWeights(options.weights)) {
    state.weights.set(role, weight);
    state.allocator.setWeight(role, weight);
  }
  if (log_ !== undefined) {
    for (const [id, agent] of log_.content.agents) state.recoveredAgents.set(id, agent);
    for (const [id, atMs] of log_.content.unreachable) state.unreachableAgents.set(id, atMs);
    for (const [id, atMs] of log_.content.gone) state.goneAgents.set(id, atMs);
    for (const [id, drain] of log_.content.deactivated) state.deactivatedAgents.set(id, drain);
    for (const [role, weight] of log_.content.weights) {
      state.weights.set(role, weight);
      state.allocator.setWeight(role, weight);
    }
    applyQuota(state, [...log_.content.quotas.values()]);
    state.schedule = log_.content.schedule;
    state.downMachines = log_.content.down;
  }

  let broken: string | undefined;
  const conductor = new Conductor({
    state,
    clock,
    random,
    log,
    registry: agentRegistry,
    onFailure(error) {
      // Without its memory a master must not go on: it would admit agents that it then forgets.
      broken = `the registry failed: ${error instanceof Error ? error.message : String(error)}`;
      log.error({ err: error }, 'The registry failed; this master does no more');
      conductor.stop();
    },
  });

  const app = createHttp({
    log,
    registry: metrics,
    metricPrefix: 'mesos_master_',
    serverName: 'Pronoia master',
    isReady: () => broken ?? true,
    bodyLimitBytes: 64 * 1024 * 1024,
    formatError: ({ message }) => ({ contentType: 'text/plain; charset=utf-8', body: message }),
  });
  const api = { log, random, now: () => clock.now(), flags: shown };
  await app.register((scope, _options, done) => {
    takeRawBodies(scope);
    addSchedulerApi(scope, conductor, api);
    addAgentApi(scope, conductor, api);
    addOperatorApi(scope, conductor, api);
    addLegacyWrites(scope, conductor);
    done();
  });
  addLegacyApi(app, conductor, api);
  addMetrics(metrics, state, api.now);

  const running = await listen(app, { host: options.ip, port: options.port, flag: '--port' });
  // Port 0 is known only now.
  info.port = options.advertise_port ?? running.port;
  info.address = { ...info.address, port: info.port };
  info.pid = `master@${info.address.ip ?? options.ip}:${info.port}`;
  conductor.start(log_?.content.frameworks.values() ?? []);
  return {
    ...running,
    async stop() {
      conductor.stop();
      await running.stop();
      await log_?.close();
    },
  };
}

export function main(argv: readonly string[]): Promise<void> {
  return runMain({ name: 'pronoia master', argv, flags, style: 'mesos', start: ({ log, flags: values }) => start(values, { log }) });
}

type Options = Omit<MasterFlags, 'work_dir'> & { readonly work_dir?: string | undefined };

function withDefaults(given: StartOptions): Options {
  const defaults = Object.fromEntries(Object.entries(flags).map(([name, one]) => [name, one.default]));
  return { ...defaults, ...given } as Options;
}

/** As `/flags` shows them: text, and only those that have a value. */
function shownFlags(options: Options): Readonly<Record<string, string>> {
  const shown: Record<string, string> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    const isDuration = (flags as Readonly<Record<string, { kind: string }>>)[name]?.kind === 'duration';
    shown[name] = isDuration && typeof value === 'number' ? durationText(value) : String(value);
  }
  return shown;
}

/** `15secs`, as the original writes durations. */
function durationText(ms: number): string {
  const units = [
    ['weeks', 604_800_000],
    ['days', 86_400_000],
    ['hrs', 3_600_000],
    ['mins', 60_000],
    ['secs', 1000],
  ] as const;
  for (const [name, length] of units) if (ms >= length && ms % length === 0) return `${ms / length}${name}`;
  return `${ms}ms`;
}

function masterInfo(options: Options, random: () => number): MasterInfo {
  const ip = options.advertise_ip ?? (options.ip === '0.0.0.0' ? '127.0.0.1' : options.ip);
  const hostname = options.hostname ?? (ip.startsWith('127.') ? ip : machineName());
  const bytes = ip.split('.').map(Number);
  // The number is the address as its bytes lie in memory on the original's machines: the first byte is the lowest.
  const number = bytes.length === 4 && bytes.every(Number.isInteger) ? Buffer.from(bytes).readUInt32LE() : 0;
  return {
    id: uuidText(random),
    ip: number,
    port: options.port,
    pid: `master@${ip}:${options.port}`,
    hostname,
    version: apiVersion,
    address: { hostname, ip, port: options.port },
    capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
  };
}

function masterOptions(options: Options): MasterOptions {
  return {
    allocationIntervalMs: options.allocation_interval,
    agentPingTimeoutMs: options.agent_ping_timeout,
    maxAgentPingTimeouts: options.max_agent_ping_timeouts,
    agentReregisterTimeoutMs: options.agent_reregister_timeout,
    agentRemovalSpacingMs: parseRateLimit(options.agent_removal_rate_limit),
    offerTimeoutMs: options.offer_timeout,
    maxCompletedFrameworks: options.max_completed_frameworks,
    maxCompletedTasksPerFramework: options.max_completed_tasks_per_framework,
    maxUnreachableTasksPerFramework: options.max_unreachable_tasks_per_framework,
    maxOperatorStreams: options.max_operator_event_stream_subscribers,
    heartbeatIntervalMs: 15_000,
    rootSubmissions: options.root_submissions,
    roles: options.roles === undefined ? undefined : new Set(words(options.roles)),
    allocator: {
      minAllocatable: parseAlternatives(options.min_allocatable_resources),
      fairSharingExcluded: new Set(words(options.fair_sharing_excluded_resource_names ?? '')),
      filterGpuResources: options.filter_gpu_resources,
    },
  };
}

const words = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

const unitMs: Readonly<Record<string, number>> = { ms: 1, secs: 1000, mins: 60_000, hrs: 3_600_000, days: 86_400_000, weeks: 604_800_000 };

/** `1/10mins`: the time from one to the next. */
function parseRateLimit(text: string | undefined): number {
  if (text === undefined) return 0;
  const found = /^(\d+)\/(\d+(?:\.\d+)?)(ms|secs|mins|hrs|days|weeks)$/.exec(text.trim());
  const count = Number(found?.[1]);
  if (found === null || count === 0)
    throw errors.fail('bad_option', {
      flag: 'agent_removal_rate_limit',
      reason: `expected count/duration such as 1/10mins, found '${text}'`,
    });
  return (Number(found[2]) * (unitMs[found[3] ?? ''] ?? 0)) / count;
}

/** `cpus:0.01|mem:32` */
function parseAlternatives(text: string): Quantities[] {
  try {
    return text
      .split('|')
      .filter((part) => part.trim() !== '')
      .map((part) => Resources.of(parseResources(part)).quantities());
  } catch (error) {
    if (error instanceof ResourceTextError)
      throw errors.fail('bad_option', { flag: 'min_allocatable_resources', reason: error.message }, error);
    throw error;
  }
}

/** `eng=2,ops=0.5` */
function parseWeights(text: string | undefined): [role: string, weight: number][] {
  return words(text ?? '').map((part) => {
    const [role = '', number = ''] = part.split('=');
    const weight = Number(number);
    if (role === '' || number === '' || !(weight > 0))
      throw errors.fail('bad_option', { flag: 'weights', reason: `expected role=weight with a weight above 0, found '${part}'` });
    return [role, weight];
  });
}
