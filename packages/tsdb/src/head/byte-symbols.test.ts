import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteSymbols } from './byte-symbols.ts';
import { Symbols } from './symbols.ts';

it('a text has one id, by its bytes as by its string', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.constantFrom('', 'a', 'b')), { maxLength: 3000 }),
      (texts) => {
        const symbols = new Symbols();
        symbols.intern('a');
        const byBytes = new ByteSymbols(symbols);
        for (const text of texts) {
          const bytes = Buffer.from(`<${text}>`);
          expect(symbols.text(byBytes.intern(bytes, 1, bytes.length - 1))).toBe(text);
        }
        expect(symbols.size).toBe(new Set([...texts, 'a']).size);
      },
    ),
    { numRuns: 30 },
  );
});
