/** Operating failures of the master. Refused requests are answers, not errors: they are made where they are checked. */
import { defineErrors } from '@pronoia/server';

export const errors = defineErrors({
  registry_damaged: {
    status: 500,
    message: (f: { path: string; offset: number }) =>
      `the registry ${f.path} is damaged at byte ${f.offset}: the line there does not have its checksum; restore the file, or move it away to start with no known agents`,
  },
  bad_option: { status: 400, message: (f: { flag: string; reason: string }) => `--${f.flag}: ${f.reason}` },
});
