import { expect, it } from 'vitest';
import { CodedError, defineErrors } from './errors.ts';

const errors = defineErrors({
  unknown_offer: { status: 404, message: (f: { id: string }) => `there is no offer ${f.id}` },
  stopped: { status: 503, message: () => 'the master has stopped' },
});

it('an error carries code, status, message, fields and cause', () => {
  const cause = new Error('why');
  const error = errors.fail('unknown_offer', { id: 'o1' }, cause);
  expect(error).toBeInstanceOf(CodedError);
  expect(error).toMatchObject({ code: 'unknown_offer', status: 404, message: 'there is no offer o1', fields: { id: 'o1' }, cause });
});

it('an error without fields needs none', () => {
  expect(errors.fail('stopped')).toMatchObject({ code: 'stopped', status: 503, fields: {} });
});
