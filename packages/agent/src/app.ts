/** Introduces the agent's rooms to each other and to the world: flags in, a running agent out. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Registry } from '@pronoia/client';
import { type DomainInfo, readMessage } from '@pronoia/mesos';
import {
  type Clock,
  CodedError,
  createHttp,
  type FlagValues,
  flagContent,
  type Logger,
  listen,
  parseFlags,
  type Running,
  runMain,
  silentLogger,
  systemClock,
  Verbosity,
} from '@pronoia/server';
import { Agent } from './agent.ts';
import { addAuthentication } from './authentication.ts';
import { listContainers } from './container-list.ts';
import { registerContainerMetrics } from './container-metrics.ts';
import { Containers } from './containers.ts';
import { basicHeader } from './credentials.ts';
import { DockerContainerizer } from './docker-containerizer.ts';
import { DockerEngine } from './docker-engine.ts';
import { addExecutorApi } from './executor-api.ts';
import { makeToken, readToken } from './executor-token.ts';
import { FetchCache } from './fetch-cache.ts';
import { Fetcher } from './fetcher.ts';
import { SandboxFiles } from './files.ts';
import { flags as flagSpec } from './flags.ts';
import { GarbageCollector } from './garbage.ts';
import { registerHostMetrics } from './host-metrics.ts';
import { ImageStore } from './image-store.ts';
import { isolate } from './isolation.ts';
import { Layout } from './layout.ts';
import { MasterLink } from './master-link.ts';
import { AgentMetrics } from './metrics.ts';
import { OciContainerizer, probeRuntime } from './oci-containerizer.ts';
import { OperatorContainers } from './operator-containers.ts';
import { LoadController, oversubscribedResources } from './oversubscription.ts';
import { agentAttributes, agentResources, probeMachine } from './probe.ts';
import { ProcessContainerizer } from './process-containerizer.ts';
import { reading } from './reading.ts';
import type { ReconfigurationPolicy } from './reconfiguration.ts';
import { addRoutes } from './routes.ts';
import { Sandboxes } from './sandbox.ts';
import { snapshot } from './snapshot.ts';
import { ContainerStatistics } from './statistics.ts';

/** Flag values by name; what is left out has the flag's default. */
export type AgentStartOptions = Partial<FlagValues<typeof flagSpec>> & { readonly master: string; readonly work_dir: string };

export interface AgentStartDeps {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly registry?: Registry;
  readonly random?: () => number;
}

export interface RunningAgent extends Running {
  /** Undefined before the first registration. */
  readonly agentId: string | undefined;
  /** Kills all tasks first; `stop` alone leaves them running, for the next agent process to take up. */
  stopWithTasks(): Promise<void>;
  /** Resolves when the master told the agent to shut down. */
  readonly dismissed: Promise<string>;
}

/** Runs containers with images, when the flags ask for them and this machine can. */
function imageContainerizer(
  values: FlagValues<typeof flagSpec>,
  { clock, log, process, workDir }: { clock: Clock; log: Logger; process: ProcessContainerizer; workDir: string },
): OciContainerizer | undefined {
  if (values.image_providers === undefined) return undefined;
  if (values.image_providers !== 'docker')
    throw new CodedError('bad_flag', 400, `--image_providers=${values.image_providers}: only docker is supported`);
  const probed = probeRuntime(['runc', 'crun']);
  if (typeof probed === 'string') throw new CodedError('bad_flag', 400, `--image_providers=docker: no OCI runtime works here: ${probed}`);
  log.info({ runtime: probed.runtime }, 'Containers with images are run by an OCI runtime');
  const store = new ImageStore(values.docker_registry, values.docker_store_dir ?? join(workDir, 'store'));
  return new OciContainerizer({
    clock,
    log,
    process,
    store,
    ...probed,
    folder: join(workDir, 'provisioner'),
    innerSandbox: values.sandbox_directory,
  });
}

