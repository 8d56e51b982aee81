/**
 * Targets from a Mesos master: the master itself, its agents, and every running task or framework that says where its metrics are.
 * One `GET /master/state` a poll. An idle cluster answers the same bytes again, which are compared and not parsed; a master that
 * sends an ETag is asked with If-None-Match and answers nothing at all.
 *
 * A task is measured when one of its `discovery.ports` is named `metrics` (the port's label `path` may replace `/metrics`); a
 * framework when its label `metrics` holds a URL. Anything else runs unmeasured, and is no error.
 */
import type { MesosSdConfig } from '../config/discovery.ts';
import { errors } from '../errors.ts';
import { userAgent } from '../version.ts';
import { type Discoverer, type DiscovererTools, sanitizeLabelName, type TargetGroup } from './discoverer.ts';
import { poll } from './poll.ts';

/** The parts of the master's state that we read; everything may be absent in an answer of another version. */
interface MasterState {
  readonly hostname?: string;
  readonly pid?: string;
  readonly leader?: string;
  readonly slaves?: readonly AgentState[];
  readonly frameworks?: readonly FrameworkState[];
}

interface AgentState {
  readonly id: string;
  readonly hostname: string;
  readonly port?: number;
  /** `slave(1)@ip:port` */
  readonly pid?: string;
  readonly active?: boolean;
}

interface FrameworkState {
  readonly id: string;
  readonly name: string;
  readonly role?: string;
  /** In place of `role` for frameworks with several. */
  readonly roles?: readonly string[];
  readonly active?: boolean;
  readonly labels?: LabelList;
  readonly tasks?: readonly TaskState[];
}

interface TaskState {
  readonly id: string;
  readonly name: string;
  readonly slave_id: string;
  readonly state: string;
  readonly role?: string;
  readonly labels?: LabelList;
  readonly discovery?: { readonly ports?: { readonly ports?: readonly PortState[] } };
}

interface PortState {
  readonly number: number;
  readonly name?: string;
  readonly labels?: LabelList;
}

/** Legacy endpoints print labels as a bare list in some places and as the protobuf message in others. */
type LabelList = readonly LabelState[] | { readonly labels?: readonly LabelState[] };
interface LabelState {
  readonly key: string;
  readonly value?: string;
}

