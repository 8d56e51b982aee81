/** The command line: Prometheus' flags as far as what they move exists, and four of our own (prometheus-server.md §11.1). */
import { formatDuration } from '@pronoia/model';
import { type FlagValues, flag } from '@pronoia/server';

const minuteMs = 60_000;

export const flags = {
  'config.file': flag.string({ help: 'Prometheus configuration file.', default: 'prometheus.yml' }),
  'config.auto-reload': flag.boolean({ help: 'Reload when a file of the configuration has changed.', default: false }),
  'config.auto-reload-interval': flag.duration({
    help: 'How often files are looked at for --config.auto-reload; at least 1s.',
    default: 30_000,
  }),
  'web.listen-address': flag.list({
    help: 'Address to listen on for the page, the API and metrics: host:port.',
    default: ['0.0.0.0:9090'],
  }),
  'web.config.file': flag.string({
    help: 'File with TLS, users and headers of the web endpoints (format of Prometheus exporter toolkit).',
    default: '',
  }),
  'web.external-url': flag.string({
    help: 'URL under which others reach this server, for links back to it. Default: http://<hostname>:<port>/.',
    default: '',
  }),
  'web.route-prefix': flag.string({ help: 'Prefix of all paths. Default: the path of --web.external-url.', default: '' }),
  'web.enable-lifecycle': flag.boolean({ help: 'Allow reload by HTTP request (POST /-/reload).', default: false }),
  'web.enable-remote-write-receiver': flag.boolean({ help: 'Accept remote write requests (POST /api/v1/write).', default: false }),
  'web.enable-admin-api': flag.boolean({
    help: 'Allow deletion and snapshots by HTTP request (POST /api/v1/admin/tsdb/…).',
    default: false,
  }),
  'web.cors.origin': flag.string({ help: 'Regular expression for origins that may ask from a browser; anchored.', default: '.*' }),
  'web.max-connections': flag.integer({ help: 'Simultaneous connections, over all clients.', default: 512 }),
  'web.page-dir': flag.string({ help: 'Folder of the web page (with index.html).', default: '' }),
  'cluster.master-url': flag.string({ help: 'Master of the cluster that the page shows, as in http://127.0.0.1:5050.', default: '' }),
  'storage.tsdb.path': flag.string({ help: 'Folder of the database.', default: 'data/' }),
  'storage.tsdb.retention.time': flag.duration({
    help: 'How long samples are kept; 0s: for ever if there is a limit of size, else 15d.',
    default: 0,
  }),
  'storage.tsdb.retention.size': flag.bytes({
    help: 'The oldest blocks go when all files together are larger, as in 512MB; 0B: no limit.',
    default: 0,
  }),
  'storage.tsdb.min-block-duration': flag.duration({
    help: 'The time that a fresh block covers. For tests.',
    default: 2 * 60 * minuteMs,
    hidden: true,
  }),
  'storage.tsdb.max-block-duration': flag.duration({
    help: 'The longest time that a block covers after compaction; 0s: 31d or a tenth of the retention time, whichever is less.',
    default: 0,
    hidden: true,
  }),
  'storage.tsdb.wal-segment-size': flag.bytes({
    help: 'Size at which a segment of the write-ahead log is full, from 10MB to 256MB; 0B: 128MB.',
    default: 0,
    hidden: true,
  }),
  'storage.tsdb.no-lockfile': flag.boolean({ help: 'Do not hold a lock file in the folder of the database.', default: false }),
  'storage.max-series': flag.integer({ help: 'New series are refused while there are so many in memory; 0: no limit.', default: 0 }),
  'storage.max-series-per-metric': flag.integer({ help: 'The same for the series of one metric name.', default: 0 }),
  'storage.max-series-per-job': flag.integer({ help: 'The same for the series of one job.', default: 0 }),
  'storage.memory-budget': flag.bytes({
    help: 'New series are refused while the process holds more memory, as in 4GB; known series go on. 0B: no limit.',
    default: 0,
  }),
  'storage.tsdb.wal-compression': flag.boolean({ help: 'Compress the write-ahead log.', default: true, hidden: true }),
  'storage.wal-fsync': flag.string({
    help: 'always: a sample that was taken survives the loss of power; interval: the death of the process only, as in Prometheus.',
    default: 'interval',
    valueName: 'always|interval',
  }),
  'query.lookback-delta': flag.duration({ help: 'How far back a query looks for the sample of an instant.', default: 5 * minuteMs }),
  'query.timeout': flag.duration({ help: 'How long a query may take.', default: 2 * minuteMs }),
  'query.max-concurrency': flag.integer({ help: 'Queries evaluated at a time.', default: 20 }),
  'query.max-samples': flag.integer({ help: 'Samples that one query may hold in memory.', default: 50_000_000 }),
  'rules.alert.for-outage-tolerance': flag.duration({
    help: 'How long an outage may have been for the "for" state of alerts to be restored.',
    default: 60 * minuteMs,
  }),
  'rules.alert.for-grace-period': flag.duration({
    help: 'Least time between a restored "for" state and firing; alerts with a shorter "for" start anew.',
    default: 10 * minuteMs,
  }),
  'rules.alert.resend-delay': flag.duration({ help: 'Least time before an alert is sent to Alertmanagers again.', default: minuteMs }),
  'alertmanager.notification-queue-capacity': flag.integer({ help: 'Alerts that may wait for one Alertmanager.', default: 10_000 }),
  'alertmanager.notification-batch-size': flag.integer({ help: 'Alerts sent in one request.', default: 256 }),
  'alertmanager.drain-notification-queue-on-shutdown': flag.boolean({ help: 'Send what waits before stopping.', default: true }),
  'scrape.discovery-reload-interval': flag.duration({
    help: 'Least time between two changes of the set of targets. Prometheus has 5s; tasks of a cluster may not live that long.',
    default: 1000,
  }),
  'scrape.adjust-timestamps': flag.boolean({
    help: 'Record scrapes that start within the tolerance at their planned time.',
    default: true,
    hidden: true,
  }),
  'scrape.timestamp-tolerance': flag.duration({ help: 'See --scrape.adjust-timestamps.', default: 2, hidden: true }),
  'enable-feature': flag.list({ help: 'Features to enable, separated by commas.' }),
  'log.level': flag.string({ help: 'debug, info, warn or error.', default: 'info' }),
  'log.format': flag.string({ help: 'logfmt or json.', default: 'logfmt' }),
} as const;

