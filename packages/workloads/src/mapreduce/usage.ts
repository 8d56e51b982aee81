/**
 * What the job's running tasks use, from the agents' `/containers`: the gauge `resource_usage{resource="cpu"|"memory",task,agent}` in cores and
 * bytes. CPU is the difference of two readings, at first that since the launch.
 */
import type { Gauge } from '@pronoia/client';
import { type Clock, type Logger, sleep } from '@pronoia/server';
import { request } from 'undici';

export interface MeasuredAttempt {
  readonly id: string;
  readonly agentId: string;
  readonly agentUrl: string;
  readonly hostname: string;
  readonly launchedAtMs: number;
}

interface ContainerEntry {
  readonly executor_id: string;
  readonly statistics?: {
    readonly timestamp?: number;
    readonly cpus_user_time_secs?: number;
    readonly cpus_system_time_secs?: number;
    readonly mem_rss_bytes?: number;
  };
}

interface Reading {
  readonly atSeconds: number;
  readonly cpuSeconds: number;
}

export interface UsageOptions {
  readonly gauge: Gauge<'resource' | 'task' | 'agent'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly frameworkId: () => string | undefined;
  readonly running: () => Iterable<MeasuredAttempt>;
  readonly intervalMs: number;
}

const TIMEOUT_MS = 5_000;
/** A figure over less time says more of the clock than of the task. */
const SHORTEST_SECONDS = 0.1;

export class UsageMeter {
  readonly #options: UsageOptions;
  readonly #last = new Map<string, Reading>();
  /** Series that are shown at the moment, to take away what has ended. */
  readonly #shown = new Map<string, string>();

  constructor(options: UsageOptions) {
    this.#options = options;
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.measure();
      await sleep(this.#options.clock, this.#options.intervalMs, signal).catch(() => undefined);
    }
  }

  async measure(): Promise<void> {
    const frameworkId = this.#options.frameworkId();
    const attempts = [...this.#options.running()];
    const agents = new Map(attempts.map((attempt) => [attempt.agentId, attempt]));
    if (frameworkId !== undefined) await Promise.all([...agents.values()].map((agent) => this.#measureAgent(agent, frameworkId, attempts)));
    const running = new Set(attempts.map((attempt) => attempt.id));
    for (const [task, agent] of this.#shown) if (!running.has(task)) this.#remove(task, agent);
  }

  async #measureAgent(agent: MeasuredAttempt, frameworkId: string, attempts: readonly MeasuredAttempt[]): Promise<void> {
    let entries: readonly ContainerEntry[];
    try {
      const response = await request(`${agent.agentUrl}/containers?framework_id=${encodeURIComponent(frameworkId)}`, {
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      });
      if (response.statusCode !== 200) {
        await response.body.dump();
        return;
      }
      entries = (await response.body.json()) as readonly ContainerEntry[];
    } catch (error) {
      this.#options.log.debug({ agent: agent.agentUrl, reason: (error as Error).message }, 'No usage figures from an agent');
      return;
    }
    for (const { executor_id: task, statistics } of entries) {
      const attempt = attempts.find(({ id }) => id === task);
      if (statistics === undefined || attempt === undefined) continue;
      const atSeconds = statistics.timestamp ?? 0;
      const cpuSeconds = (statistics.cpus_user_time_secs ?? 0) + (statistics.cpus_system_time_secs ?? 0);
      const before = this.#last.get(task) ?? this.#atLaunch(attempt, atSeconds);
      if (atSeconds <= before.atSeconds) continue;
      this.#last.set(task, { atSeconds, cpuSeconds });
      this.#shown.set(task, agent.hostname);
      const { gauge } = this.#options;
      gauge.set({ resource: 'memory', task, agent: agent.hostname }, statistics.mem_rss_bytes ?? 0);
      gauge.set(
        { resource: 'cpu', task, agent: agent.hostname },
        Math.max(0, (cpuSeconds - before.cpuSeconds) / (atSeconds - before.atSeconds)),
      );
    }
  }

  /** On the agent's clock, which need not agree with ours: only the time since the launch is ours. */
  #atLaunch({ launchedAtMs }: MeasuredAttempt, atSeconds: number): Reading {
    const ageSeconds = Math.max((this.#options.clock.now() - launchedAtMs) / 1_000, SHORTEST_SECONDS);
    return { atSeconds: atSeconds - ageSeconds, cpuSeconds: 0 };
  }

  #remove(task: string, agent: string): void {
    for (const resource of ['cpu', 'memory']) this.#options.gauge.remove({ resource, task, agent });
    this.#shown.delete(task);
    this.#last.delete(task);
  }
}
