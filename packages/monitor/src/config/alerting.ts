/** Whom alerts are sent to (prometheus-server.md §2.6). */
import { type ObjectOf, optional, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { discoveryFields } from './discovery.ts';
import { checkHttpClient, httpClientFields } from './http-client.ts';
import { notImplemented } from './not-implemented.ts';
import { relabelList } from './relabel.ts';

const apiVersion = schema.custom((value): 'v2' => {
  if (value !== 'v2') throw new Error(`expected Alertmanager api version to be one of [v2] but got ${String(value)}`);
  return value;
});

function alertmanagerSchema(directory: string) {
  return schema.refine(
    schema.object({
      timeout: withDefault(schema.duration(), 10_000),
      api_version: withDefault(apiVersion, 'v2'),
      path_prefix: optional(schema.string()),
      scheme: withDefault(schema.oneOf(['http', 'https']), 'http'),
      alert_relabel_configs: withDefault(relabelList('alert'), []),
      relabel_configs: withDefault(relabelList('Alertmanager target'), []),
      sigv4: notImplemented('sigv4'),
      ...discoveryFields(directory),
      ...httpClientFields(directory),
    }),
    (config, report) => {
      if (config.relabel_configs.length === 0) {
        config.static_configs.forEach(({ targets }, group) => {
          targets.forEach((target, index) => {
            if (target.includes('/'))
              report(
                ['static_configs', group, 'targets', index],
                `"${target}" is not a valid hostname; write host:port, and use scheme and path_prefix for the rest`,
              );
          });
        });
      }
      return checkHttpClient(config, report);
    },
  );
}

export type AlertmanagerConfig = SchemaValue<ReturnType<typeof alertmanagerSchema>>;

export function alertingFields(directory: string) {
  return {
    alert_relabel_configs: withDefault(relabelList('alert'), []),
    alertmanagers: withDefault(schema.list(alertmanagerSchema(directory)), []),
  };
}

export type AlertingConfig = ObjectOf<ReturnType<typeof alertingFields>>;
