import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlertStore } from '../alert-store.ts';
import { AlertBody } from './alert-body.ts';

const nowMs = Date.UTC(2026, 10, 25, 8);

function read(text: string, store = new AlertStore()) {
  const body = new AlertBody(Buffer.from(text), { store, mode: 'fallback', nowMs, resolveTimeoutMs: 300_000 });
  const found = [];
  while (!body.isDone) {
    const one = body.next();
    if (one === undefined) break;
    found.push(one);
  }
  return found;
}

/** What the alert says, without how it is kept. */
function told(text: string, store?: AlertStore): object[] {
  return read(text, store).map(({ alert, problem }) => ({
    labels: alert.labels.toObject(),
    annotations: alert.annotations.toObject(),
    startsAt: alert.startsAt,
    endsAt: alert.endsAt,
    generatorUrl: alert.generatorUrl,
    isTimeout: alert.isTimeout,
    problem,
  }));
}

describe('a body of alerts', () => {
  it.each([
    ['[]', 0],
    [' [ ] ', 0],
    ['[{"labels":{"a":"b"}}]', 1],
    ['\n[ { "labels" : { "a" : "b" } } , {"labels":{"a":"c"}}\t]\r\n', 2],
    ['[{"labels":{"a":"b","a":"c"},"unknown":[{"]":"}"}]}]', 1],
    ['[{"labels":{"a":"\\"]},{"}}]', 1],
    ['[{"labels":{"a":"b\\\\"}}]', 1],
  ])('%j holds %i', (text, count) => {
    expect(read(text)).toHaveLength(count);
  });

  it.each([
    ['[', 400],
    ['[{"labels":{"a":"b"}}', 400],
    ['[{"labels":{"a":"b"}},]', 400],
    ['[{"labels":{"a":"b"}} {"labels":{"a":"b"}}]', 400],
    ['[{"labels":{"a":"b"}}] x', 400],
    ['[] []', 400],
    ['[{"labels":{"a" "b"}}]', 400],
    ['[{"labels":{"a":"b",}}]', 400],
    ['[{"labels":{"a":"b"},}]', 400],
    ['[{"labels":{"a":"\u0001"}}]', 400],
    ['[{"labels":{"a":["b"]}}]', 400],
    ['[{"labels":["a"]}]', 400],
    ['[{"labels":{"a":"b"},"startsAt":1}]', 400],
    ['[{"labels":{"a":"b"},"startsAt":"2026-02-30T00:00:00Z"}]', 400],
    ['[1]', 400],
    ['[null]', 400],
    ['[,]', 400],
    ['{}', 400],
    ['{', 400],
    ['"', 400],
    ['null', 422],
    [' \n ', 400],
    ['[{}]', 422],
    ['[{"labels":null}]', 422],
    ['[{"labels":{"a":"b"},"generatorURL":"no url"}]', 422],
    [`[${'['.repeat(100_000)}`, 400],
    [`[${'['.repeat(100_000)}${']'.repeat(100_000)}]`, 400],
  ])('%s is refused with %i', (text, status) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ status }));
  });

  it('is read alike in every writing, the first time and when its alerts are known', () => {
    const word = fc.oneof(fc.constantFrom('a', 'b', '', 'x"y', '\\', 'ä', '😀', '\n', '__proto__', '1'), fc.string({ unit: 'binary' }));
    const time = fc.constantFrom(
      '2026-11-25T07:00:00Z',
      '2026-11-25T07:00:00.123456789Z',
      '2026-11-25T09:00:00.5+01:00',
      '',
      '0001-01-01T00:00:00Z',
    );
    const alert = fc.record(
      {
        labels: fc.dictionary(word, word, { maxKeys: 5 }),
        annotations: fc.dictionary(word, word, { maxKeys: 3 }),
        startsAt: time,
        endsAt: time,
        generatorURL: fc.constantFrom('', 'http://x/"', 'http://x/y'),
      },
      { requiredKeys: ['labels'] },
    );
    fc.assert(
      fc.property(fc.array(alert, { maxLength: 3 }), (alerts) => {
        // An unknown member sends the reader the long way; escapes make another text of the same.
        const longWay = JSON.stringify(alerts.map((one) => ({ ...one, more: 1 })));
        const escaped = JSON.stringify(alerts).replace(/a/g, (char, at: number, whole: string) =>
          /[\\:"]/.test(whole[at - 1] ?? '') && whole[at + 1] === '"' && whole[at - 1] !== '\\' ? '\\u0061' : char,
        );
        const expected = told(longWay);
        const store = new AlertStore();
        expect(told(JSON.stringify(alerts), store)).toEqual(expected);
        store.put(
          read(JSON.stringify(alerts))
            .filter(({ problem }) => problem === undefined)
            .map((one) => one.alert),
          nowMs,
        );
        expect(told(JSON.stringify(alerts), store)).toEqual(expected);
        expect(told(JSON.stringify(alerts, undefined, 1), store)).toEqual(expected);
        expect(told(escaped, store)).toEqual(expected);
      }),
    );
  });

  it('keeps the identity of a known label set, and takes new annotations', () => {
    const store = new AlertStore();
    const [first] = read('[{"labels":{"a":"b"},"annotations":{"t":"old"}}]');
    store.put([first?.alert as never], nowMs);
    const [second] = read('[{"labels":{"a":"b"},"annotations":{"t":"new"}}]', store);
    expect([second?.alert.identity === first?.alert.identity, second?.alert.annotationsJson]).toEqual([true, '{"t":"new"}']);
    expect(Labels.from({ a: 'b' }).equals(second?.alert.labels as Labels)).toBe(true);
  });
});
