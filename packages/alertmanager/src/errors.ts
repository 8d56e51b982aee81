/** Every error of the alertmanager that has a code. */
import { defineErrors } from '@pronoia/server';

const errors = defineErrors({
  silence_not_found: { status: 404, message: () => 'silence not found' },
  bad_silence: { status: 400, message: (f: { reason: string }) => f.reason },
  too_many_silences: {
    status: 400,
    message: (f: { count: number; limit: number }) => `exceeded maximum number of silences: ${f.count} (limit: ${f.limit})`,
  },
  silence_too_big: {
    status: 400,
    message: (f: { bytes: number; limit: number }) => `silence exceeded maximum size: ${f.bytes} bytes (limit: ${f.limit} bytes)`,
  },
  bad_json: { status: 400, message: (f: { reason: string }) => `parsing body from "" failed, because ${f.reason}` },
  bad_template: { status: 400, message: (f: { file: string; reason: string }) => `${f.file}: ${f.reason}` },
  bad_flags: { status: 400, message: (f: { reason: string }) => f.reason },
});

export const errorTable = errors.table;
export const fail: typeof errors.fail = (code, ...rest) => errors.fail(code, ...rest);
