import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LabelOrder } from './label-order.ts';
import { SeriesTable } from './series-table.ts';

function labelsOf(n: number): Labels {
  return Labels.from({ __name__: `m${n % 7}`, id: String(n), parity: n % 2 === 0 ? 'even' : 'odd' });
}

it('series are found, listed and ordered at every moment of a sweep that others are added in', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.array(fc.nat(4), { maxLength: 60 }), (keeps, added) => {
      const table = new SeriesTable();
      const order = new LabelOrder(table);
      /** Number of a series by its ref. */
      const living = new Map<number, number>();
      let next = 0;
      const add = (): void => {
        living.set(table.ref(table.create(labelsOf(next))), next);
        next++;
      };
      const look = (): void => {
        expect(table.liveCount).toBe(living.size);
        const slots = new Set<number>();
        for (const [ref, n] of living) {
          const slot = table.find(labelsOf(n));
          expect([slot, table.ref(slot), String(table.labels(slot))]).toEqual([table.slotOf(ref), ref, String(labelsOf(n))]);
          slots.add(slot);
        }
        const found = Array.from({ length: next }, (_, n) => n).filter((n) => table.find(labelsOf(n)) >= 0);
        expect(found).toEqual([...living.values()].sort((a, b) => a - b));
        const all = Uint32Array.from([...slots].sort((a, b) => a - b));
        const inOrder = Array.from(order.sort(all), (slot) => String(table.labels(slot)));
        expect(inOrder).toEqual(
          [...living.values()]
            .map(labelsOf)
            .sort((a, b) => Labels.compare(a, b))
            .map(String),
        );
        const even = table.slotsWith(table.symbols.find('parity'), table.symbols.find('even'));
        expect([...even]).toEqual([...all].filter((slot) => table.labels(slot).get('parity') === 'even'));
      };
      for (const _ of keeps) add();
      table.beginSweep(0.5);
      order.catchUp();
      let step = 0;
      for (let slot = table.sweepAt; slot !== undefined; slot = table.sweepAt) {
        const ref = table.ref(slot);
        const stays = keeps[step] ?? true;
        if (!stays) living.delete(ref);
        order.move(slot, table.sweepNext(stays));
        if (added[step] === 0) {
          add();
          look();
        }
        order.catchUp();
        step++;
      }
      table.endSweep();
      order.squeeze();
      look();
      expect(table.count).toBe(living.size);
      expect(table.postings.size === 0).toBe(living.size === 0);
    }),
    { numRuns: 200 },
  );
});
