/** Everything that this package refuses or fails at: code, HTTP status, message. The API's codes are Prometheus' error types. */
import { defineErrors } from '@pronoia/server';

export const errors = defineErrors({
  config_unreadable: {
    status: 500,
    message: ({ file, reason }: { file: string; reason: string }) =>
      `couldn't load configuration (--config.file="${file}"): ${reason}; write the file, or name another one with --config.file`,
  },
  config_not_applied: { status: 500, message: ({ reason }: { reason: string }) => reason },
  reload_failed: { status: 500, message: ({ reason }: { reason: string }) => `failed to reload config: ${reason}` },
  lifecycle_disabled: { status: 403, message: () => 'Lifecycle API is not enabled.' },
  method_not_allowed: { status: 405, message: () => 'This endpoint requires a POST or PUT request.' },
  bad_listen_address: {
    status: 500,
    message: ({ address }: { address: string }) => `--web.listen-address=${address}: one host:port is expected, as in 0.0.0.0:9090`,
  },
  bad_wal_fsync: {
    status: 500,
    message: ({ value }: { value: string }) => `--storage.wal-fsync=${value}: always or interval is expected`,
  },
  bad_wal_segment_size: { status: 500, message: () => 'flag --storage.tsdb.wal-segment-size must be set between 10MB and 256MB' },
  bad_block_duration: {
    status: 500,
    message: () => '--storage.tsdb.min-block-duration must be above zero, and --storage.tsdb.max-block-duration not below it',
  },
  bad_external_url: {
    status: 500,
    message: ({ url }: { url: string }) => `--web.external-url=${url}: an absolute http or https URL is expected`,
  },
  discovery_status: {
    status: 502,
    message: ({ url, status }: { url: string; status: number }) => `${url}: server returned HTTP status ${status}; 200 is expected`,
  },
  discovery_content_type: {
    status: 502,
    message: ({ url, contentType }: { url: string; contentType: string }) =>
      `${url}: unsupported content type "${contentType}"; application/json is expected`,
  },
  proxy_unconfigured: { status: 404, message: ({ what }: { what: string }) => what },
  proxy_unreachable: { status: 502, message: ({ url, reason }: { url: string; reason: string }) => `${url} does not answer: ${reason}` },

  unsupported_media: { status: 415, message: ({ reason }: { reason: string }) => reason },
  receiver_disabled: {
    status: 404,
    message: () => 'remote write receiver needs to be enabled with --web.enable-remote-write-receiver',
  },

  bad_data: { status: 400, message: ({ reason }: { reason: string }) => reason },
  execution: { status: 422, message: ({ reason }: { reason: string }) => reason },
  canceled: { status: 499, message: ({ reason }: { reason: string }) => reason },
  timeout: { status: 503, message: ({ reason }: { reason: string }) => reason },
  internal: { status: 500, message: ({ reason }: { reason: string }) => reason },
  unavailable: { status: 500, message: ({ reason }: { reason: string }) => reason },
  not_found: { status: 404, message: ({ reason }: { reason: string }) => reason },
  not_acceptable: { status: 406, message: ({ reason }: { reason: string }) => reason },
});
