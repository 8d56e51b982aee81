/** `pronoia agent`'s flags, named as `mesos-agent` names them (mesos.md §13). */
import { flag } from '@pronoia/server';

export const flags = {
  master: flag.string({
    required: true,
    valueName: 'HOST:PORT',
    help: 'The master to register with; several after commas, or etcd://HOST:2379,…/PATH where masters elect their leader.',
  }),
  work_dir: flag.string({ required: true, valueName: 'FOLDER', help: 'Sandboxes and checkpoints live here; keep it over restarts.' }),
  ip: flag.string({ default: '127.0.0.1', help: 'Address to listen on.' }),
  port: flag.integer({ default: 5051, help: 'Port to listen on; 0 takes any free one.' }),
  advertise_ip: flag.string({ help: 'Address that others reach this agent at; default --ip.' }),
  hostname: flag.string({ help: 'Name that others reach this agent by; default the advertised address.' }),
  resources: flag.string({
    valueName: 'TEXT',
    help: "What to offer, like 'cpus:4;mem:8192;disk:10000;ports:[31000-32000]'; what is not named is probed.",
  }),
  attributes: flag.string({ valueName: 'TEXT', help: "What frameworks may choose by, like 'rack:abc;zone:west'." }),
  default_role: flag.string({ default: '*', help: 'Role of resources that name none.' }),
  switch_user: flag.boolean({ default: true, help: "Run tasks as their framework's or command's user; needs root for another user." }),
  frameworks_home: flag.string({ valueName: 'FOLDER', help: 'Where relative URIs of commands start.' }),
  executor_environment_variables: flag.string({ valueName: 'JSON', help: 'Environment of every task, as a JSON object of strings.' }),
  executor_shutdown_grace_period: flag.duration({
    default: 5_000,
    help: 'Time between SIGTERM and SIGKILL when a framework is shut down.',
  }),
  executor_registration_timeout: flag.duration({ default: 60_000, help: 'An executor that has not subscribed after this time is ended.' }),
  executor_reregistration_timeout: flag.duration({
    default: 2_000,
    help: 'After a restart of the agent its executors must be back within this time; at most 15 s.',
  }),
  recovery_timeout: flag.duration({ default: 900_000, help: 'How long executors wait for an agent that is gone.' }),
  strict: flag.boolean({ default: true, help: 'Fail to start when a checkpoint is damaged, rather than losing what it describes.' }),
  reconfiguration_policy: flag.string({
    default: 'equal',
    help: 'What may change over a restart: nothing (equal), or resources and attributes may grow (additive).',
  }),
  authenticate_http_executors: flag.boolean({ default: false, help: 'Only executors that this agent launched may subscribe.' }),
  jwt_secret_key: flag.string({ valueName: 'FILE', help: "Key that executors' tokens are signed with." }),
  sandbox_directory: flag.string({ default: '/mnt/mesos/sandbox', help: 'Where the sandbox is inside a container image.' }),
  max_completed_executors_per_framework: flag.integer({ default: 150, help: 'How many executors that are over are remembered.' }),
  isolation: flag.string({
    default: 'posix/cpu,posix/mem',
    help: 'What keeps containers in bounds: posix/cpu, posix/mem (nothing does), cgroups/cpu, cgroups/mem, cgroups/pids, cgroups/all.',
  }),
  cgroups_hierarchy: flag.string({ default: '/sys/fs/cgroup', valueName: 'FOLDER', help: 'Where control groups are mounted.' }),
  cgroups_root: flag.string({ default: 'mesos', help: 'The control group that all containers are in.' }),
  cgroups_enable_cfs: flag.boolean({ default: false, help: 'Requests of CPU are also bounds.' }),
  cgroups_limit_swap: flag.boolean({ default: false, help: 'Memory limits hold for memory and swap together.' }),
  image_providers: flag.string({ valueName: 'docker', help: 'Run containers with an image of this kind, by runc or crun.' }),
  docker_registry: flag.string({
    default: 'https://registry-1.docker.io',
    help: 'Where images come from; only a folder of archives is supported.',
  }),
  docker_store_dir: flag.string({ valueName: 'FOLDER', help: 'Where unpacked images are kept; default WORK_DIR/store.' }),
  http_heartbeat_interval: flag.duration({ default: 30_000, help: 'How often a sign of life is sent on streams of container output.' }),
  fetcher_cache_dir: flag.string({ valueName: 'FOLDER', help: 'Where fetched files are kept for others; default WORK_DIR/fetch.' }),
  fetcher_cache_size: flag.bytes({ default: 2 * 2 ** 30, help: 'How much of them at most.' }),
  registration_backoff_factor: flag.duration({
    default: 1_000,
    help: 'Registration is retried after a random time up to this, doubling to 1 min.',
  }),
  fetcher_stall_timeout: flag.duration({ default: 60_000, help: 'A download without progress for this long fails.' }),
  gc_delay: flag.duration({ default: 7 * 86_400_000, help: 'Sandboxes of finished tasks are kept this long, less on a full disk.' }),
  gc_disk_headroom: flag.number({ default: 0.1, help: 'Part of the disk to keep free by removing sandboxes earlier.' }),
  disk_watch_interval: flag.duration({ default: 60_000, help: 'How often old sandboxes are looked for.' }),
  logging_level: flag.string({ default: 'INFO', help: 'INFO, WARNING or ERROR.' }),
};
