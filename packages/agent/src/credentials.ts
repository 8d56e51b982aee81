/** `--credential`: who this agent is to its master (mesos.md §11.1). */
import { CodedError, flagContent, parseCredentials } from '@pronoia/server';

/** The value of an `Authorization` header for `--credential`. */
export function basicHeader(value: string): string {
  const [only, ...more] = parseCredentials('credential', flagContent('credential', value));
  if (only === undefined || more.length > 0) throw new CodedError('bad_flag', 400, '--credential: expected one principal and its secret');
  return `Basic ${Buffer.from(`${only.principal}:${only.secret}`).toString('base64')}`;
}
