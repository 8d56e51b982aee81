import { describe, expect, it } from 'vitest';
import { step } from './core.ts';
import {
  type AgentOffer,
  createState,
  type JobEffect,
  type JobEvent,
  type JobPlan,
  type JobState,
  mapEventsFor,
  progressOf,
} from './job-state.ts';

const plan = (changes: Partial<JobPlan> = {}): JobPlan => ({
  jobId: 'job_1_0001',
  maps: 2,
  reduces: 1,
  mapNeeds: { cpus: 1, memMb: 100, ports: 1 },
  reduceNeeds: { cpus: 1, memMb: 100, ports: 1 },
  maxAttempts: 4,
  slots: 100,
  slowstart: 0.05,
  silenceLimitMs: 60_000,
  starvationLimitMs: 60_000,
  masterLostLimitMs: 30_000,
  ...changes,
});

const offer = (cpus: number, agentId = 'A', id = 'O'): AgentOffer => ({
  id,
  agentId,
  hostname: agentId,
  agentUrl: `http://${agentId}`,
  cpus,
  memMb: 10_000,
  ports: [{ begin: 31_000, end: 31_999 }],
});

/** A job core with a hand on its clock. */
class Play {
  nowMs = 1_000;
  readonly state: JobState;
  effects: JobEffect[] = [];

  constructor(changes: Partial<JobPlan> = {}) {
    this.state = createState(plan(changes), this.nowMs);
    this.step({ kind: 'connected' });
  }

  step(event: JobEvent): JobEffect[] {
    this.effects = step(this.state, event, this.nowMs);
    return this.effects;
  }

  offer(cpus: number, agentId = 'A'): string[] {
    return this.step({ kind: 'offers', offers: [offer(cpus, agentId)] }).flatMap((effect) =>
      effect.kind === 'accept' ? effect.launches.map((launch) => launch.attempt.id.slice('attempt_1_0001_'.length)) : [],
    );
  }

  update(id: string, state: 'TASK_RUNNING' | 'TASK_FINISHED' | 'TASK_FAILED' | 'TASK_LOST', message = ''): JobEffect[] {
    return this.step({ kind: 'update', attemptId: `attempt_1_0001_${id}`, state, message });
  }

  done(id: string): JobEffect[] {
    const output = id.startsWith('m')
      ? {
          output: {
            path: `/${id}`,
            segments: Array.from({ length: this.state.plan.reduces }, () => ({ offset: 0, length: 5, records: 0 })),
          },
        }
      : {};
    const effects = this.step({
      kind: 'done',
      attemptId: `attempt_1_0001_${id}`,
      counters: {},
      ...(this.state.plan.reduces > 0 ? output : {}),
    });
    if (effects.some((effect) => effect.kind === 'commit')) return this.step({ kind: 'committed', attemptId: `attempt_1_0001_${id}` });
    return effects;
  }

  fetchFailed(map: number, id: string): JobEffect[] {
    return this.step({ kind: 'fetch-failed', map, mapAttemptId: `attempt_1_0001_${id}`, reason: 'refused' });
  }

  wait(ms: number): JobEffect[] {
    this.nowMs += ms;
    return this.step({ kind: 'tick' });
  }

  get kinds(): string[] {
    return this.effects.map((effect) => effect.kind);
  }
}