/** Undefined without `docker` among the containerizers; throws when its engine does not answer. */
async function dockerContainerizer(
  values: FlagValues<typeof flagSpec>,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<{ readonly engine: DockerEngine; readonly containerizer: DockerContainerizer } | undefined> {
  const names = values.containerizers.split(',').map((name) => name.trim());
  const unknown = names.find((name) => name !== 'mesos' && name !== 'docker');
  if (unknown !== undefined) throw new CodedError('bad_flag', 400, `--containerizers: ${unknown} is not here; there are mesos and docker`);
  if (!names.includes('docker')) return undefined;
  const engine = new DockerEngine(values.docker_socket);
  try {
    await engine.ping();
  } catch (error) {
    await engine.close();
    const reason = (error as Error).message;
    throw new CodedError(
      'bad_flag',
      400,
      `--containerizers=docker: no Docker engine answers at ${values.docker_socket}: ${reason}`,
      {},
      error,
    );
  }
  const containerizer = new DockerContainerizer({
    clock,
    log,
    engine,
    innerSandbox: values.sandbox_directory,
    isEnforcingCpus: values.cgroups_enable_cfs,
    removeDelayMs: values.docker_remove_delay,
  });
  return { engine, containerizer };
}

/** More patience than this the original does not allow (mesos.md §9.3). */
const REREGISTRATION_LIMIT_MS = 15_000;
/** A process that is stopped has five seconds in all. */
const STOP_GRACE_MS = 1_000;

export async function start(options: AgentStartOptions, deps: AgentStartDeps = {}): Promise<RunningAgent> {
  const { clock = systemClock, registry = new Registry(), random = Math.random } = deps;
  const verbosity = new Verbosity(clock);
  const log = verbosity.over(deps.log ?? silentLogger);
  const values = withDefaults(options);
  const workDir = resolve(values.work_dir);
  const resources = agentResources(values.resources, values.default_role, probeMachine(workDir));
  const attributes = agentAttributes(values.attributes);
  const ip = values.advertise_ip ?? (values.ip === '0.0.0.0' ? '127.0.0.1' : values.ip);
  const metrics = new AgentMetrics(registry);
  const qos = new LoadController({
    controller: values.qos_controller,
    modules: values.modules,
    intervalMs: values.qos_correction_interval_min,
    clock,
    log,
    metrics,
  });

  let isReady = false;
  const app = createHttp({
    log,
    registry,
    serverName: 'Agent',
    compress: true,
    isReady: () => isReady || 'the agent is recovering its tasks',
  });

  addAuthentication(app, values);
  // The port is known only when it listens, and routes must be there before: they are handed the agent late.
  let agent: Agent | undefined;
  const current = (): Agent => {
    if (agent === undefined) throw new CodedError('recovering', 503, 'the agent is recovering its tasks');
    return agent;
  };
  let link: MasterLink | undefined;
  let stopping: Promise<void> | undefined;
  const statistics = new ContainerStatistics(clock, () => listContainers(current(), true));
  const files = new SandboxFiles(resolve(workDir, 'slaves'), () => agent?.info.id?.value);
  addRoutes(app, {
    get agent() {
      return current();
    },
    get operatorContainers() {
      return current().operatorContainers;
    },
    clock,
    verbosity,
    heartbeatMs: values.http_heartbeat_interval,
    files,
    statistics,
    flags: flagTexts(values),
    snapshot: () => snapshot(current(), metrics, garbage, cache, clock.now()),
    masterHostname: () => (link?.masterUrl === undefined ? undefined : new URL(link.masterUrl).hostname),
  });

  const jwtKey = values.jwt_secret_key === undefined ? undefined : readKey(values.jwt_secret_key);
  if (values.authenticate_http_executors && jwtKey === undefined)
    throw new CodedError('bad_flag', 400, '--authenticate_http_executors needs --jwt_secret_key=FILE');
  addExecutorApi(app, {
    get agent() {
      return current();
    },
    authenticate:
      values.authenticate_http_executors && jwtKey !== undefined ? (header) => readToken(header, jwtKey, clock.now()) : undefined,
  });

  const cache = new FetchCache(values.fetcher_cache_dir ?? join(workDir, 'fetch'), values.fetcher_cache_size);
  cache.clear();
  const process = new ProcessContainerizer({ clock, log, cgroups: isolate(values, log) });
  const docker = await dockerContainerizer(values, { clock, log });
  const containers = new Containers(process, imageContainerizer(values, { clock, log, process, workDir }), docker?.containerizer);
  const running = await listen(app, { host: values.ip, port: values.port, flag: '--port' });
  const layout = new Layout(workDir);
  const sandboxes = new Sandboxes({
    layout,
    fetcher: new Fetcher({
      stallTimeoutMs: values.fetcher_stall_timeout,
      cache,
      ...(values.frameworks_home === undefined ? {} : { frameworksHome: values.frameworks_home }),
    }),
    innerSandbox: values.sandbox_directory,
    command: {
      endpoint: `${ip}:${running.port}`,
      switchUser: values.switch_user,
      shutdownGraceMs: values.executor_shutdown_grace_period,
      recoveryTimeoutMs: values.recovery_timeout,
      baseEnvironment: readEnvironment(values.executor_environment_variables),
    },
  });
  const operatorContainers: OperatorContainers = new OperatorContainers({
    layout,
    log,
    containers,
    sandboxes,
    executors: () => made.executors(),
  });
  const made: Agent = new Agent(
    {
      workDir,
      hostname: values.hostname ?? ip,
      ip,
      port: running.port,
      resources,
      oversubscribed: oversubscribedResources(values.resource_estimator, values.modules),
      attributes,
      ...(values.domain === undefined ? {} : { domain: readDomain(values.domain) }),
      shutdownGraceMs: values.executor_shutdown_grace_period,
      registrationTimeoutMs: values.executor_registration_timeout,
      reregistrationTimeoutMs: Math.min(values.executor_reregistration_timeout, REREGISTRATION_LIMIT_MS),
      reconfigurationPolicy: readPolicy(values.reconfiguration_policy),
      isStrict: values.strict,
      completedExecutorsPerFramework: values.max_completed_executors_per_framework,
    },
    {
      clock,
      log,
      random,
      metrics,
      containers,
      sandboxes,
      operatorContainers,
      executorToken: ({ id, path }) =>
        values.authenticate_http_executors && jwtKey !== undefined
          ? makeToken({ fid: path.frameworkId, eid: id, cid: path.containerId }, jwtKey)
          : undefined,
      send: (message) => link?.send(message),
      onRunCompleted: (path) => garbage.schedule(path),
    },
  );
  const garbage = new GarbageCollector({
    layout: made.layout,
    clock,
    log,
    metrics,
    delayMs: values.gc_delay,
    headroom: values.gc_disk_headroom,
    intervalMs: values.disk_watch_interval,
  });
  const dismissed = new Promise<string>((resolveDismissed) => made.onShutdown(resolveDismissed));
  let reconnected: Promise<void>;
  try {
    reconnected = made.recover();
    garbage.recover();
  } catch (error) {
    await running.stop();
    throw error;
  }
  agent = made;
  registerContainerMetrics(registry, made, statistics);
  registerHostMetrics(registry, workDir);
  registry.registerMetric(
    reading('mesos_agent_registered', 'gauge', '1 while the agent is registered with a master.', () => [
      { value: made.isRegistered ? 1 : 0 },
    ]),
  );

  link = new MasterLink({
    master: values.master,
    clock,
    log,
    random,
    ...(values.credential === undefined ? {} : { authorization: basicHeader(values.credential) }),
    backoffMs: values.registration_backoff_factor,
    hello: () => made.hello(),
    onMessage: (message) => made.handle(message),
    onBroken: () => made.linkBroken(),
  });
  // Executors of an earlier life come back before the master hears what runs here.
  const linked = link;
  void reconnected.then(() => {
    if (stopping === undefined) linked.start();
  });
  garbage.start();
  qos.start(made);
  isReady = true;

  const stop = (isKillingTasks = false): Promise<void> => {
    stopping ??= (async () => {
      if (isKillingTasks) await made.killAll(STOP_GRACE_MS);
      garbage.stop();
      qos.stop();
      made.release();
      process.release();
      verbosity.stop();
      await docker?.engine.close();
      await link?.stop(isKillingTasks && made.isRegistered ? { type: 'UNREGISTER' } : undefined);
      await running.stop();
    })();
    return stopping;
  };
  return {
    url: running.url,
    port: running.port,
    get agentId() {
      return made.info.id?.value;
    },
    dismissed,
    stop: () => stop(),
    stopWithTasks: () => stop(true),
  };
}

export async function main(argv: readonly string[]): Promise<void> {
  await runMain({
    name: 'pronoia agent',
    argv,
    flags: flagSpec,
    style: 'mesos',
    start: async ({ log, flags }) => {
      if (flags.recover !== 'reconnect' && flags.recover !== 'cleanup')
        throw new CodedError('bad_flag', 400, `--recover=${flags.recover}: expected reconnect or cleanup`);
      const running = await start(flags, { log });
      if (flags.recover === 'cleanup') {
        await running.stopWithTasks();
        process.kill(process.pid, 'SIGTERM');
        return running;
      }
      void running.dismissed.then(async () => {
        await running.stopWithTasks();
        process.exitCode = 1;
        process.kill(process.pid, 'SIGTERM');
      });
      // SIGUSR1 takes the tasks along (mesos.md §9.1); `pronoia up` stops its agent so.
      return Object.assign(running, { retire: () => running.stopWithTasks() });
    },
  });
}

function withDefaults(options: AgentStartOptions): FlagValues<typeof flagSpec> {
  const parsed = parseFlags('agent', flagSpec, [`--master=${options.master}`, `--work_dir=${options.work_dir}`], { style: 'prometheus' });
  if (parsed.kind !== 'values') throw new Error('BUG: defaults did not parse');
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...parsed.values, ...given };
}

