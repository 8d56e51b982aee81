import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorTable } from './errors.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('every error', () => {
  it.each(Object.entries(errorTable))('%s has a status, a message and a line in the README', (code, { status, message }) => {
    expect(status).toBeGreaterThanOrEqual(400);
    expect((message as (fields: object) => string)({ reason: 'why', file: 'f' })).not.toBe('');
    expect(readme).toContain(`\`${code}\``);
  });
});
