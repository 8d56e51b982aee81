/** `event_recorder` and `tracing`: where events and traces are sent. */
import { optional, required, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { goDuration } from './common.ts';
import { httpConfigSchema, tlsConfigSchema } from './http-config.ts';

export const eventRecorderSchema = schema.refine(
  schema.object({
    file_outputs: withDefault(schema.list(schema.object({ path: required(schema.string()) })), []),
    webhook_outputs: withDefault(
      schema.list(
        schema.object({
          url: required(schema.url()),
          http_config: optional(httpConfigSchema),
          timeout: withDefault(goDuration(), 10_000),
          workers: withDefault(schema.integer({ min: 1, max: 64 }), 4),
          max_retries: withDefault(schema.integer({ min: 0 }), 3),
          retry_backoff: withDefault(goDuration(), 500),
          batch: withDefault(schema.boolean(), false),
          batch_max_events: withDefault(schema.integer({ min: 1 }), 100),
          batch_max_bytes: withDefault(schema.integer({ min: 1 }), 1_048_576),
          batch_flush_interval: withDefault(goDuration(), 100),
        }),
      ),
      [],
    ),
    kafka_outputs: withDefault(schema.list(schema.custom((value) => value)), []),
    stdout_outputs: withDefault(schema.list(schema.nullable(schema.object({}))), []),
  }),
  (recorder, report) => {
    recorder.kafka_outputs.forEach((_, i) =>
      report(['kafka_outputs', i], 'Kafka is not spoken here; use a webhook_outputs or file_outputs entry and a connector'),
    );
    return recorder;
  },
);
export type EventRecorderConfig = SchemaValue<typeof eventRecorderSchema>;

export const tracingSchema = schema.object({
  client_type: withDefault(schema.oneOf(['grpc', 'http']), 'grpc'),
  endpoint: required(schema.string()),
  sampling_fraction: withDefault(schema.number({ min: 0, max: 1 }), 0),
  insecure: withDefault(schema.boolean(), false),
  tls_config: optional(tlsConfigSchema),
  http_headers: optional(schema.map(schema.string())),
  compression: optional(schema.oneOf(['gzip'])),
  timeout: withDefault(schema.duration(), 0),
});
export type TracingConfig = SchemaValue<typeof tracingSchema>;
