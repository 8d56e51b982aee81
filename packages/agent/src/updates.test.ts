import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskState, TaskStatus } from '@pronoia/mesos';
import { ManualClock } from '@pronoia/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UpdateStream } from './updates.ts';

const status = (uuid: string, state: TaskState): TaskStatus => ({ task_id: { value: 't' }, state, uuid });

describe('UpdateStream', () => {
  let folder: string;
  let file: string;
  let clock: ManualClock;
  let sent: string[];
  const send = (one: TaskStatus, latest: TaskState): void => {
    sent.push(`${one.state} of ${latest}`);
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'agent-updates-'));
    file = join(folder, 'task.updates');
    clock = new ManualClock();
    sent = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has one update in flight, in order, each told with the newest state', () => {
    const stream = new UpdateStream(file, clock, send);
    stream.update(status('1', 'TASK_STARTING'));
    stream.update(status('2', 'TASK_RUNNING'));
    stream.update(status('3', 'TASK_FINISHED'));
    expect(sent).toEqual(['TASK_STARTING of TASK_STARTING']);
    expect(stream.acknowledge('2')).toBe(false);
    expect(stream.acknowledge('1')).toBe(true);
    expect(stream.acknowledge('1')).toBe(false);
    expect(stream.acknowledge('2')).toBe(true);
    expect(sent.slice(1)).toEqual(['TASK_RUNNING of TASK_FINISHED', 'TASK_FINISHED of TASK_FINISHED']);
    expect(stream.isDone).toBe(false);
    stream.acknowledge('3');
    expect(stream.isDone).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('repeats after 10 s, then twice as long each time, at most 10 min apart', async () => {
    const stream = new UpdateStream(undefined, clock, send);
    stream.update(status('1', 'TASK_RUNNING'));
    const atSeconds: number[] = [];
    for (let second = 1; second <= 3_000; second++) {
      const before = sent.length;
      await clock.advance(1_000);
      if (sent.length > before) atSeconds.push(second);
    }
    expect(atSeconds).toEqual([10, 30, 70, 150, 310, 630, 1_230, 1_830, 2_430]);
    stream.close();
  });

  it('says nothing while the link is gone, and repeats at once when it is back', async () => {
    const stream = new UpdateStream(undefined, clock, send);
    stream.pause();
    stream.update(status('1', 'TASK_RUNNING'));
    await clock.advance(100_000);
    expect(sent).toEqual([]);
    stream.resume();
    expect(sent).toHaveLength(1);
    stream.close();
  });

  it('goes on after a restart where it stopped, even when the last record is torn', () => {
    const first = new UpdateStream(file, clock, send);
    first.update(status('1', 'TASK_STARTING'));
    first.update(status('2', 'TASK_RUNNING'));
    first.acknowledge('1');
    first.close();
    appendFileSync(file, '{"type":"UPDATE","stat');
    sent = [];
    const second = UpdateStream.recover(file, clock, send);
    expect(sent).toEqual([]);
    expect([second.current?.uuid, second.latest?.state]).toEqual(['2', 'TASK_RUNNING']);
    second.update(status('3', 'TASK_FAILED'));
    second.resume();
    expect(sent).toEqual(['TASK_RUNNING of TASK_FAILED']);
    second.acknowledge('2');
    second.acknowledge('3');
    expect(UpdateStream.recover(file, clock, send).isDone).toBe(true);
    second.close();
  });

  it('refuses a file that is damaged in the middle', () => {
    writeFileSync(file, '{"type":\n{"type":"ACK","uuid":"1"}\n');
    expect(() => UpdateStream.recover(file, clock, send)).toThrow(/JSON/);
  });
});