describe('a job', () => {
  it('goes from offers to the end', () => {
    const play = new Play();
    expect(play.offer(1)).toEqual(['m_000000_0']);
    expect(play.offer(1)).toEqual(['m_000001_0']);
    expect(play.kinds).toEqual(['accept', 'suppress'].filter((kind) => play.kinds.includes(kind)));
    play.done('m_000000_0');
    expect(play.offer(4)).toEqual(['r_000000_0']);
    expect(play.kinds).toContain('suppress');
    play.done('m_000001_0');
    expect(mapEventsFor(play.state, 0, 0)).toEqual({
      next: 2,
      events: [0, 1].map((map) => ({
        map,
        attemptId: `attempt_1_0001_m_00000${map}_0`,
        segment: { url: `http://A/files/download?path=%2Fm_00000${map}_0`, offset: 0, length: 5 },
      })),
    });
    play.update('m_000000_0', 'TASK_FINISHED');
    expect(play.done('r_000000_0').map((effect) => effect.kind)).toContain('finished');
    expect(progressOf(play.state)).toEqual({ map: 1, reduce: 1 });
    expect(play.offer(4)).toEqual([]);
    expect(play.kinds).toEqual(['decline']);
  });

  it('fills an offer with maps first, and with as many as fit', () => {
    const play = new Play({ maps: 3, reduces: 2, slowstart: 0 });
    expect(play.offer(4.5)).toEqual(['m_000000_0', 'm_000001_0', 'm_000002_0', 'r_000000_0']);
    expect(play.offer(4.5)).toEqual(['r_000001_0']);
  });

  it('keeps to its slots', () => {
    const play = new Play({ maps: 9, slots: 2 });
    expect(play.offer(8)).toHaveLength(2);
    expect(play.offer(8)).toEqual([]);
  });

  it('gives each attempt its own ports', () => {
    const play = new Play({ maps: 2, mapNeeds: { cpus: 1, memMb: 1, ports: 2 } });
    const accept = play.step({
      kind: 'offers',
      offers: [
        {
          ...offer(2),
          ports: [
            { begin: 5, end: 5 },
            { begin: 8, end: 9 },
          ],
        },
      ],
    })[0];
    expect(accept?.kind === 'accept' ? accept.launches.map((launch) => launch.ports) : []).toEqual([[5, 8], [9]]);
  });

  it('starts no reducer before its share of maps is done', () => {
    const play = new Play({ maps: 2, slowstart: 1 });
    play.offer(2);
    play.done('m_000000_0');
    expect(play.offer(2)).toEqual([]);
    play.done('m_000001_0');
    expect(play.offer(2)).toEqual(['r_000000_0']);
  });

  it('is over at once with nothing to do', () => {
    expect(new Play({ maps: 0, reduces: 0 }).wait(1).map((effect) => effect.kind)).toEqual(['finished']);
  });

  it('without reducers commits its maps', () => {
    const play = new Play({ reduces: 0 });
    play.offer(2);
    play.done('m_000000_0');
    expect(play.done('m_000001_0').map((effect) => effect.kind)).toEqual(['counted', 'finished']);
  });
});

describe('a failed attempt', () => {
  it('is tried again after a pause, on another agent when there is one', () => {
    const play = new Play({ maps: 1 });
    play.step({ kind: 'offers', offers: [offer(0, 'B')] });
    play.offer(1, 'A');
    play.update('m_000000_0', 'TASK_FAILED', 'oops');
    expect(play.kinds).toEqual(['note', 'discard', 'revive']);
    expect(play.offer(1, 'A')).toEqual([]);
    expect(play.offer(1, 'B')).toEqual(['m_000000_1']);
    play.update('m_000000_1', 'TASK_FAILED', 'oops');
    expect(play.offer(1, 'B')).toEqual([]);
    play.wait(1_000);
    expect(play.offer(1, 'B')).toEqual(['m_000000_2']);
  });

  it('fails the job the fourth time', () => {
    const play = new Play({ maps: 1 });
    for (let i = 0; i < 4; i++) {
      expect(play.state.phase).toBe('running');
      play.wait(10_000);
      expect(play.offer(1)).toEqual([`m_000000_${i}`]);
      play.update(`m_000000_${i}`, 'TASK_FAILED', 'oops');
    }
    expect(play.effects.at(-1)).toEqual({
      kind: 'failed',
      failure: { code: 'task_failed', task: 'task_1_0001_m_000000', attempts: 4, reason: 'oops' },
    });
  });

  it('that was lost or killed from outside is not at fault', () => {
    const play = new Play({ maps: 1 });
    for (let i = 0; i < 10; i++) {
      expect(play.offer(1)).toEqual([`m_000000_${i}`]);
      play.update(`m_000000_${i}`, 'TASK_LOST');
    }
    expect([play.state.phase, play.state.maps[0]?.failures]).toEqual(['running', 0]);
  });

  it('that ended without a result has failed', () => {
    const play = new Play({ maps: 1 });
    play.offer(1);
    play.update('m_000000_0', 'TASK_FINISHED');
    expect(play.effects[0]).toMatchObject({ kind: 'note', message: 'Attempt failed', reason: 'it ended without a result' });
  });

  it('for a fatal reason ends the job at once', () => {
    const play = new Play();
    play.offer(2);
    play.step({ kind: 'attempt-failed', attemptId: 'attempt_1_0001_m_000000_0', message: 'gone', isFatal: true });
    expect(play.effects).toEqual([{ kind: 'failed', failure: { code: 'task_fatal', task: 'task_1_0001_m_000000', reason: 'gone' } }]);
  });

  it('that was given up cannot commit any more', () => {
    const play = new Play({ maps: 1 });
    play.offer(1);
    play.done('m_000000_0');
    play.offer(1);
    play.wait(61_000);
    expect(play.kinds).toEqual(expect.arrayContaining(['kill', 'note', 'discard', 'revive']));
    expect(play.offer(1)).toEqual(['r_000000_1']);
    expect(play.done('r_000000_0')).toEqual([]);
    expect(play.done('r_000000_1').map((effect) => effect.kind)).toEqual(['counted', 'finished']);
  });

  it('after its work was accepted changes nothing', () => {
    const play = new Play({ maps: 1 });
    play.offer(1);
    play.done('m_000000_0');
    expect(play.update('m_000000_0', 'TASK_FAILED', 'Killed')).toEqual([]);
    expect(play.state.mapsDone).toBe(1);
  });
});

