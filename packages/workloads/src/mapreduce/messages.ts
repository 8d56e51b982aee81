/** The job in Mesos' words: the framework, an offer as the core sees it, an attempt as a command task. */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FrameworkInfo, type Offer, type Resource, Resources, type TaskInfo } from '@pronoia/mesos';
import type { MapReduceJob } from './job.ts';
import type { AgentOffer, Launch } from './job-state.ts';

/** A framework whose job master is gone is removed by the master after this. */
const FAILOVER_SECONDS = 30;

/** Built file, also when this runs from the sources: attempts are plain node processes. */
export const ATTEMPT_PROGRAM = fileURLToPath(new URL('../../dist/mapreduce/attempt.js', import.meta.url));

export function frameworkInfo(job: MapReduceJob, jobId: string, jobUrl: string): FrameworkInfo {
  return {
    user: userName(),
    name: job.name ?? (job.kind === 'wordcount' ? 'wordcount' : 'streaming'),
    roles: [job.role ?? '*'],
    checkpoint: true,
    failover_timeout: FAILOVER_SECONDS,
    capabilities: [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }, { type: 'RESERVATION_REFINEMENT' }],
    labels: {
      labels: [
        { key: 'metrics', value: `${jobUrl}/metrics` },
        { key: 'job', value: jobId },
      ],
    },
    ...(job.principal === undefined ? {} : { principal: job.principal }),
  };
}

/** In a container a user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

/** Only what any framework may take: attempts do not know of reservations. */
export function agentOffer(offer: Offer): AgentOffer {
  const resources = Resources.of(offer.resources).unreserved.nonRevocable;
  const { address } = offer.url ?? {};
  const host = address?.ip ?? address?.hostname ?? offer.hostname;
  return {
    id: offer.id.value,
    agentId: offer.agent_id.value,
    hostname: offer.hostname,
    agentUrl: `${offer.url?.scheme ?? 'http'}://${host}:${address?.port ?? 5051}`,
    cpus: resources.scalar('cpus'),
    memMb: resources.scalar('mem'),
    ports: resources.ranges('ports'),
  };
}

export function attemptTask(job: MapReduceJob, jobId: string, jobFile: string, { attempt, needs, ports }: Launch): TaskInfo {
  const allocation_info = { role: job.role ?? '*' };
  const scalar = (name: string, value: number): Resource => ({ name, type: 'SCALAR', scalar: { value }, allocation_info });
  const port = (number: number): Resource => ({
    name: 'ports',
    type: 'RANGES',
    ranges: { range: [{ begin: number, end: number }] },
    allocation_info,
  });
  const [own, ofProgram] = ports;
  const variables = [
    ...(own === undefined ? [] : [{ name: 'MAPREDUCE_METRICS_PORT', value: String(own) }]),
    ...(ofProgram === undefined ? [] : [{ name: 'PORT_METRICS', value: String(ofProgram) }]),
  ];
  const published = ports.map((number) => ({ number, name: 'metrics', protocol: 'tcp' }));
  const files = job.kind === 'streaming' ? (job.files ?? []) : [];
  return {
    name: `${attempt.task.kind} ${attempt.task.index}`,
    task_id: { value: attempt.id },
    agent_id: { value: attempt.agentId },
    resources: [scalar('cpus', needs.cpus), scalar('mem', needs.memMb), ...ports.map(port)],
    command: {
      shell: false,
      value: process.execPath,
      arguments: [process.execPath, ATTEMPT_PROGRAM, jobFile, attempt.id],
      environment: { variables },
      // executable: a program must be able to run, and an archive that is shipped as a file stays a file.
      uris: files.map((file) => ({ value: resolve(file), executable: true })),
    },
    labels: {
      labels: [
        { key: 'job', value: jobId },
        { key: 'stage', value: attempt.task.kind },
      ],
    },
    ...(published.length === 0
      ? {}
      : { discovery: { visibility: 'CLUSTER' as const, name: attempt.task.kind, ports: { ports: published } } }),
  };
}
