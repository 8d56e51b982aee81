/** Flags as the core wants them: text becomes numbers, sets and resources; what is wrong with one says which. */

import { hostname as machineName } from 'node:os';
import {
  type DomainInfo,
  type MasterInfo,
  parseJson,
  parseResources,
  type Quantities,
  Resources,
  ResourceTextError,
  readMessage,
  uuidText,
} from '@pronoia/mesos';
import { CodedError, Credentials, flagContent } from '@pronoia/server';
import { apiVersion } from './build-info.ts';
import { errors } from './errors.ts';
import { flags, type MasterFlags } from './flags.ts';
import { allowAll, parseAcls } from './security/acls.ts';
import type { AuthenticationOptions } from './security/authentication.ts';
import type { MasterOptions } from './state.ts';

/** Flags by name; those that are not given have their defaults. `work_dir` may be missing with `registry: 'in_memory'`. */
export type StartOptions = Partial<MasterFlags>;

export type Options = Omit<MasterFlags, 'work_dir'> & { readonly work_dir?: string | undefined };

export function withDefaults(given: StartOptions): Options {
  const defaults = Object.fromEntries(Object.entries(flags).map(([name, one]) => [name, one.default]));
  return { ...defaults, ...given } as Options;
}

/** As `/flags` shows them: text, and only those that have a value. */
export function shownFlags(options: Options): Readonly<Record<string, string>> {
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

export function masterInfo(options: Options, random: () => number): MasterInfo {
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
    ...(options.domain === undefined ? {} : { domain: parseDomain(options.domain) as DomainInfo }),
    capabilities: [{ type: 'AGENT_UPDATE' }, { type: 'AGENT_DRAINING' }, { type: 'QUOTA_V2' }],
  };
}

export function masterOptions(options: Options): MasterOptions {
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
    authorize: options.acls === undefined ? allowAll : parseAcls(flagContent('acls', options.acls)),
    domain: parseDomain(options.domain),
    requireAgentDomain: options.require_agent_domain,
    publishPerFrameworkMetrics: options.publish_per_framework_metrics,
    rootSubmissions: options.root_submissions,
    roles: options.roles === undefined ? undefined : new Set(words(options.roles)),
    allocator: {
      minAllocatable: parseAlternatives(options.min_allocatable_resources),
      fairSharingExcluded: new Set(words(options.fair_sharing_excluded_resource_names ?? '')),
      filterGpuResources: options.filter_gpu_resources,
      sorters: {
        roles: parseSorter('role_sorter', options.role_sorter),
        frameworks: parseSorter('framework_sorter', options.framework_sorter),
      },
      ...(options.domain === undefined ? {} : { domain: parseDomain(options.domain) as DomainInfo }),
    },
  };
}

const unitNames = /^(\d+(?:\.\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)$/;

/** `15mins`, in milliseconds. */
export function parseDurationText(text: string): number | undefined {
  const found = unitNames.exec(text.trim());
  return found === null ? undefined : Number(found[1]) * (unitMs[found[2] ?? ''] ?? 0);
}

const words = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  secs: 1000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

function parseSorter(flag: string, text: string): 'drf' | 'random' {
  if (text === 'drf' || text === 'random') return text;
  throw errors.fail('bad_option', { flag, reason: `expected drf or random, found '${text}'` });
}

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
export function parseWeights(text: string | undefined): [role: string, weight: number][] {
  return words(text ?? '').map((part) => {
    const [role = '', number = ''] = part.split('=');
    const weight = Number(number);
    if (role === '' || number === '' || !(weight > 0))
      throw errors.fail('bad_option', { flag: 'weights', reason: `expected role=weight with a weight above 0, found '${part}'` });
    return [role, weight];
  });
}

/** `{"fault_domain":{"region":{"name":…},"zone":{"name":…}}}` */
function parseDomain(text: string | undefined): DomainInfo | undefined {
  if (text === undefined) return undefined;
  try {
    return readMessage('DomainInfo', parseJson(flagContent('domain', text)));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw errors.fail('bad_option', { flag: 'domain', reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

/** Who must show credentials, and what nobody may ask. Throws CodedError `bad_option`. */
export function authenticationOptions(options: Options): AuthenticationOptions {
  return {
    credentials: options.credentials === undefined ? undefined : new Credentials('credentials', options.credentials),
    readonly: options.authenticate_http_readonly,
    readwrite: options.authenticate_http_readwrite,
    frameworks: options.authenticate_http_frameworks || options.authenticate_frameworks,
    agents: options.authenticate_agents,
    disabledPaths: disabledPaths(options.firewall_rules),
  };
}

/** `{"disabled_endpoints":{"paths":["/files/browse"]}}` */
function disabledPaths(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  try {
    const { disabled_endpoints: disabled } = JSON.parse(flagContent('firewall_rules', text)) as {
      disabled_endpoints?: { paths?: readonly string[] };
    };
    return disabled?.paths ?? [];
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw errors.fail('bad_option', { flag: 'firewall_rules', reason: error instanceof Error ? error.message : String(error) }, error);
  }
}