function flagTexts(values: FlagValues<typeof flagSpec>): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) if (value !== undefined) texts[name] = String(value);
  return texts;
}

function readEnvironment(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CodedError('bad_flag', 400, `--executor_environment_variables: not JSON: ${(error as Error).message}`, {}, error);
  }
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  if (entries === undefined || entries.some(([, member]) => typeof member !== 'string')) {
    throw new CodedError('bad_flag', 400, '--executor_environment_variables: expected a JSON object of strings');
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function readPolicy(text: string): ReconfigurationPolicy {
  if (text === 'equal' || text === 'additive') return text;
  throw new CodedError('bad_flag', 400, `--reconfiguration_policy=${text}: expected equal or additive`);
}

function readDomain(text: string): DomainInfo {
  try {
    return readMessage('DomainInfo', JSON.parse(flagContent('domain', text)));
  } catch (error) {
    throw new CodedError('bad_flag', 400, `--domain: ${(error as Error).message}`, {}, error);
  }
}

function readKey(path: string): Buffer {
  try {
    return Buffer.from(
      readFileSync(path.replace(/^file:\/\//, ''))
        .toString('latin1')
        .trimEnd(),
      'latin1',
    );
  } catch (error) {
    throw new CodedError('bad_flag', 400, `--jwt_secret_key=${path}: ${(error as Error).message}`, {}, error);
  }
}
