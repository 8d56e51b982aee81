/** What sending alerts tells about itself (prometheus-server.md §12). */
import { Counter, Gauge, type Registry, Summary } from '@pronoia/client';

export interface NotifierMetrics {
  readonly latency: Summary<'alertmanager'>;
  readonly errors: Counter<'alertmanager'>;
  readonly sent: Counter<'alertmanager'>;
  readonly dropped: Counter<'alertmanager'>;
  readonly queueLength: Gauge<'alertmanager'>;
  readonly queueCapacity: Gauge;
  readonly discovered: Gauge;
}

export function createNotifierMetrics(registry: Registry): NotifierMetrics {
  const registers = [registry];
  const labelNames = ['alertmanager'] as const;
  const counter = (name: string, help: string) => new Counter({ name: `prometheus_notifications_${name}`, help, labelNames, registers });
  return {
    latency: new Summary({
      name: 'prometheus_notifications_latency_seconds',
      help: 'Time of one delivery.',
      labelNames,
      percentiles: [0.5, 0.9, 0.99],
      registers,
    }),
    errors: counter('errors_total', 'Alerts whose delivery failed for good.'),
    sent: counter('sent_total', 'Alerts delivered.'),
    dropped: counter('dropped_total', 'Alerts dropped: the queue was full, or the delivery failed.'),
    queueLength: new Gauge({ name: 'prometheus_notifications_queue_length', help: 'Alerts waiting for delivery.', labelNames, registers }),
    queueCapacity: new Gauge({ name: 'prometheus_notifications_queue_capacity', help: 'Alerts that may wait.', registers }),
    discovered: new Gauge({
      name: 'prometheus_notifications_alertmanagers_discovered',
      help: 'Alertmanagers that alerts are sent to.',
      registers,
    }),
  };
}
