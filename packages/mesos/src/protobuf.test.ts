import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { descriptorOf, type FieldType, type MessageName } from './descriptor.ts';
import { decodeJson, encodeJson, MessageError } from './json.ts';
import type { MessageByName } from './message-table.ts';
import { decodeProtobuf, encodeProtobuf } from './protobuf.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ''), 'hex');

describe('protobuf', () => {
  // By hand, after the encoding guide.
  const golden: readonly [name: MessageName, message: unknown, hex: string][] = [
    ['FrameworkID', { value: 'testing' }, '0a 07 74 65 73 74 69 6e 67'],
    ['Filters', { refuse_seconds: 5 }, '09 00 00 00 00 00 00 14 40'],
    ['TimeInfo', { nanoseconds: 150 }, '08 96 01'],
    ['TimeInfo', { nanoseconds: -1 }, '08 ff ff ff ff ff ff ff ff ff 01'],
    ['TimeInfo', { nanoseconds: 1700000000123456789n }, '08 95 9a 97 ec e3 9f e7 cb 17'],
    ['ValueRanges', { range: [{ begin: 1, end: 300 }] }, '0a 05 08 01 10 ac 02'],
    ['HealthCheckHTTPCheckInfo', { port: 80, statuses: [200, 201] }, '08 50 20 c8 01 20 c9 01'],
    ['UUID', { value: 'AQID' }, '0a 03 01 02 03'],
    ['SchedulerCall', { type: 'TEARDOWN', framework_id: { value: 'f' } }, '0a 03 0a 01 66 10 02'],
    ['QuotaConfig', { role: 'r', limits: { cpus: { value: 1 } } }, '0a 01 72 1a 11 0a 04 63 70 75 73 12 09 09 00 00 00 00 00 00 f0 3f'],
    ['FrameworkInfo', { user: 'u', name: 'n', checkpoint: true }, '0a 01 75 12 01 6e 28 01'],
  ];
  it.each(golden)('writes and reads %s', (name, message, hex) => {
    expect(encodeProtobuf(name, message as MessageByName[MessageName]).toString('hex')).toBe(bytes(hex).toString('hex'));
    expect(decodeProtobuf(name, bytes(hex))).toEqual(message);
  });

  it('reads packed lists, skips what it does not know, and merges a part that comes twice', () => {
    expect(decodeProtobuf('HealthCheckHTTPCheckInfo', bytes('08 50 22 04 c8 01 c9 01'))).toEqual({ port: 80, statuses: [200, 201] });
    const unknown = '98 06 01 a2 06 02 61 62 a9 06 00 00 00 00 00 00 00 00 ad 06 00 00 00 00 ab 06 08 01 ac 06';
    expect(decodeProtobuf('FrameworkID', bytes(`${unknown} 0a 01 66`))).toEqual({ value: 'f' });
    expect(decodeProtobuf('Offer', Buffer.concat([encodeProtobuf('Offer', offer), bytes('42 05 0a 03 66 6f 6f')]))).toEqual({
      ...offer,
      url: { ...offer.url, scheme: 'foo' },
    });
  });

  it('drops an unknown name of an optional field, and says that a call has no known type', () => {
    expect(decodeProtobuf('FrameworkInfoCapability', bytes('08 63'))).toEqual({});
    expect(() => decodeProtobuf('SchedulerCall', bytes('10 63'))).toThrow(/type: is not set/);
    expect(() => decodeProtobuf('SchedulerCall', bytes('10 03'))).toThrow(/accept: is required/);
    expect(() => decodeProtobuf('FrameworkInfo', bytes('0a 01 75'))).toThrow(/name: is required/);
  });

  it('refuses what is not protobuf with a place, never anything else', () => {
    for (const hex of ['0a', '0a 05 61', '08', '08 ff ff ff ff ff ff ff ff ff ff 01', '0f', '09 00', '0b']) {
      expect(() => decodeProtobuf('FrameworkID', bytes(hex))).toThrow(/not protobuf: .* at byte \d+|is required/);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (random) => {
        try {
          decodeProtobuf('SchedulerCall', random);
        } catch (error) {
          if (!(error instanceof MessageError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

const offer: MessageByName['Offer'] = {
  id: { value: 'o' },
  framework_id: { value: 'f' },
  agent_id: { value: 'a' },
  hostname: 'h',
  url: { scheme: 'http', address: { port: 5051 } },
};

/** Any value of a message, by its description; a few levels deep. */
function anyMessage(name: MessageName, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const descriptor = descriptorOf(name);
  const anyValue = (type: FieldType): fc.Arbitrary<unknown> => {
    if (type.kind === 'message') return anyMessage(type.message, depth - 1);
    if (type.kind === 'enum') return fc.constantFrom(...type.numberByName.keys());
    switch (type.scalar) {
      case 'string':
        return fc.string({ unit: 'grapheme', maxLength: 12 });
      case 'bytes':
        return fc.uint8Array({ maxLength: 20 }).map((value) => Buffer.from(value).toString('base64'));
      case 'bool':
        return fc.boolean();
      case 'double':
        return fc.double({ noNaN: true });
      case 'int32':
        return fc.integer();
      case 'uint32':
        return fc.integer({ min: 0, max: 2 ** 32 - 1 });
      case 'uint64':
        return fc.maxSafeNat();
      case 'int64':
        return fc
          .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
          .map((value) => (String(Number(value)) === String(value) ? Number(value) : value));
    }
  };
  const wanted: Record<string, fc.Arbitrary<unknown>> = {};
  const required: string[] = [];
  for (const field of descriptor.fields) {
    if (descriptor.fieldByType !== undefined && field.name === 'type') continue;
    if (field.label === 'required') required.push(field.name);
    else if (depth <= 0) continue;
    const value = anyValue(field.type);
    wanted[field.name] =
      field.label === 'repeated'
        ? fc.array(value, { minLength: 1, maxLength: 3 })
        : field.label === 'map'
          ? fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), value, { minKeys: 1, maxKeys: 2 })
          : value;
  }
  return fc.record(wanted, { requiredKeys: required, noNullPrototype: true }).chain((fields) => {
    const types = Object.entries(descriptor.fieldByType ?? {}).filter(([, part]) => part === '' || fields[part] !== undefined);
    return types.length === 0 ? fc.constant(fields) : fc.constantFrom(...types).map(([type]) => ({ ...fields, type }));
  });
}

it.each(['SchedulerCall', 'SchedulerEvent', 'ExecutorCall', 'MasterCall', 'MasterEvent', 'Offer', 'TaskInfo'] as const)(
  'JSON and protobuf say the same of any %s',
  (name) => {
    fc.assert(
      fc.property(anyMessage(name, 3), (value) => {
        fc.pre(descriptorOf(name).fieldByType === undefined || value['type'] !== undefined);
        const message = value as MessageByName[MessageName];
        expect(decodeProtobuf(name, encodeProtobuf(name, message as never))).toEqual(value);
        const json = encodeJson(name, message as never);
        expect(encodeJson(name, decodeJson(name, json))).toBe(json);
      }),
      { numRuns: 60 },
    );
  },
);