describe('lost map output', () => {
  it('is made again, told to reducers, and counted once', () => {
    const play = new Play({ maps: 1 });
    play.offer(1);
    expect(play.done('m_000000_0').map((effect) => effect.kind)).toContain('counted');
    play.offer(1);
    play.fetchFailed(0, 'm_000000_0');
    expect(play.kinds).toEqual(['note', 'map-event', 'revive']);
    expect(play.fetchFailed(0, 'm_000000_0')).toEqual([]);
    expect(play.offer(1)).toEqual(['m_000000_1']);
    expect(play.done('m_000000_1').map((effect) => effect.kind)).not.toContain('counted');
    expect(mapEventsFor(play.state, 0, 0).events.map((event) => event.segment?.url.slice(-10))).toEqual([
      'm_000000_0',
      undefined,
      'm_000000_1',
    ]);
    expect(play.fetchFailed(0, 'm_000000_0')).toEqual([]);
  });

  it('of a lost agent is made again with its running attempts', () => {
    const play = new Play({ maps: 3 });
    play.offer(2, 'A');
    play.offer(1, 'B');
    play.done('m_000000_0');
    play.step({ kind: 'agent-lost', agentId: 'A' });
    expect(play.state.maps.map((task) => task.state)).toEqual(['pending', 'pending', 'running']);
    expect(play.offer(2, 'B')).toEqual(['m_000000_1', 'm_000001_1']);
  });

  it('makes a reducer give way when nothing else has room', () => {
    const play = new Play({ maps: 1 });
    play.offer(1);
    play.done('m_000000_0');
    play.offer(1);
    play.fetchFailed(0, 'm_000000_0');
    expect(play.wait(4_000)).toEqual([]);
    play.wait(2_000);
    expect(play.kinds).toEqual(['kill', 'note', 'discard']);
    expect(play.offer(1)).toEqual(['m_000000_1']);
    expect(play.state.reduces[0]).toMatchObject({ state: 'pending', failures: 0 });
  });
});

