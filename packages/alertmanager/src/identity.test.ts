import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pairsJson } from './identity.ts';

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
});