export function createMesosDiscoverer(config: MesosSdConfig, tools: DiscovererTools): Discoverer {
  const { clock, log, fetch, failures } = tools;
  const url = `${config.master.replace(/\/+$/, '')}/master/state`;
  let lastBody: Buffer | undefined;
  let etag = '';
  let isFailing = false;

  /** Undefined: nothing has changed. */
  async function refresh(signal: AbortSignal): Promise<readonly TargetGroup[] | undefined> {
    const headers = { accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': userAgent };
    const response = await fetch({
      url,
      // A master that does not answer is asked again in the next period, but a second is too short for a large state.
      timeoutMs: Math.max(config.refresh_interval, 5000),
      headers: etag === '' ? headers : { ...headers, 'if-none-match': etag },
      signal,
    });
    if (response.status === 304) return undefined;
    if (response.status !== 200) throw errors.fail('discovery_status', { url, status: response.status });
    const isSame = lastBody?.equals(response.body) === true;
    const groups = isSame ? undefined : targetsOfState(JSON.parse(response.body.toString('utf8')) as MasterState, config.master);
    // Only now: an answer that could not be read must not count as known.
    lastBody = response.body;
    etag = response.header('etag');
    return groups;
  }

  return {
    run: (emit, signal) =>
      poll(clock, config.refresh_interval, signal, async () => {
        try {
          const groups = await refresh(signal);
          if (groups !== undefined) emit(groups);
          if (isFailing) log.info({ url }, 'The master answers again');
          isFailing = false;
        } catch (error) {
          if (signal.aborted) return;
          failures.inc();
          // A master that is away for an hour is one line, not 3,600.
          if (!isFailing)
            log.warn({ url, error: (error as Error).message }, 'Unable to read the state of the master; keeping the last targets');
          isFailing = true;
        }
      }),
  };
}

/** @param master the configured URL, which says how to reach a leader that does not name itself. */
export function targetsOfState(state: MasterState, master: string): readonly TargetGroup[] {
  const agents = (state.slaves ?? []).filter(({ active }) => active !== false);
  const agentById = new Map(agents.map((agent) => [agent.id, agent]));
  const groups: TargetGroup[] = [
    group('master', { __meta_mesos_role: 'master' }, [{ __address__: addressOfPid(state.leader ?? state.pid) ?? new URL(master).host }]),
    group(
      'agents',
      { __meta_mesos_role: 'agent' },
      agents.map((agent) => ({ __address__: agentAddress(agent), ...agentLabels(agent) })),
    ),
  ];
  for (const framework of state.frameworks ?? []) {
    const targets = [
      ...frameworkTargets(framework),
      ...(framework.tasks ?? []).flatMap((task) => taskTargets(task, framework, agentById.get(task.slave_id))),
    ];
    const labels = { __meta_mesos_framework_id: framework.id, __meta_mesos_framework_name: framework.name };
    if (targets.length > 0) groups.push(group(`framework/${framework.id}`, labels, targets));
  }
  return groups;
}

function group(source: string, labels: Record<string, string>, targets: readonly Record<string, string>[]): TargetGroup {
  return { source, labels, targets };
}

function frameworkTargets(framework: FrameworkState): Record<string, string>[] {
  const text = labelsOf(framework.labels).find(({ key }) => key === 'metrics')?.value;
  if (framework.active === false || text === undefined || !URL.canParse(text)) return [];
  const url = new URL(text);
  return [
    {
      __address__: url.host,
      __scheme__: url.protocol.slice(0, -1),
      __metrics_path__: url.pathname,
      ...Object.fromEntries([...url.searchParams].map(([name, value]) => [`__param_${name}`, value])),
      __meta_mesos_role: 'framework',
      __meta_mesos_allocation_role: framework.role ?? framework.roles?.join(',') ?? '',
    },
  ];
}

function taskTargets(task: TaskState, framework: FrameworkState, agent: AgentState | undefined): Record<string, string>[] {
  if (task.state !== 'TASK_RUNNING' || agent === undefined) return [];
  const ports = task.discovery?.ports?.ports ?? [];
  return ports
    .filter(({ name }) => name === 'metrics')
    .map((port) => ({
      __address__: `${agent.hostname}:${port.number}`,
      __metrics_path__: labelsOf(port.labels).find(({ key }) => key === 'path')?.value ?? '/metrics',
      __meta_mesos_role: 'task',
      __meta_mesos_task_id: task.id,
      __meta_mesos_task_name: task.name,
      __meta_mesos_allocation_role: task.role ?? framework.role ?? '',
      __meta_mesos_port_name: port.name ?? '',
      ...agentLabels(agent),
      ...Object.fromEntries(
        labelsOf(task.labels).map(({ key, value }) => [`__meta_mesos_task_label_${sanitizeLabelName(key)}`, value ?? '']),
      ),
    }));
}

function agentLabels(agent: AgentState): Record<string, string> {
  return { __meta_mesos_agent_id: agent.id, __meta_mesos_agent_hostname: agent.hostname };
}

function agentAddress(agent: AgentState): string {
  if (agent.port !== undefined) return `${agent.hostname}:${agent.port}`;
  return addressOfPid(agent.pid) ?? agent.hostname;
}

/** `master@127.0.0.1:5050` → `127.0.0.1:5050` */
function addressOfPid(pid: string | undefined): string | undefined {
  const at = pid?.lastIndexOf('@') ?? -1;
  return pid === undefined || at < 0 ? undefined : pid.slice(at + 1);
}

function labelsOf(list: LabelList | undefined): readonly LabelState[] {
  if (list === undefined) return [];
  return 'length' in list ? list : (list.labels ?? []);
}
