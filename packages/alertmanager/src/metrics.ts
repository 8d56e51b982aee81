/** What the alertmanager measures, under the original's names. */
import { Counter, Gauge, Histogram, type Registry, Summary } from '@pronoia/client';
import { receiverKinds } from './config/receivers.ts';
import type { SilenceState } from './silence.ts';

const failureReasons = ['clientError', 'serverError', 'authError', 'rateLimited', 'contextCanceled', 'contextDeadlineExceeded', 'other'];

export type NotificationMetrics = ReturnType<typeof createNotificationMetrics>;

export interface NotificationMetricsOptions {
  /** A label receiver_name (`--enable-feature=receiver-name-in-metrics`). */
  readonly namesReceivers?: boolean;
}

export function createNotificationMetrics(registry: Registry, { namesReceivers = false }: NotificationMetricsOptions = {}) {
  const own: readonly string[] = namesReceivers ? ['integration', 'receiver_name'] : ['integration'];
  const registers = [registry];
  const metrics = {
    notifications: new Counter({
      name: 'alertmanager_notifications_total',
      help: 'The total number of attempted notifications.',
      labelNames: own,
      registers,
    }),
    failed: new Counter({
      name: 'alertmanager_notifications_failed_total',
      help: 'The total number of failed notifications.',
      labelNames: [...own, 'reason'],
      registers,
    }),
    requests: new Counter({
      name: 'alertmanager_notification_requests_total',
      help: 'The total number of attempted notification requests.',
      labelNames: own,
      registers,
    }),
    requestsFailed: new Counter({
      name: 'alertmanager_notification_requests_failed_total',
      help: 'The total number of failed notification requests.',
      labelNames: own,
      registers,
    }),
    latency: new Histogram({
      name: 'alertmanager_notification_latency_seconds',
      help: 'The latency of notifications in seconds.',
      labelNames: own,
      buckets: [1, 5, 10, 15, 20],
      registers,
    }),
    suppressed: new Counter({
      name: 'alertmanager_notifications_suppressed_total',
      help: 'The total number of notifications suppressed for being silenced, inhibited, outside of active time intervals or within muted time intervals.',
      labelNames: ['reason'],
      registers,
    }),
    labelsOf: (integration: string, receiver: string): Readonly<Record<string, string>> =>
      namesReceivers ? { integration, receiver_name: receiver } : { integration },
  };
  // With receivers there are too many to begin at zero.
  for (const integration of namesReceivers ? [] : Object.keys(receiverKinds)) {
    metrics.notifications.inc({ integration }, 0);
    metrics.requests.inc({ integration }, 0);
    metrics.requestsFailed.inc({ integration }, 0);
    for (const reason of failureReasons) metrics.failed.inc({ integration, reason }, 0);
  }
  for (const reason of ['silence', 'inhibition', 'mute_time_interval', 'active_time_interval']) metrics.suppressed.inc({ reason }, 0);
  return metrics;
}

export interface Gauges {
  readonly alerts: () => Promise<Readonly<Record<'active' | 'suppressed' | 'unprocessed', number>>>;
  readonly silences: () => Readonly<Record<SilenceState, number>>;
  readonly groups: () => number;
  readonly receivers: () => number;
  readonly integrations: () => number;
  readonly inhibitionRules: () => number;
}

export type ServerMetrics = ReturnType<typeof createServerMetrics>;

