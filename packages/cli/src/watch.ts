/**
 * Looks at the monitor, as a user with `curl` would, while the demonstration's job runs. Tasks and their series are short-lived: what
 * was there once has been seen.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Check } from './checks.ts';
import { instantVector, type Series, seriesText } from './query.ts';

const periodMs = 400;
/** Every server measures itself under one of these jobs. */
const serverJobs = ['alertmanager', 'mesos-agent', 'mesos-master', 'monitor'];
const taskLabels = ['framework', 'role', 'task', 'agent'];

export class Watch {
  readonly #monitorUrl: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #servers = new Set<string>();
  readonly #tasks = new Map<string, Series>();
  readonly #containers = new Set<string>();
  readonly #usage = new Map<string, Series>();
  #rates: readonly Series[] = [];
  #alert: Series | undefined;
  #fault = '';

  constructor(monitorUrl: string) {
    this.#monitorUrl = monitorUrl;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#look().catch((error: unknown) => {
        this.#fault = (error as Error).message;
      });
      await wait(periodMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const ask = (expression: string): Promise<readonly Series[]> => instantVector(this.#monitorUrl, expression);
    if (this.#servers.size < serverJobs.length) {
      for (const { metric } of await ask(`up{job=~"${serverJobs.join('|')}"} == 1`)) this.#servers.add(metric['job'] ?? '');
    }
    for (const series of await ask('up{job="mesos-tasks"} == 1')) {
      const { task } = series.metric;
      if (task !== undefined && taskLabels.every((label) => (series.metric[label] ?? '') !== '')) this.#tasks.set(task, series);
    }
    for (const { metric } of await ask('container_memory_rss')) if (metric['task'] !== undefined) this.#containers.add(metric['task']);
    for (const series of await ask('resource_usage > 0')) this.#usage.set(series.metric['resource'] ?? '', series);
    const rates = (await ask('rate(task_count[1m])')).filter((series) => Number(series.value?.[1]) > 0);
    if (rates.length > 0) this.#rates = rates;
    this.#alert ??= (await ask('ALERTS{alertname="TaskBusy", alertstate="firing"}'))[0];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  checks(): readonly Check[] {
    const missing = this.#fault === '' ? 'nothing was seen' : this.#fault;
    const shown = (series: Series | undefined): string =>
      series === undefined ? missing : `${seriesText(series.metric)} ${series.value?.[1] ?? ''}`;
    const task = [...this.#tasks.values()][0];
    return [
      {
        what: 'every server is measured',
        isSeen: serverJobs.every((job) => this.#servers.has(job)),
        detail: this.#servers.size === 0 ? missing : `up: ${[...this.#servers].sort().join(', ')}`,
      },
      {
        what: 'running tasks were found and measured, with framework, role, task and agent',
        isSeen: this.#tasks.size > 0,
        detail: task === undefined ? missing : `${this.#tasks.size} tasks, such as ${shown(task)}`,
      },
      {
        what: 'their containers were measured by the agent',
        isSeen: this.#containers.size > 0,
        detail: this.#containers.size === 0 ? missing : `container_memory_rss of ${this.#containers.size} tasks`,
      },
      {
        what: 'resource_usage answers for cpu and memory',
        isSeen: this.#usage.has('cpu') && this.#usage.has('memory'),
        detail: shown(this.#usage.get('cpu')),
      },
      {
        what: 'rate(task_count[1m]) answers for map and reduce',
        isSeen: ['map', 'reduce'].every((type) => this.#rates.some(({ metric }) => metric['task_type'] === type)),
        detail: shown(this.#rates[0]),
      },
      { what: 'the alert TaskBusy fired', isSeen: this.#alert !== undefined, detail: shown(this.#alert) },
    ];
  }

  /** What is still missing can still come. */
  get isComplete(): boolean {
    return this.checks().every(({ isSeen }) => isSeen);
  }
}
