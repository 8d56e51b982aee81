/** The master's process: introduces core, registry, HTTP and clock to each other. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { type MasterInfo, uuidText } from '@pronoia/mesos';
import { type Clock, createHttp, type Logger, listen, type Running, runMain, silentLogger, systemClock, Verbosity } from '@pronoia/server';
import { addAgentApi } from './agent-api.ts';
import { Conductor } from './conductor.ts';
import { errors } from './errors.ts';
import { flags } from './flags.ts';
import { addLeaderGate, Leadership, type Standing } from './leadership.ts';
import { addLegacyApi } from './legacy-api.ts';
import { addLegacyWrites } from './legacy-writes.ts';
import { addMetrics } from './metrics.ts';
import { addOperatorApi } from './operator-api.ts';
import {
  authenticationOptions,
  masterInfo,
  masterOptions,
  type Options,
  parseWeights,
  type StartOptions,
  shownFlags,
  withDefaults,
} from './options.ts';
import { recoverState } from './recover.ts';
import { emptyRegistry, type RegistryContent } from './registry-content.ts';
import { RegistryLog } from './registry-log.ts';
import { takeRawBodies } from './request-body.ts';
import { addSchedulerApi } from './scheduler-api.ts';
import { addAuthentication } from './security/authentication.ts';
import type { RegistrarFacts } from './snapshot.ts';
import type { MasterState } from './state.ts';
import { Whitelist } from './whitelist.ts';

export interface MasterDependencies {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly registry?: Registry;
  /** In [0, 1): ids and the shuffle of agents. Default: of cryptographic quality. */
  readonly random?: () => number;
}

/** How long a slice of an answer took is a matter of the real machine, whatever clock the cluster is told. */
const monotonic = (): number => performance.now();

const secureRandom = (): number => randomBytes(4).readUInt32BE() / 0x1_0000_0000;

export async function start(given: StartOptions, dependencies: MasterDependencies = {}): Promise<Running> {
  const options = withDefaults(given);
  const { clock = systemClock, log: plainLog = silentLogger, registry: metrics = new Registry(), random = secureRandom } = dependencies;
  const shown = shownFlags(options);
  const authentication = authenticationOptions(options);
  const verbosity = new Verbosity(clock);
  const log = verbosity.over(plainLog);

  const masterOptions_ = masterOptions(options);
  const weights = parseWeights(options.weights);
  const startedMs = clock.now();
  const info: { -readonly [K in keyof MasterInfo]: MasterInfo[K] } = masterInfo(options, random);
  const stateOf = (content: RegistryContent, describedAs: MasterInfo, electedMs: number): MasterState =>
    recoverState({ info: describedAs, options: masterOptions_, weights, content, electedMs, startedMs });

  let broken: string | undefined;
  const sinceMs = monotonic();
  const durable = options.etcd === undefined ? await openRegistry(options) : undefined;
  const fetchMs = monotonic() - sinceMs;
  const conductor = new Conductor({
    state: stateOf(durable?.content ?? emptyRegistry(), info, startedMs),
    clock,
    random,
    log,
    registry: durable ?? { apply: (_operation, done) => void setImmediate(done) },
    onFailure(error) {
      // Without its memory a master must not go on: it would admit agents that it then forgets.
      const reason = `the registry failed: ${error instanceof Error ? error.message : String(error)}`;
      log.error({ err: error }, 'The registry failed; this master does no more');
      conductor.stop();
      if (leadership === undefined) broken = reason;
      else leadership.giveUp(reason);
    },
  });
  const leadership: Leadership | undefined =
    options.etcd === undefined
      ? undefined
      : new Leadership({
          etcd: options.etcd,
          sessionTimeoutMs: options.etcd_session_timeout,
          clock,
          log,
          nextInfo: () => ({ ...info, id: uuidText(random) }),
          lead: ({ info: elected, content, registry }) => {
            conductor.begin({ state: stateOf(content, elected, clock.now()), registry, frameworks: content.frameworks.values() });
            whitelist?.tellAgain();
          },
          resign: () => conductor.stop(),
        });
  const whitelist =
    options.whitelist === undefined || options.whitelist === '*'
      ? undefined
      : new Whitelist({ path: options.whitelist, clock, log, onHosts: (hosts) => conductor.dispatch({ kind: 'whitelist', hosts }) });
  const registrar = (): RegistrarFacts =>
    leadership?.registrar ?? { queuedOperations: durable?.queued ?? 0, sizeBytes: durable?.sizeBytes ?? 0, fetchMs };
  const standing = (): Standing => leadership?.standing ?? { kind: 'leading' };

  const app = createHttp({
    log,
    registry: metrics,
    metricPrefix: 'mesos_master_',
    serverName: 'Pronoia master',
    isReady: () => broken ?? readiness(standing()),
    bodyLimitBytes: 64 * 1024 * 1024,
    formatError: ({ message }) => ({ contentType: 'text/plain; charset=utf-8', body: message }),
  });
  addAuthentication(app, authentication);
  if (leadership !== undefined) addLeaderGate(app, standing);
  const api = {
    log,
    random,
    now: () => clock.now(),
    monotonic,
    flags: shown,
    standing,
    registrar,
    authorize: masterOptions_.authorize,
    verbosity,
  };
  await app.register((scope, _options, done) => {
    takeRawBodies(scope);
    addSchedulerApi(scope, conductor, api);
    addAgentApi(scope, conductor, api);
    addOperatorApi(scope, conductor, api);
    addLegacyWrites(scope, conductor, api);
    done();
  });
  addLegacyApi(app, conductor, api);
  addMetrics(
    metrics,
    () => conductor.state,
    api.now,
    () => standing().kind === 'leading',
  );

  const running = await listen(app, { host: options.ip, port: options.port, flag: '--port' });
  // Port 0 is known only now.
  info.port = options.advertise_port ?? running.port;
  info.address = { ...info.address, port: info.port };
  info.pid = `master@${info.address.ip ?? options.ip}:${info.port}`;
  if (leadership === undefined) conductor.start(durable?.content.frameworks.values() ?? []);
  else leadership.start();
  whitelist?.start();
  return {
    ...running,
    async stop() {
      // The next leader need not wait for our lease to run out.
      await leadership?.stop();
      whitelist?.stop();
      verbosity.stop();
      conductor.stop();
      await running.stop();
      await durable?.close();
    },
  };
}

/** The append log in `--work_dir`; undefined with `--registry=in_memory`. */
async function openRegistry(options: Options): Promise<RegistryLog | undefined> {
  if (options.registry === 'in_memory') return undefined;
  if (options.work_dir === undefined)
    throw errors.fail('bad_option', { flag: 'work_dir', reason: 'is required unless --registry=in_memory' });
  return RegistryLog.open(join(options.work_dir, 'registry'));
}

/** A follower serves too: it knows the way to the leader. */
function readiness(standing: Standing): true | string {
  if (standing.kind === 'leaderless') return 'no leading master is known';
  return standing.kind === 'recovering' ? 'the registry is being read' : true;
}

export function main(argv: readonly string[]): Promise<void> {
  return runMain({ name: 'pronoia master', argv, flags, style: 'mesos', start: ({ log, flags: values }) => start(values, { log }) });
}