describe('time', () => {
  it('ends a job that gets nothing', () => {
    const play = new Play();
    play.wait(1_000);
    expect(play.wait(59_000)).toEqual([]);
    play.wait(1_000);
    expect(play.effects).toEqual([
      {
        kind: 'failed',
        failure: expect.objectContaining({
          code: 'no_resources',
          needs: 'cpus 1, mem 100',
          seen: expect.stringMatching(/no offer at all/) as string,
        }) as never,
      },
    ]);
  });

  it('does not end a job whose tasks wait for its own tasks', () => {
    const play = new Play({ silenceLimitMs: 1e9 });
    play.offer(1);
    for (let i = 0; i < 100; i++) expect(play.wait(10_000)).toEqual([]);
  });

  it('ends a job without a master', () => {
    const play = new Play();
    play.step({ kind: 'disconnected', reason: 'refused' });
    expect(play.wait(29_000)).toEqual([]);
    play.step({ kind: 'connected' });
    play.step({ kind: 'disconnected', reason: 'refused again' });
    expect(play.wait(29_000)).toEqual([]);
    play.wait(1_000);
    expect(play.effects).toEqual([{ kind: 'failed', failure: { code: 'master_lost', forSeconds: 30, reason: 'refused again' } }]);
  });
});

/** A cluster of a few agents that lose attempts, outputs, messages and themselves, from a seed. */
class Chaos {
  readonly #random: () => number;
  readonly play: Play;
  /** Attempts that run, with their agents; maps' outputs by attempt while the agent is there. */
  readonly running = new Map<string, { agent: string; isMap: boolean; index: number; got: Map<number, string>; since: number }>();
  readonly outputs = new Map<string, string>();
  readonly commits: string[] = [];
  readonly maps: number;
  readonly reduces: number;
  #free: Map<string, number>;
  end: JobEffect | undefined;
  counted = 0;
  readonly faults: string[] = [];

