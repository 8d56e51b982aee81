import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { render } from '../scripts/generate-messages.ts';
import { decodeJson, encodeJson, formatDouble, MessageError, parseJson } from './json.ts';

const fault = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof MessageError) return `${error.kind} ${error.message}`;
    throw error;
  }
  return 'none';
};

describe('reading JSON', () => {
  it('keeps every digit of a 64-bit integer', () => {
    const rows: readonly [text: string, value: unknown][] = [
      ['9007199254740993', 9007199254740993n],
      ['-9007199254740993', -9007199254740993n],
      ['9007199254740992', 9007199254740992],
      ['1700000000123000000', 1700000000123000000],
      ['1700000000123456789', 1700000000123456789n],
      ['1234567890123456.5', 1234567890123456.5],
      ['"9007199254740993"', '9007199254740993'],
      ['["a\\"9007199254740993", 1]', ['a"9007199254740993', 1]],
      ['"\\u0001int:9007199254740993"', '\u0001int:9007199254740993'],
      ['"\\u0001\\u0001 1234567890123456789"', '\u0001\u0001 1234567890123456789'],
      ['{"a":[9007199254740993]}', { a: [9007199254740993n] }],
    ];
    for (const [text, value] of rows) expect([text, parseJson(text)]).toEqual([text, value]);
  });

  it('reads any JSON value like JSON.parse', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parseJson(`[${text},1111111111111111]`)).toEqual([JSON.parse(text), 1111111111111111]);
      }),
    );
  });

  it('takes null as unset, drops unknown keys and unknown optional enum names, and numbers as text', () => {
    const call = decodeJson(
      'SchedulerCall',
      JSON.stringify({
        type: 'SUBSCRIBE',
        framework_id: null,
        novelty: 1,
        subscribe: {
          framework_info: {
            user: 'root',
            name: 'f',
            id: null,
            failover_timeout: '100.5',
            checkpoint: null,
            capabilities: [{ type: 'GPU_RESOURCES' }, { type: 'NEXT_YEAR' }, null],
          },
        },
      }),
    );
    expect(call).toEqual({
      type: 'SUBSCRIBE',
      subscribe: { framework_info: { user: 'root', name: 'f', failover_timeout: 100.5, capabilities: [{ type: 'GPU_RESOURCES' }, {}] } },
    });
  });

  const faults: readonly [name: 'SchedulerCall' | 'Resource' | 'Value' | 'TimeInfo' | 'ValueRange', text: string, message: string][] = [
    ['SchedulerCall', '{', 'syntax not JSON'],
    ['SchedulerCall', '[]', 'field expected an object, found an array'],
    ['SchedulerCall', '{}', 'no_type type: is not set'],
    ['SchedulerCall', '{"type":"UNKNOWN"}', 'no_type type: '],
    ['SchedulerCall', '{"type":"DANCE"}', 'no_type type: "DANCE" is not known'],
    ['SchedulerCall', '{"type":"ACCEPT"}', 'field accept: is required when type is ACCEPT'],
    ['SchedulerCall', '{"type":"KILL","kill":{}}', 'field kill.task_id: is required'],
    ['SchedulerCall', '{"type":"KILL","kill":[{"task_id":{"value":"a"}}]}', 'field kill: expected an object, found an array'],
    ['SchedulerCall', '{"type":"ACCEPT","accept":{"offer_ids":{}}}', 'field accept.offer_ids: expected an array'],
    ['Resource', '{"name":"cpus","type":"QUBITS"}', 'field type: "QUBITS" is not one of'],
    ['Value', '{"type":"SCALAR","scalar":{"value":"ten"}}', 'field scalar.value: expected a number, found "ten"'],
    ['TimeInfo', '{"nanoseconds":"1e3"}', 'field nanoseconds: expected an integer'],
    ['TimeInfo', '{"nanoseconds":9223372036854775808}', 'field nanoseconds: 9223372036854775808 is outside of'],
    ['ValueRange', '{"begin":-1,"end":1}', 'field begin: -1 is outside of 0 to'],
  ];
  it.each(faults)('refuses %s %s', (name, text, message) => {
    expect(fault(() => decodeJson(name, text))).toContain(message);
  });

  it('lets REVIVE, SUPPRESS and TEARDOWN come without a part', () => {
    for (const type of ['REVIVE', 'SUPPRESS', 'TEARDOWN']) expect(decodeJson('SchedulerCall', `{"type":"${type}"}`)).toEqual({ type });
  });

  it('limits nesting', () => {
    const nested = (depth: number): string => `${'{"value":"a","parent":'.repeat(depth)}{"value":"a"}${'}'.repeat(depth)}`;
    expect(fault(() => decodeJson('ContainerID', nested(200)))).toBe('none');
    expect(fault(() => decodeJson('ContainerID', nested(201)))).toContain('nested deeper than 200');
  });

  it('takes the names of a map as they are', () => {
    const info = decodeJson('QuotaConfig', '{"role":"a","limits":{"__proto__":{"value":1},"cpus":{"value":"2"}}}');
    expect(Object.keys(info.limits ?? {})).toEqual(['__proto__', 'cpus']);
    expect(encodeJson('QuotaConfig', info)).toBe('{"role":"a","limits":{"__proto__":{"value":1.0},"cpus":{"value":2.0}}}');
  });
});

describe('writing JSON', () => {
  it('shows that a double is one', () => {
    const rows: readonly [number, string][] = [
      [15, '15.0'],
      [0, '0.0'],
      [-0, '-0.0'],
      [0.1, '0.1'],
      [1e21, '1e+21'],
      [1.5e-7, '1.5e-7'],
      [Number.POSITIVE_INFINITY, '"Infinity"'],
      [Number.NEGATIVE_INFINITY, '"-Infinity"'],
    ];
    for (const [value, text] of rows) expect(formatDouble(value)).toBe(text);
  });

  it('adds stated defaults, leaves out empty lists and unknown keys, and keeps slashes', () => {
    expect(encodeJson('FrameworkInfo', { user: 'root', name: 'a/b', roles: [] })).toBe(
      '{"user":"root","name":"a/b","failover_timeout":0.0,"checkpoint":false}',
    );
    expect(encodeJson('CommandInfo', { value: 'sleep 1', extra: 1 } as { value: string })).toBe('{"value":"sleep 1","shell":true}');
    expect(encodeJson('SchedulerEvent', { type: 'HEARTBEAT' })).toBe('{"type":"HEARTBEAT"}');
    expect(encodeJson('TimeInfo', { nanoseconds: 1700000000123456789n })).toBe('{"nanoseconds":1700000000123456789}');
  });

  it('writes what it reads', () => {
    const text =
      '{"type":"OFFERS","offers":{"offers":[{"id":{"value":"o"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"hostname":"h","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":2.0}},{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]}}]}]}}';
    expect(encodeJson('SchedulerEvent', decodeJson('SchedulerEvent', text))).toBe(text);
  });
});

it('messages.ts and message-table.ts equal what the generator makes of proto/', () => {
  const words = (text: string): string => text.replace(/\s+/g, ' ');
  const { messages, table } = render();
  expect(words(readFileSync(new URL('messages.ts', import.meta.url), 'utf8'))).toBe(words(messages));
  expect(words(readFileSync(new URL('message-table.ts', import.meta.url), 'utf8'))).toBe(words(table));
});
