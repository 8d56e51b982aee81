import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlertIdentity, pairsJson } from './identity.ts';

describe('the text of a label set', () => {
  it('is what JSON.stringify makes of it, in order of names', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', minLength: 1 })), (record) => {
        const labels = Labels.from(record);
        const members = [...labels].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
        expect(pairsJson(labels)).toBe(`{${members.join(',')}}`);
      }),
    );
  });

  it('as it was sent is kept beside it only when it differs', () => {
    const labels = Labels.from({ a: '1', b: '2' });
    expect(new AlertIdentity(labels, '{"a":"1","b":"2"}').text).toBe('{"a":"1","b":"2"}');
    expect(new AlertIdentity(labels, '{"b":"2", "a":"1"}').text).toBe('{"b":"2", "a":"1"}');
  });
});
