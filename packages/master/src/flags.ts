/** The master's flags: the original's names and defaults for all that exists here (mesos.md §13). */
import { type FlagValues, flag } from '@pronoia/server';

export const flags = {
  ip: flag.string({ default: '127.0.0.1', help: 'Address to listen on.' }),
  port: flag.integer({ default: 5050, help: 'Port to listen on; 0 takes any free one.' }),
  advertise_ip: flag.string({ help: 'Address that clients are told, when it differs from --ip.' }),
  advertise_port: flag.integer({ help: 'Port that clients are told, when it differs from --port.' }),
  hostname: flag.string({ help: "Host name that clients are told; default: the machine's." }),
  work_dir: flag.string({ required: true, help: 'Folder of the registry.' }),
  registry: flag.string({ default: 'replicated_log', help: 'replicated_log: durable, in --work_dir; in_memory: for tests.' }),
  etcd: flag.string({
    help: 'Where masters elect their leader and keep the registry: http://HOST:2379[,http://HOST:2379…][/PATH]. Default: this master leads alone.',
    aliases: ['zk'],
  }),
  etcd_session_timeout: flag.duration({
    default: 10_000,
    help: 'A leader that was silent for so long is replaced.',
    aliases: ['zk_session_timeout'],
  }),
  quorum: flag.integer({ help: 'Taken for the sake of old command lines; the quorum is etcd’s.' }),
  cluster: flag.string({ help: 'A name for the cluster, for people.' }),
  roles: flag.string({ help: 'Comma-separated: the only roles that frameworks may use. Default: any.' }),
  weights: flag.string({ help: 'Comma-separated role=weight: shares of roles relative to 1.' }),
  allocation_interval: flag.duration({ default: 1000, help: 'Time between allocations over all agents.' }),
  min_allocatable_resources: flag.string({ default: 'cpus:0.01|mem:32', help: 'An offer holds at least one of these.' }),
  fair_sharing_excluded_resource_names: flag.string({ help: 'Comma-separated: names that do not count for the fair share.' }),
  filter_gpu_resources: flag.boolean({ default: true, help: 'Offer agents with GPUs only to frameworks that ask for GPUs.' }),
  offer_timeout: flag.duration({ help: 'Rescind offers that are not answered in this time. Default: never.' }),
  agent_ping_timeout: flag.duration({ default: 15_000, help: 'Time an agent has to answer a ping.', aliases: ['slave_ping_timeout'] }),
  max_agent_ping_timeouts: flag.integer({
    default: 5,
    help: 'Unanswered pings after which an agent is unreachable.',
    aliases: ['max_slave_ping_timeouts'],
  }),
  agent_reregister_timeout: flag.duration({
    default: 600_000,
    help: 'Time agents have to come back after the master started.',
    aliases: ['slave_reregister_timeout'],
  }),
  agent_removal_rate_limit: flag.string({
    help: 'At most so many agents are marked unreachable in so long: 1/10mins. Default: no limit.',
    aliases: ['slave_removal_rate_limit'],
  }),
  max_completed_frameworks: flag.integer({ default: 50, help: 'Frameworks kept after their end.' }),
  max_completed_tasks_per_framework: flag.integer({ default: 1000, help: 'Tasks kept after their end, per framework.' }),
  max_unreachable_tasks_per_framework: flag.integer({ default: 1000, help: 'Unreachable tasks kept, per framework.' }),
  max_operator_event_stream_subscribers: flag.integer({ default: 1000, help: 'Operator event streams; a new one pushes out the oldest.' }),
  root_submissions: flag.boolean({ default: true, help: 'May frameworks run tasks as root?' }),
  credentials: flag.string({
    help: 'Principals and secrets: JSON {"credentials":[{"principal":…,"secret":…}]}, or the path of a file with it or with a line each.',
  }),
  authenticate_http_readonly: flag.boolean({ default: false, help: 'Who reads from the HTTP endpoints must show credentials.' }),
  authenticate_http_readwrite: flag.boolean({ default: false, help: 'Who changes something must show credentials.' }),
  authenticate_http_frameworks: flag.boolean({ default: false, help: 'Schedulers must show credentials.' }),
  authenticate_frameworks: flag.boolean({ default: false, help: 'The same: all schedulers here speak HTTP.' }),
  authenticate_agents: flag.boolean({ default: false, help: 'Agents must show credentials.', aliases: ['authenticate_slaves'] }),
  http_authenticators: flag.string({ default: 'basic', help: 'How: basic.' }),
  http_framework_authenticators: flag.string({ help: 'How schedulers do: basic.' }),
  acls: flag.string({ help: 'Who may do what: JSON, or the path of a file with it. Default: everybody everything.' }),
  firewall_rules: flag.string({ help: 'JSON {"disabled_endpoints":{"paths":[…]}}, or a file with it: these are answered 403.' }),
  whitelist: flag.string({ help: 'File of host names, one a line: only their agents are offered. Read again every 5 s.' }),
  domain: flag.string({ help: 'Region and zone of this master: JSON {"fault_domain":{"region":{"name":…},"zone":{"name":…}}}.' }),
  require_agent_domain: flag.boolean({ default: false, help: 'Agents without --domain are refused.' }),
  publish_per_framework_metrics: flag.boolean({ default: true, help: 'Metrics of each framework in /metrics/snapshot.' }),
  logging_level: flag.string({ default: 'INFO', help: 'Least level of log lines: DEBUG, INFO, WARNING or ERROR.' }),
} as const;

export type MasterFlags = FlagValues<typeof flags>;