export function createServerMetrics(registry: Registry, gauges: Gauges, build: { version: string; revision: string }) {
  const registers = [registry];
  const counter = (name: string, help: string) => {
    const made = new Counter({ name: `alertmanager_${name}`, help, registers });
    made.inc(0);
    return made;
  };
  const read = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `alertmanager_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  new Gauge({
    name: 'alertmanager_alerts',
    help: 'How many alerts by state.',
    labelNames: ['state'],
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await gauges.alerts())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'alertmanager_silences',
    help: 'How many silences by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(gauges.silences())) this.set({ state }, count);
    },
  });
  read('dispatcher_aggregation_groups', 'Number of active aggregation groups.', gauges.groups);
  read('receivers', 'Number of configured receivers.', gauges.receivers);
  read('integrations', 'Number of configured integrations.', gauges.integrations);
  read('inhibition_rules', 'Number of configured inhibition rules.', gauges.inhibitionRules);
  new Gauge({
    name: 'alertmanager_build_info',
    help: 'Always 1; the labels tell what runs.',
    labelNames: ['version', 'revision', 'branch', 'goversion'],
    registers,
  }).set({ ...build, branch: '', goversion: '' }, 1);
  const received = new Counter({
    name: 'alertmanager_alerts_received_total',
    help: 'The total number of received alerts.',
    labelNames: ['status', 'version'],
    registers,
  });
  const invalid = new Counter({
    name: 'alertmanager_alerts_invalid_total',
    help: 'The total number of received alerts that were invalid.',
    labelNames: ['version'],
    registers,
  });
  for (const status of ['firing', 'resolved']) received.inc({ status, version: 'v2' }, 0);
  invalid.inc({ version: 'v2' }, 0);
  const gauge = (name: string, help: string) => new Gauge({ name: `alertmanager_${name}`, help, registers });
  const state = (part: 'silences' | 'nflog', what: string) => ({
    snapshotSize: gauge(`${part}_snapshot_size_bytes`, `Size of the last ${what} snapshot in bytes.`),
    snapshotDuration: new Summary({
      name: `alertmanager_${part}_snapshot_duration_seconds`,
      help: `Duration of the last ${what} snapshot.`,
      percentiles: [],
      registers,
    }),
    gcDuration: new Summary({
      name: `alertmanager_${part}_gc_duration_seconds`,
      help: `Duration of the last ${what} garbage collection cycle.`,
      percentiles: [],
      registers,
    }),
    maintenance: counter(`${part}_maintenance_total`, `How many maintenances were executed for ${what}.`),
    maintenanceErrors: counter(`${part}_maintenance_errors_total`, `How many maintenances were executed for ${what} that failed.`),
  });
  return {
    received,
    invalid,
    limited: counter('alerts_limited_total', 'Total number of alerts that were dropped due to per alert name limit.'),
    limit: gauge('alerts_per_alert_limit', 'Current per alert name limit.'),
    configHash: gauge('config_hash', 'Hash of the currently loaded alertmanager configuration.'),
    reloadSuccessful: gauge('config_last_reload_successful', 'Whether the last configuration reload attempt was successful.'),
    reloadTimestamp: gauge('config_last_reload_success_timestamp_seconds', 'Timestamp of the last successful configuration reload.'),
    processing: new Summary({
      name: 'alertmanager_dispatcher_alert_processing_duration_seconds',
      help: 'Summary of latencies for the processing of alerts.',
      percentiles: [],
      registers,
    }),
    requestDuration: new Histogram({
      name: 'alertmanager_http_request_duration_seconds',
      help: 'Histogram of latencies for HTTP requests.',
      labelNames: ['handler', 'method', 'code'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    requestsInFlight: new Gauge({
      name: 'alertmanager_http_requests_in_flight',
      help: 'Current number of HTTP requests being processed.',
      labelNames: ['method'],
      registers,
    }),
    concurrencyExceeded: new Counter({
      name: 'alertmanager_http_concurrency_limit_exceeded_total',
      help: 'Total number of times an HTTP request failed because the concurrency limit was reached.',
      labelNames: ['method'],
      registers,
    }),
    silences: state('silences', 'silences'),
    nflog: state('nflog', 'the notification log'),
  };
}

export type ClusterMetrics = ReturnType<typeof createClusterMetrics>;

export function createClusterMetrics(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => {
    const made = new Gauge({ name: `alertmanager_${name}`, help, registers });
    made.set(0);
    return made;
  };
  const counter = (name: string, help: string) => {
    const made = new Counter({ name: `alertmanager_${name}`, help, registers });
    made.inc(0);
    return made;
  };
  const sent = new Counter({
    name: 'alertmanager_cluster_messages_sent_total',
    help: 'Total number of cluster messages sent.',
    labelNames: ['msg_type'],
    registers,
  });
  for (const type of ['update', 'full_state']) sent.inc({ msg_type: type }, 0);
  gauge('cluster_health_score', 'Health score of the cluster. Always zero here: there is no such score.');
  return {
    enabled: gauge('cluster_enabled', 'Indicates whether clustering is enabled.'),
    members: gauge('cluster_members', 'Number indicating current number of members in cluster.'),
    failed: gauge('cluster_failed_peers', 'Number indicating the current number of failed peers in the cluster.'),
    position: gauge('peer_position', 'Position the Alertmanager instance believes it has in its cluster.'),
    joined: counter('cluster_peers_joined_total', 'A counter of the number of peers that have joined.'),
    left: counter('cluster_peers_left_total', 'A counter of the number of peers that have left or were lost.'),
    updated: counter('cluster_peers_update_total', 'A counter of the number of peers that came back with another identity.'),
    nameConflicts: counter('cluster_peer_name_conflicts_total', 'Total number of times another member had this one’s name.'),
    sent,
    sentBytes: counter('cluster_messages_sent_size_total', 'Total size of cluster messages sent.'),
    received: counter('cluster_messages_received_total', 'Total number of cluster messages received.'),
    receivedBytes: counter('cluster_messages_received_size_total', 'Total size of cluster messages received.'),
    takeovers: counter(
      'cluster_takeovers_total',
      'Notifications that this member sent because the member whose turn it was had gone or did not.',
    ),
    etcdUnanswered: counter('cluster_etcd_failures_total', 'Questions to etcd (--cluster.etcd) that failed or were not answered in time.'),
    duplicates: counter(
      'cluster_duplicate_notifications_total',
      'Notifications of this member that another one sent too, because they could not see each other.',
    ),
  };
}
