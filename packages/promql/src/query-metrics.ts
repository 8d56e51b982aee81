/** What an engine measures of itself, under the original's names. Make one for a process; several engines may share it. */
import { Counter, Gauge, Histogram, type Registry, Summary } from '@pronoia/client';

type Slice = 'queue_time' | 'prepare_time' | 'inner_eval' | 'result_sort';

export class QueryMetrics {
  readonly queries: Gauge;
  readonly #concurrentMax: Gauge;
  readonly samples: Counter;
  readonly samplesRead: Counter;
  readonly #duration: Summary<'slice'>;
  readonly #durationHistogram: Histogram<'slice'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.queries = new Gauge({ name: 'prometheus_engine_queries', help: 'Queries that run or wait for their turn.', registers });
    this.#concurrentMax = new Gauge({
      name: 'prometheus_engine_queries_concurrent_max',
      help: 'Queries that may run at a time.',
      registers,
    });
    this.samples = new Counter({
      name: 'prometheus_engine_query_samples_total',
      help: 'Samples that the steps of all queries looked at; one counts for every window it is in.',
      registers,
    });
    this.samplesRead = new Counter({
      name: 'prometheus_engine_query_samples_read_total',
      help: 'Samples that queries read from storage.',
      registers,
    });
    const labelNames = ['slice'] as const;
    this.#duration = new Summary({
      name: 'prometheus_engine_query_duration_seconds',
      help: 'Time that queries spent, by stage.',
      labelNames,
      percentiles: [0.5, 0.9, 0.99],
      maxAgeSeconds: 600,
      ageBuckets: 5,
      registers,
    });
    this.#durationHistogram = new Histogram({
      name: 'prometheus_engine_query_duration_histogram_seconds',
      help: 'Time that queries spent, by stage.',
      labelNames,
      buckets: [0.001, 0.01, 0.1, 1, 10],
      registers,
    });
  }

  set concurrentMax(queries: number) {
    this.#concurrentMax.set(queries);
  }

  observe(slice: Slice, seconds: number): void {
    this.#duration.observe({ slice }, seconds);
    this.#durationHistogram.observe({ slice }, seconds);
  }
}
