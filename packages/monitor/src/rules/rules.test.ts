import { Registry } from '@pronoia/client';
import { Labels, type Queryable, type SampleBatch } from '@pronoia/model';
import type { QueryResult } from '@pronoia/promql';
import { ManualClock, silentLogger } from '@pronoia/server';
import { describe, expect, it } from 'vitest';
import { Recorder } from '../recorder.ts';
import type { Alert, AlertingRule } from './alerting.ts';
import { parseRuleFile } from './file.ts';
import { type GroupDeps, RuleGroup } from './group.ts';
import { RuleManager } from './manager.ts';
import { createRuleMetrics } from './metrics.ts';
import { restoredActiveAt } from './restore.ts';

const startMs = 1_000_000_000_000;
const context = { defaultIntervalMs: 10_000, defaultQueryOffsetMs: 0, externalLabels: Labels.empty, externalUrl: 'http://m' };

function vector(values: Record<string, number>): QueryResult {
  const samples = Object.entries(values).map(([name, value]) => ({
    labels: Labels.from({ __name__: 'm', x: name }),
    value,
    histogram: undefined,
  }));
  return { value: { kind: 'vector', tMs: 0, samples }, warnings: [], infos: [], stats: {} as QueryResult['stats'] };
}

const nothing: Queryable = {
  querier: () => ({
    select: async () => ({ series: [], warnings: [] }),
    labelNames: async () => [],
    labelValues: async () => [],
    close() {},
  }),
};

/** A group whose expression has the values that the test says; times count from its start, in seconds. */
class Play {
  readonly clock = new ManualClock(startMs);
  readonly recorder = new Recorder();
  readonly sent: string[] = [];
  readonly group: RuleGroup;
  values: Record<string, number> | Error = {};
  readonly deps: GroupDeps;

  constructor(rules: string, over: Partial<GroupDeps> = {}, needsRestore = false) {
    this.deps = {
      clock: this.clock,
      log: silentLogger,
      metrics: createRuleMetrics(new Registry()),
      appendable: this.recorder,
      queryable: nothing,
      query: async () => {
        if (this.values instanceof Error) throw this.values;
        return vector(this.values);
      },
      notify: (alerts: readonly Alert[]) => {
        for (const { labels, state } of alerts) this.sent.push(`${labels.get('x')} ${state}`);
      },
      restore: { outageToleranceMs: 3_600_000, gracePeriodMs: 600_000 },
      resendDelayMs: 60_000,
      ...over,
    };
    const [config] = parseRuleFile(`groups:\n- name: g\n  rules:\n${rules.replace(/^/gm, '  ')}`, 'f');
    if (config === undefined) throw new Error('no group');
    this.group = new RuleGroup(config, context, this.deps, needsRestore);
  }

  /** One evaluation at `seconds`; what was written. */
  async at(seconds: number, values: Record<string, number> | Error): Promise<string[]> {
    this.values = values;
    await this.group.evaluate(startMs + seconds * 1000);
    return this.recorder.take(startMs).map((line) => line.replace(/ @\d+$/, ''));
  }

  get alerting(): AlertingRule {
    const rule = this.group.rules[0];
    if (rule?.kind !== 'alerting') throw new Error('not an alerting rule');
    return rule;
  }

  get states(): string[] {
    return [...this.alerting.alertByKey.values()].map(({ labels, state }) => `${labels.get('x')} ${state}`);
  }
}

describe('a recording rule', () => {
  it('writes what it found under its own name, and marks what is gone', async () => {
    const play = new Play('- { record: r, expr: m, labels: { team: t, x: "" } }');
    expect(await play.at(0, { a: 1 })).toEqual(['r{team="t"} 1']);
    const keeps = new Play('- { record: r, expr: m }');
    expect(await keeps.at(0, { a: 1, b: 2 })).toEqual(['r{x="a"} 1', 'r{x="b"} 2']);
    expect(await keeps.at(10, { b: 3 })).toEqual(['r{x="b"} 3', 'r{x="a"} stale']);
    expect(await keeps.at(20, { b: 4 })).toEqual(['r{x="b"} 4']);
  });

  it('writes nothing, not even markers, when it fails', async () => {
    const play = new Play('- { record: r, expr: m }');
    await play.at(0, { a: 1 });
    expect(await play.at(10, new Error('too slow'))).toEqual([]);
    expect(play.group.rules[0]?.health).toMatchObject({ health: 'err', lastError: 'too slow' });
    expect(await play.at(20, {})).toEqual(['r{x="a"} stale']);
    const twice = new Play('- { record: r, expr: m, labels: { x: y } }');
    expect(await twice.at(0, { a: 1, b: 2 })).toEqual([]);
    expect(twice.group.rules[0]?.health.lastError).toBe('vector contains metrics with the same labelset after applying rule labels');
  });

  it('goes on with the next rule after one that failed', async () => {
    const play = new Play('- { record: r, expr: m, labels: { x: y } }\n- { record: s, expr: m }');
    expect(await play.at(0, { a: 1, b: 2 })).toEqual(['s{x="a"} 1', 's{x="b"} 2']);
  });
});

