import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts, Pronoia, processesOf, query, until } from './pronoia.ts';

let folder: string;
let up: Pronoia;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pronoia-up-'));
  up = new Pronoia(folder, 'up', '--data', join(folder, 'data'), ...freePorts);
  await up.printed(/Ctrl-C stops everything/);
});

afterEach(async () => {
  up.child.kill('SIGKILL');
  await up.exit;
  await until('nothing is left', async () => processesOf(folder).length === 0);
  rmSync(folder, { recursive: true, force: true });
});

const pidOf = (name: string): number | undefined =>
  processesOf(folder).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[2] === name);

describe('pronoia up', () => {
  it('runs four servers that answer, and one that is killed comes back at the same place', async () => {
    for (const name of ['master', 'agent', 'page', 'alertmanager']) {
      expect((await fetch(`${await up.url(name)}/-/ready`)).status).toBe(200);
    }
    const monitor = await up.url('page');
    const jobs = await until('every server is measured', async () => {
      const found = (await query(monitor, 'up == 1')).map(({ metric }) => metric['job']).sort();
      return found.length >= 4 && found;
    });
    expect(jobs).toEqual(['alertmanager', 'mesos-agent', 'mesos-master', 'monitor']);

    const [{ value: before } = { value: [0, '0'] }] = await query(monitor, 'count_over_time(up{job="mesos-master"}[5m])');
    const pid = pidOf('monitor') as number;
    process.kill(pid, 'SIGKILL');
    await up.printed(/monitor ended \(SIGKILL\); starting it again/);
    await until('the monitor is back', async () => (await fetch(`${monitor}/-/ready`)).status === 200);
    expect(pidOf('monitor')).not.toBe(pid);
    const [{ value: after } = { value: [0, '0'] }] = await query(monitor, 'count_over_time(up{job="mesos-master"}[5m])');
    expect(Number(after[1])).toBeGreaterThanOrEqual(Number(before[1]));
    for (const file of ['config/prometheus.yml', 'config/alertmanager.yml', 'config/rules/shipped.yml', 'logs/monitor.log']) {
      expect(existsSync(join(folder, 'data', file))).toBe(true);
    }
  });

  it('stops within five seconds, in order, leaving no process', async () => {
    const startedMs = performance.now();
    up.child.kill('SIGINT');
    expect(await up.exit).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(processesOf(folder)).toEqual([]);
    expect(existsSync(join(folder, 'data/up.pid'))).toBe(false);
  });

  it('killed itself, leaves no process either', async () => {
    up.child.kill('SIGKILL');
    await up.exit;
    await until('nothing is left', async () => processesOf(folder).length === 0, 8000);
  });
});
