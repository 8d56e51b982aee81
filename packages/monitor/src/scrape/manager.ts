/** All scrape jobs of a server. */
import type { ScrapeConfig } from '../config/scrape.ts';
import type { GroupsByJob } from '../discovery/manager.ts';
import { type PoolDeps, ScrapePool } from './pool.ts';

export class ScrapeManager {
  readonly #deps: PoolDeps;
  readonly #poolByJob = new Map<string, ScrapePool>();
  /** Pools of jobs that were removed, until their targets have left their markers. */
  readonly #retired = new Set<ScrapePool>();

  constructor(deps: PoolDeps) {
    this.#deps = deps;
  }

  /** Sorted by job. */
  get pools(): readonly ScrapePool[] {
    return [...this.#poolByJob.values()].sort((a, b) => (a.config.job_name < b.config.job_name ? -1 : 1));
  }

  async configure(configs: readonly ScrapeConfig[]): Promise<void> {
    const wanted = new Set(configs.map(({ job_name }) => job_name));
    for (const [job, pool] of this.#poolByJob) {
      if (wanted.has(job)) continue;
      this.#poolByJob.delete(job);
      this.#retired.add(pool);
      void pool.retire().then(() => this.#retired.delete(pool));
    }
    for (const config of configs) {
      const pool = this.#poolByJob.get(config.job_name);
      if (pool === undefined) {
        this.#poolByJob.set(config.job_name, new ScrapePool(config, this.#deps));
        this.#deps.metrics.pools.inc();
      } else if (JSON.stringify(pool.config) !== JSON.stringify(config)) {
        await pool.reload(config);
      }
    }
  }

  apply(groupsByJob: GroupsByJob): void {
    for (const [job, pool] of this.#poolByJob) pool.sync(groupsByJob.get(job) ?? []);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#poolByJob.values(), ...this.#retired].map((pool) => pool.stop()));
  }
}