export type MonitorOptions = FlagValues<typeof flags>;

/** All defaults, with what is given on top. */
export function completeOptions(given: Partial<MonitorOptions>): MonitorOptions {
  const defaults = Object.fromEntries(Object.entries(flags).map(([name, spec]) => [name, spec.default]));
  return { ...(defaults as MonitorOptions), ...given };
}

/** As `/api/v1/status/flags` shows them. */
export function printOptions(options: MonitorOptions): Record<string, string> {
  const texts = Object.entries(options).map(([name, value]): [string, string] => {
    const { kind } = flags[name as keyof typeof flags];
    if (kind === 'duration') return [name, formatDuration(value as number)];
    if (kind === 'bytes') return [name, formatBytes(value as number)];
    return [name, Array.isArray(value) ? value.join(',') : String(value)];
  });
  return Object.fromEntries(texts);
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `1GiB513MiB`, as the original prints sizes: every unit that has a share. */
export function formatBytes(bytes: number): string {
  const parts: string[] = [];
  let rest = bytes;
  for (const [i, unit] of byteUnits.entries()) {
    const share = i === byteUnits.length - 1 ? rest : rest % 1024;
    if (share > 0) parts.unshift(`${share}${unit}`);
    rest = (rest - share) / 1024;
  }
  return parts.length === 0 ? '0B' : parts.join('');
}
