/** Everything that this package refuses or fails at: code, HTTP status, message. */
import { defineErrors } from '@pronoia/server';

export const errors = defineErrors({
  config_unreadable: {
    status: 500,
    message: ({ file, reason }: { file: string; reason: string }) =>
      `couldn't load configuration (--config.file="${file}"): ${reason}; write the file, or name another one with --config.file`,
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
});
