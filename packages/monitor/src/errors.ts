/** Everything that this package refuses or fails at: code, HTTP status, message. */
import { defineErrors } from '@pronoia/server';

export const errors = defineErrors({
  config_unreadable: {
    status: 500,
    message: ({ file, reason }: { file: string; reason: string }) =>
      `couldn't load configuration (--config.file="${file}"): ${reason}; write the file, or name another one with --config.file`,
  },
});
