import { expect, it } from 'vitest';
import { Timing } from './timing.ts';

it('counts everything and ranks the newest thousand', () => {
  const timing = new Timing('t');
  const values = (): Record<string, number> => {
    const into: Record<string, number> = {};
    timing.writeTo(into);
    return into;
  };
  expect(values()).toEqual({ 't/count': 0 });
  timing.add(5);
  expect(values()).toMatchObject({ t: 5, 't/count': 1, 't/min': 5, 't/max': 5, 't/p50': 5, 't/p9999': 5 });
  for (let i = 1; i <= 1000; i++) timing.add(i);
  expect(values()).toMatchObject({ t: 1000, 't/count': 1001, 't/min': 1, 't/max': 1000, 't/p50': 501, 't/p99': 991 });
});
