/** Where targets come from: the `…_sd_configs` and `static_configs` keys of scrape and alertmanager entries (prometheus-server.md §3). */
import { type ObjectOf, required, type Schema, schema, withDefault } from '@pronoia/server';
import { checkHttpClient, httpClientFields, pathFrom } from './http-client.ts';
import { notImplemented } from './not-implemented.ts';

/** Prometheus 3.14's registered mechanisms that we do not have. */
const unavailable = [
  'aws',
  'azure',
  'consul',
  'digitalocean',
  'dns',
  'docker',
  'dockerswarm',
  'ec2',
  'ecs',
  'elasticache',
  'eureka',
  'gce',
  'hetzner',
  'ionos',
  'kubernetes',
  'kuma',
  'lightsail',
  'linode',
  'marathon',
  'msk',
  'nerve',
  'nomad',
  'oci',
  'openstack',
  'outscale',
  'ovhcloud',
  'puppetdb',
  'rds',
  'scaleway',
  'serverset',
  'stackit',
  'triton',
  'uyuni',
  'vultr',
  'xds',
] as const;

type UnavailableKey = `${(typeof unavailable)[number]}_sd_configs`;

const unavailableFields = Object.fromEntries(
  unavailable.map((name) => [`${name}_sd_configs`, notImplemented(`service discovery by ${name} (have static, file, http, mesos)`)]),
) as Record<UnavailableKey, ReturnType<typeof notImplemented>>;

/** A list whose entries must not be empty. */
function sections<T>(key: string, item: Schema<T>): Schema<readonly T[]> {
  return schema.list(
    schema.refine(schema.nullable(item), (value) => {
      if (value === null) throw new Error(`empty or null section in ${key}`);
      return value;
    }),
  );
}

/** Also the shape of one entry of file and http discovery. */
export const targetGroupSchema = schema.object({
  targets: withDefault(schema.list(schema.string()), []),
  labels: withDefault(schema.map(schema.string()), {}),
});

function fileSchema(directory: string) {
  const file = schema.refine(pathFrom(directory), (path) => {
    if (!/^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/.test(path))
      throw new Error(`path name "${path}" is not valid for file discovery`);
    return path;
  });
  const object = schema.object({ files: withDefault(schema.list(file), []), refresh_interval: withDefault(schema.duration(), 300_000) });
  return schema.refine(object, (config) => {
    if (config.files.length === 0) throw new Error('file service discovery config must contain at least one path name');
    return config;
  });
}

function httpSchema(directory: string) {
  return schema.refine(
    schema.object({
      url: required(schema.url()),
      refresh_interval: withDefault(schema.duration(), 60_000),
      ...httpClientFields(directory),
    }),
    checkHttpClient,
  );
}

function mesosSchema(directory: string) {
  return schema.refine(
    schema.object({
      /** Any master of the cluster; a redirect to the leader is followed. */
      master: required(schema.url()),
      refresh_interval: withDefault(schema.duration(), 1000),
      ...httpClientFields(directory),
    }),
    checkHttpClient,
  );
}

export function discoveryFields(directory: string) {
  return {
    static_configs: withDefault(sections('static_configs', targetGroupSchema), []),
    file_sd_configs: withDefault(sections('file_sd_configs', fileSchema(directory)), []),
    http_sd_configs: withDefault(sections('http_sd_configs', httpSchema(directory)), []),
    mesos_sd_configs: withDefault(sections('mesos_sd_configs', mesosSchema(directory)), []),
    ...unavailableFields,
  };
}

type AllDiscoveryFields = ObjectOf<ReturnType<typeof discoveryFields>>;

export type DiscoveryConfig = Pick<AllDiscoveryFields, 'static_configs' | 'file_sd_configs' | 'http_sd_configs' | 'mesos_sd_configs'>;
export type FileSdConfig = DiscoveryConfig['file_sd_configs'][number];
export type HttpSdConfig = DiscoveryConfig['http_sd_configs'][number];
export type MesosSdConfig = DiscoveryConfig['mesos_sd_configs'][number];
