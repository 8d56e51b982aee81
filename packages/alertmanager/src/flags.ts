/** The command line, flag for flag the original's. */
import { flag } from '@pronoia/server';

const hour = 3_600_000;

export const flags = {
  'config.file': flag.string({ default: 'alertmanager.yml', help: 'Alertmanager configuration file name.' }),
  'storage.path': flag.string({ default: 'data/', help: 'Base path for data storage.' }),
  'data.retention': flag.duration({ default: 120 * hour, help: 'How long to keep data for.' }),
  'data.maintenance-interval': flag.duration({
    default: 15 * 60_000,
    help: 'Interval between garbage collection and snapshotting to disk of the silences and the notification logs.',
  }),
  'silences.max-silences': flag.integer({ default: 0, help: 'Maximum number of silences, including expired silences. 0 is no limit.' }),
  'silences.max-silence-size-bytes': flag.integer({ default: 0, help: 'Maximum silence size in bytes. 0 is no limit.' }),
  'history.retention': flag.duration({
    default: 14 * 24 * hour,
    help: 'How long to keep the history of alerts and notifications (not in the original). 0 keeps none.',
  }),
  'history.max-bytes': flag.bytes({ default: 256 * 1024 * 1024, help: 'The most that the history may take on the disk.' }),
  'log.silences': flag.boolean({ default: false, help: 'Log each change of a silence.' }),
  'alerts.gc-interval': flag.duration({ default: 30 * 60_000, help: 'Interval between alert garbage collection.' }),
  'alerts.per-alertname-limit': flag.integer({ default: 0, help: 'Maximum number of alerts per alertname. 0 is no limit.' }),
  'dispatch.maintenance-interval': flag.duration({
    default: 30_000,
    help: 'Interval between maintenance of aggregation groups in the dispatcher.',
  }),
  'dispatch.start-delay': flag.duration({ default: 0, help: 'Minimum amount of time to wait before dispatching alerts after start.' }),
  'web.listen-address': flag.list({ default: [':9093'], help: 'Address to listen on for the API. May be repeated.' }),
  'web.systemd-socket': flag.boolean({ default: false, help: 'Use systemd socket activation listeners instead of port listeners.' }),
  'web.config.file': flag.string({ default: '', help: 'Configuration file for TLS, users and headers of the web endpoints.' }),
  'web.external-url': flag.string({
    default: '',
    help: 'The URL under which Alertmanager is externally reachable; used in links of notifications.',
  }),
  'web.route-prefix': flag.string({
    default: '',
    help: 'Prefix for the internal routes of web endpoints. Defaults to the path of --web.external-url.',
  }),
  'web.get-concurrency': flag.integer({
    default: 0,
    help: 'Maximum number of GET requests processed concurrently. 0: number of CPUs, but at least 8.',
  }),
  'web.timeout': flag.duration({ default: 0, help: 'Timeout for HTTP requests. 0 is no timeout.' }),
  'auto-gomemlimit.ratio': flag.number({ default: 0.9, help: 'Accepted and ignored: there is no Go runtime here.', hidden: true }),
  'cluster.listen-address': flag.string({
    default: '0.0.0.0:9094',
    help: 'Listen address for the cluster. Set to empty to disable HA mode.',
  }),
  'cluster.advertise-address': flag.string({ default: '', help: 'Explicit address to advertise in the cluster.' }),
  'cluster.peer-name': flag.string({ default: '', help: 'Name of this peer; default: random.' }),
  'cluster.peer': flag.list({ help: 'Initial peers. May be repeated.' }),
  'cluster.label': flag.string({ default: '', help: 'The cluster label.' }),
  'cluster.tls-config': flag.string({ default: '', help: 'Configuration file for mutual TLS in the cluster.' }),
  'cluster.peer-timeout': flag.duration({ default: 15_000, help: 'Time to wait between peers to send notifications.' }),
  'cluster.peers-resolve-timeout': flag.duration({ default: 15_000, help: 'Time to resolve peers.' }),
  'cluster.gossip-interval': flag.duration({ default: 200, help: 'Interval between sending gossip messages.' }),
  'cluster.pushpull-interval': flag.duration({ default: 60_000, help: 'Interval for gossip state syncs.' }),
  'cluster.tcp-timeout': flag.duration({ default: 10_000, help: 'Timeout for establishing a stream connection with a remote peer.' }),
  'cluster.probe-timeout': flag.duration({ default: 500, help: 'Timeout to wait for an ack from a probed peer.' }),
  'cluster.probe-interval': flag.duration({ default: 1000, help: 'Interval between random peer probes.' }),
  'cluster.settle-timeout': flag.duration({
    default: 60_000,
    help: 'Maximum time to wait for cluster connections to settle before evaluating notifications.',
  }),
  'cluster.reconnect-interval': flag.duration({ default: 10_000, help: 'Interval between attempting to reconnect to lost peers.' }),
  'cluster.reconnect-timeout': flag.duration({ default: 6 * hour, help: 'Length of time to attempt to reconnect to a lost peer.' }),
  'cluster.etcd': flag.string({
    default: '',
    help: 'URL of an etcd (http://host:2379[,http://host:2379][/prefix]) that decides who sends between members that cannot see each other. Not in the original.',
  }),
  'cluster.allow-insecure-public-advertise-address-discovery': flag.boolean({
    default: false,
    help: 'Allow alertmanager to discover and listen on a public IP address.',
  }),
  'enable-feature': flag.string({
    default: '',
    help: 'Comma-separated experimental features: classic-mode, utf8-strict-mode, and names that are accepted without effect.',
  }),
  'log.level': flag.string({ default: 'info', help: 'Only log messages with the given severity or above: debug, info, warn, error.' }),
  'log.format': flag.string({ default: 'logfmt', help: 'Output format of log messages: logfmt, json.' }),
} as const;

const knownFeatures = new Set([
  'alert-names-in-metrics',
  'receiver-name-in-metrics',
  'group-key-in-metrics',
  'classic-mode',
  'utf8-strict-mode',
  'auto-gomemlimit',
  'event-recorder',
]);

/** Throws an Error that names the unknown one. */
export function readFeatures(text: string): ReadonlySet<string> {
  const features = new Set(
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  for (const name of features)
    if (!knownFeatures.has(name)) throw new Error(`unknown option "${name}" for --enable-feature; known: ${[...knownFeatures].join(', ')}`);
  if (features.has('classic-mode') && features.has('utf8-strict-mode'))
    throw new Error('cannot enable both classic-mode and utf8-strict-mode');
  return features;
}