describe('an alerting rule', () => {
  it('is pending for a while, fires, and is resolved', async () => {
    const play = new Play('- { alert: A, expr: m, for: 20s, labels: { severity: "{{ $value }}" } }');
    const active = 'alertname="A", alertstate';
    expect(await play.at(0, { a: 1 })).toEqual([
      `ALERTS{${active}="pending", severity="1", x="a"} 1`,
      'ALERTS_FOR_STATE{alertname="A", severity="1", x="a"} 1000000000',
    ]);
    expect(await play.at(10, { a: 1 })).toHaveLength(2);
    expect(await play.at(20, { a: 1 })).toEqual([
      `ALERTS{${active}="firing", severity="1", x="a"} 1`,
      'ALERTS_FOR_STATE{alertname="A", severity="1", x="a"} 1000000000',
      `ALERTS{${active}="pending", severity="1", x="a"} stale`,
    ]);
    expect(play.alerting.state).toBe('firing');
    expect(await play.at(30, {})).toEqual([
      `ALERTS{${active}="firing", severity="1", x="a"} stale`,
      'ALERTS_FOR_STATE{alertname="A", severity="1", x="a"} stale',
    ]);
    expect(play.states).toEqual(['a inactive']);
    expect(play.sent).toEqual(['a firing', 'a inactive']);
    await play.at(30 + 901, {});
    expect(play.states).toEqual([]);
  });

  it('forgets a pending alert that ends, and starts anew', async () => {
    const play = new Play('- { alert: A, expr: m, for: 20s }');
    await play.at(0, { a: 1 });
    await play.at(10, {});
    expect(play.states).toEqual([]);
    await play.at(20, { a: 1 });
    await play.at(30, { a: 1 });
    expect(play.states).toEqual(['a pending']);
    expect(play.sent).toEqual([]);
  });

  it('fires at once without "for"', async () => {
    const play = new Play('- { alert: A, expr: m }');
    await play.at(0, { a: 1, b: 1 });
    expect(play.states).toEqual(['a firing', 'b firing']);
    expect(play.sent).toEqual(['a firing', 'b firing']);
  });

  it('keeps firing for as long as asked', async () => {
    const play = new Play('- { alert: A, expr: m, keep_firing_for: 25s }');
    await play.at(0, { a: 1 });
    await play.at(10, {});
    expect(play.states).toEqual(['a firing']);
    await play.at(20, { a: 1 });
    await play.at(30, {});
    await play.at(50, {});
    expect(play.states).toEqual(['a firing']);
    await play.at(55, {});
    expect(play.states).toEqual(['a inactive']);
  });

  it('is sent again after the resend delay, and when it is resolved', async () => {
    const play = new Play('- { alert: A, expr: m }');
    for (const [seconds, sent] of [
      [0, 1],
      [30, 1],
      [60, 1],
      [61, 2],
      [90, 2],
    ] as const) {
      await play.at(seconds, { a: 1 });
      expect(play.sent).toHaveLength(sent);
    }
    await play.at(95, {});
    expect(play.sent.at(-1)).toBe('a inactive');
    await play.at(200, {});
    expect(play.sent).toHaveLength(4);
    const alert = [...play.alerting.alertByKey.values()][0];
    expect(alert?.validUntilMs).toBe(startMs + (200 + 240) * 1000);
  });

  it('holds no alert over its limit, or with two of the same labels', async () => {
    const play = new Play('- { alert: A, expr: m }');
    Object.assign(play.group.config, { limit: 1 });
    expect(await play.at(0, { a: 1, b: 1 })).toEqual([]);
    expect(play.alerting.health.lastError).toBe('exceeded limit of 1 with 2 alerts');
    expect(play.states).toEqual([]);
    const same = new Play('- { alert: A, expr: m, labels: { x: y } }');
    await same.at(0, { a: 1, b: 1 });
    expect(same.alerting.health.lastError).toBe('vector contains metrics with the same labelset after applying alert labels');
  });

  it('goes back to pending when its rule is edited to wait longer', async () => {
    const play = new Play('- { alert: A, expr: m }');
    await play.at(0, { a: 1 });
    const longer = new Play('- { alert: A, expr: m, for: 1m }');
    longer.group.inherit(play.group);
    await longer.at(10, { a: 1 });
    expect(longer.states).toEqual(['a pending']);
  });
});

