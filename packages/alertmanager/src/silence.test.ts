import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Labels } from '@pronoia/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlertIdentity } from './identity.ts';
import { AlertMatcher, type MatchType, matchesAll } from './matcher.ts';
import { decodeEntry, encodeEntry } from './nflog.ts';
import { decodeSilence, encodeSilence, Silences, silenceState } from './silence.ts';

const options = { retentionMs: 10_000, maxSilences: 0, maxBytes: 0 };

function request(matchers: readonly AlertMatcher[], startsAtMs = 1000, endsAtMs = 5000) {
  return { matchers, startsAtMs, endsAtMs, createdBy: 'ann', comment: 'why', annotations: { ticket: 'T-1' } };
}

describe('silences', () => {
  it('the cached answer equals a look at every silence, through any changes', () => {
    const name = fc.constantFrom('a', 'b');
    const value = fc.constantFrom('1', '2', '', '12345', '2345', '1x');
    const matcher = fc
      .tuple(
        fc.constantFrom<MatchType>('=', '!=', '=~', '!~'),
        name,
        fc.constantFrom('1', '2', '1|2', '.+', 'x', '1.*', '(1|2).*', '.*345.*', '1?2+.*', '12345', '.*[0-9]345'),
      )
      .map(([type, label, pattern]) => new AlertMatcher(type, label, pattern));
    const action = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        matchers: fc.array(matcher, { minLength: 1, maxLength: 2 }),
        lengthMs: fc.integer({ min: 1, max: 5000 }),
      }),
      fc.record({ kind: fc.constant('expire' as const), index: fc.nat(10) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
      fc.record({ kind: fc.constant('collect' as const) }),
      fc.record({ kind: fc.constant('ask' as const), labels: fc.record({ a: value, b: value }) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const silences = new Silences(options);
        const identities = new Map<string, AlertIdentity>();
        let nowMs = 1000;
        const ids: string[] = [];
        const answers: { expected: string[]; actual: string[] }[] = [];
        for (const one of actions) {
          if (one.kind === 'wait') nowMs += one.ms;
          else if (one.kind === 'collect') silences.collectGarbage(nowMs);
          else if (one.kind === 'expire') {
            const id = ids[one.index];
            if (id !== undefined && silences.get(id) !== undefined) silences.expire(id, nowMs);
          } else if (one.kind === 'add') {
            if (!one.matchers.every((each) => each.matchesValue('')))
              ids.push(silences.set(request(one.matchers, nowMs, nowMs + one.lengthMs), nowMs));
          } else {
            const labels = Labels.from(one.labels);
            let identity = identities.get(labels.key());
            if (identity === undefined) identities.set(labels.key(), (identity = new AlertIdentity(labels)));
            const expected = [...silences.all()]
              .filter((silence) => silenceState(silence, nowMs) === 'active' && matchesAll(silence.matchers, labels))
              .map(({ id }) => id);
            answers.push({ expected: expected.sort(), actual: [...silences.silencedBy(identity, nowMs)].sort() });
          }
        }
        expect(answers.map(({ actual }) => actual)).toEqual(answers.map(({ expected }) => expected));
      }),
    );
  });

  it('limits hold', () => {
    const silences = new Silences({ ...options, maxSilences: 1, maxBytes: 200 });
    const matchers = [new AlertMatcher('=', 'a', 'b')];
    silences.set(request(matchers), 1000);
    expect(() => silences.set(request(matchers), 1000)).toThrow('exceeded maximum number of silences: 1 (limit: 1)');
    expect(() => new Silences({ ...options, maxBytes: 200 }).set({ ...request(matchers), comment: 'x'.repeat(300) }, 1000)).toThrow(
      /silence exceeded maximum size: \d+ bytes \(limit: 200 bytes\)/,
    );
  });

  it('come back from their file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'silences-'));
    const file = join(folder, 'silences');
    const first = new Silences(options, file);
    const kept = first.set(request([new AlertMatcher('=~', 'a', 'b|"c"')]), 1000);
    const ended = first.set(request([new AlertMatcher('!=', 'ä', '')]), 1000);
    await first.snapshot();
    first.expire(ended, 2000);
    const state = [...first.all()];
    first.close();
    const second = new Silences(options, file);
    expect([...second.all()].map((silence) => ({ ...silence, matchers: silence.matchers.map(String) }))).toEqual(
      state.map((silence) => ({ ...silence, matchers: silence.matchers.map(String) })),
    );
    expect(silenceState(second.get(kept) as never, 2000)).toBe('active');
    expect(second.collectGarbage(2000 + options.retentionMs)).toBe(1);
    second.close();
    rmSync(folder, { recursive: true });
  });
});

describe('the state formats', () => {
  it('a silence reads back as written', () => {
    const silence = { id: 'x', ...request([new AlertMatcher('!~', 'n', 'v')]), updatedAtMs: 1234 };
    const read = decodeSilence(encodeSilence(silence, 9999));
    expect({ ...read, matchers: read?.matchers.map(String) }).toEqual({ ...silence, matchers: silence.matchers.map(String) });
  });

  it('an entry of the notification log reads back as written', () => {
    const entry = {
      groupKey: '{}:{a="ä"}',
      receiver: 'r',
      integration: 'slack',
      index: 3,
      timestampMs: 1_795_557_184_123,
      firing: [1n, (1n << 64n) - 1n],
      resolved: [7n],
      receiverData: { threadTs: '1.2', count: 5n, ratio: 0.5 },
      expiresAtMs: 1_795_557_999_000,
    };
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
  });
});