  constructor(seed: number) {
    let a = seed | 0;
    this.#random = () => {
      a = (a + 0x6d2b79f5) | 0;
      let t = Math.imul(a ^ (a >>> 15), 1 | a);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    };
    this.maps = this.#below(6);
    this.reduces = this.maps === 0 ? 1 : this.#below(4);
    this.play = new Play({ maps: this.maps, reduces: this.reduces, maxAttempts: 100, slowstart: this.#random() });
    this.#free = new Map([
      ['A', 1 + this.#below(3)],
      ['B', 1 + this.#below(2)],
    ]);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #apply(event: JobEvent): void {
    for (const effect of this.play.step(event)) {
      switch (effect.kind) {
        case 'accept':
          for (const { attempt } of effect.launches) {
            if (this.running.has(attempt.id)) this.faults.push(`${attempt.id} was launched twice`);
            this.running.set(attempt.id, {
              agent: attempt.agentId,
              isMap: attempt.task.kind === 'map',
              index: attempt.task.index,
              got: new Map(),
              since: 0,
            });
            this.#free.set(attempt.agentId, (this.#free.get(attempt.agentId) ?? 0) - 1);
            if ((this.#free.get(attempt.agentId) ?? 0) < 0) this.faults.push(`${attempt.agentId} was given more than it offered`);
          }
          break;
        case 'commit':
          if (this.commits.includes(effect.taskId)) this.faults.push(`${effect.taskId} was committed twice`);
          this.commits.push(effect.taskId);
          this.#apply({ kind: 'committed', attemptId: effect.attemptId });
          break;
        case 'kill':
          this.#stop(effect.attemptId);
          break;
        case 'counted':
          this.counted++;
          break;
        case 'finished':
        case 'failed':
          if (this.end !== undefined) this.faults.push('it ended twice');
          this.end = effect;
          break;
        case 'decline':
        case 'discard':
        case 'map-event':
        case 'note':
        case 'revive':
        case 'suppress':
          break;
      }
    }
  }

  #stop(id: string): void {
    const attempt = this.running.get(id);
    if (attempt === undefined) return;
    this.running.delete(id);
    if (this.#free.has(attempt.agent)) this.#free.set(attempt.agent, (this.#free.get(attempt.agent) ?? 0) + 1);
  }

  round(isCalm: boolean): void {
    this.play.nowMs += 200 + this.#below(1_500);
    this.#apply({ kind: 'tick' });
    for (const [agent, free] of this.#free) if (free > 0) this.#apply({ kind: 'offers', offers: [offer(free, agent)] });
    for (const [id, attempt] of Array.from(this.running)) {
      if (!this.running.has(id)) continue;
      const luck = this.#random();
      this.#apply({ kind: 'heard', attemptId: id, progress: luck });
      if (!isCalm && luck < 0.12) {
        this.#stop(id);
        const state = this.#random() < 0.5 ? 'TASK_FAILED' : 'TASK_LOST';
        this.#apply({ kind: 'update', attemptId: id, state, message: 'chaos' });
        if (luck < 0.05) this.#apply({ kind: 'update', attemptId: id, state, message: 'again' });
      } else if (attempt.isMap) {
        if (luck < 0.4) this.#finishMap(id, attempt);
      } else this.#reduce(id, attempt, isCalm);
      if (!isCalm && this.#random() < 0.03) this.#apply({ kind: 'disconnected', reason: 'chaos' });
      if (this.#random() < 0.5) this.#apply({ kind: 'connected' });
    }
    this.#apply({ kind: 'connected' });
    if (!isCalm && this.#random() < 0.04) this.#loseAgent();
  }

  #finishMap(id: string, attempt: { agent: string; index: number }): void {
    const output = { path: id, segments: Array.from({ length: this.reduces }, () => ({ offset: 0, length: 5, records: 0 })) };
    this.outputs.set(id, attempt.agent);
    const times = this.#random() < 0.3 ? 2 : 1;
    for (let i = 0; i < times; i++) this.#apply({ kind: 'done', attemptId: id, counters: {}, ...(this.reduces > 0 ? { output } : {}) });
    this.#stop(id);
    this.#apply({ kind: 'update', attemptId: id, state: this.#random() < 0.8 ? 'TASK_FINISHED' : 'TASK_FAILED', message: '' });
  }

  #reduce(id: string, attempt: { index: number; got: Map<number, string>; since: number }, isCalm: boolean): void {
    const { next, events } = mapEventsFor(this.play.state, attempt.index, attempt.since);
    attempt.since = next;
    const newest = new Map(events.map((event) => [event.map, event]));
    for (const [map, event] of newest) {
      if (event.segment === undefined || attempt.got.has(map)) continue;
      if (this.outputs.has(event.attemptId) && (isCalm || this.#random() < 0.9)) attempt.got.set(map, event.attemptId);
      else this.#apply({ kind: 'fetch-failed', map, mapAttemptId: event.attemptId, reason: 'chaos' });
    }
    if (attempt.got.size < this.maps || !this.running.has(id)) return;
    this.#apply({ kind: 'done', attemptId: id, counters: {} });
    this.#stop(id);
    this.#apply({ kind: 'update', attemptId: id, state: 'TASK_FINISHED', message: '' });
  }

  #loseAgent(): void {
    const agent = ['A', 'B'][this.#below(2)] as string;
    for (const [id, attempt] of this.running) if (attempt.agent === agent) this.running.delete(id);
    for (const [id, place] of this.outputs) if (place === agent) this.outputs.delete(id);
    this.#apply({ kind: 'agent-lost', agentId: agent });
    this.#free.set(agent, 1 + this.#below(3));
  }
}

describe('under random faults', () => {
  it('every task is committed exactly once, every task is counted once, and every job ends', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const chaos = new Chaos(seed);
      for (let i = 0; i < 60 && chaos.end === undefined; i++) chaos.round(false);
      for (let i = 0; i < 400 && chaos.end === undefined; i++) chaos.round(true);
      expect([seed, chaos.faults]).toEqual([seed, []]);
      const failed = chaos.end?.kind === 'failed' ? chaos.end.failure.code : chaos.end?.kind;
      // Twenty losses of one task are an honest end; nothing else is.
      if (failed === 'task_failed') continue;
      expect([seed, failed]).toEqual([seed, 'finished']);
      const wanted = chaos.reduces > 0 ? chaos.reduces : chaos.maps;
      expect([seed, new Set(chaos.commits).size, chaos.commits.length]).toEqual([seed, wanted, wanted]);
      expect([seed, chaos.counted]).toEqual([seed, chaos.maps + chaos.reduces]);
    }
  });
});