describe('restoring the state of "for"', () => {
  const minute = 60_000;
  it.each<[string, number, number, number, number]>([
    ['was firing: stays as it was', 100 * minute, 40 * minute, 160 * minute, 40 * minute],
    ['much is left: the outage does not count', 50 * minute, 40 * minute, 80 * minute, 70 * minute],
    ['little is left: the grace period', 65 * minute, 40 * minute, 80 * minute, (80 + 10 - 30) * minute],
  ])('%s', (_, downAtMs, activeAtMs, nowMs, expected) => {
    expect(restoredActiveAt({ downAtMs, activeAtMs }, 30 * minute, nowMs, 10 * minute)).toBe(expected);
  });

  it('happens after the second evaluation, and nothing is written before', async () => {
    const queryable: Queryable = {
      querier: () => ({
        ...nothing.querier(0, 0),
        select: async () => ({
          warnings: [],
          series: [
            {
              labels: Labels.from({ __name__: 'ALERTS_FOR_STATE', alertname: 'A', x: 'a' }),
              samples: () => {
                let left = 1;
                return {
                  read(into: SampleBatch) {
                    into.times[0] = startMs - 60_000;
                    into.values[0] = (startMs - 1_200_000) / 1000;
                    into.stale[0] = 0;
                    return left-- > 0 ? 1 : 0;
                  },
                };
              },
            },
          ],
        }),
      }),
    };
    const play = new Play('- { alert: A, expr: m, for: 30m }', { queryable }, true);
    play.values = { a: 1 };
    play.group.start();
    await play.clock.advance(19_000);
    expect(play.recorder.take()).toEqual([]);
    const restored = [...play.alerting.alertByKey.values()][0];
    // 19 of 30 minutes were served before the outage; the minute and the evaluations since then do not count.
    expect(restored?.activeAtMs).toBeGreaterThan(startMs - 1_200_000);
    expect(restored?.activeAtMs).toBeLessThan(startMs - 1_100_000);
    await play.clock.advance(10_000);
    expect(play.recorder.take()).toHaveLength(2);
    await play.group.stop();
  });
});

describe('groups', () => {
  const file = (text: string) => parseRuleFile(text, 'f');

  it('are evaluated on their slot, with the time of the slot, minus the offset', async () => {
    const play = new Play('- { record: r, expr: m }');
    const asked: number[] = [];
    const manager = new RuleManager({
      ...play.deps,
      query: async (_, tMs) => {
        asked.push(tMs - startMs);
        return vector({ a: 1 });
      },
    });
    await manager.configure(file('groups: [{ name: g, query_offset: 2s, rules: [{ record: r, expr: m }] }]'), context);
    await play.clock.advance(30_000);
    expect(asked).toHaveLength(3);
    expect((asked[1] as number) - (asked[0] as number)).toBe(10_000);
    expect(play.recorder.take(startMs)[0]).toBe(`r{x="a"} 1 @${asked[0]}`);
    expect(manager.groups[0]?.lastRun.atMs).toBe(startMs + (asked[2] as number) + 2000);
    await manager.stop();
    expect(play.clock.pendingTimers).toBe(0);
  });

  it('go on undisturbed over a reload, hand over when changed, and leave markers when gone', async () => {
    const play = new Play('- { record: r, expr: m }');
    play.values = { a: 1 };
    const manager = new RuleManager(play.deps);
    const one = 'groups: [{ name: g, rules: [{ record: r, expr: m }] }]';
    await manager.configure(file(one), context);
    await play.clock.advance(10_000);
    const [before] = manager.groups;
    await manager.configure(file(one), context);
    expect(manager.groups[0]).toBe(before);
    await manager.configure(file('groups: [{ name: g, rules: [{ record: s, expr: m }] }]'), context);
    expect(manager.groups[0]).not.toBe(before);
    play.recorder.take();
    await play.clock.advance(10_000);
    expect(play.recorder.take().map((line) => line.replace(/ @\d+$/, ''))).toEqual(['s{x="a"} 1', 'r{x="a"} stale']);
    await manager.configure([], context);
    await play.clock.advance(21_000);
    expect(play.recorder.take().map((line) => line.replace(/ @\d+$/, ''))).toEqual(['s{x="a"} stale']);
    await manager.stop();
    expect(play.clock.pendingTimers).toBe(0);
  });
});
