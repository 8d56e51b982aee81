import { Registry } from '@pronoia/client';
import { ManualClock, silentLogger } from '@pronoia/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed, cpus, framework, shell, task } from '../test/bed.ts';
import { AgentMetrics } from './metrics.ts';
import { LoadController, oversubscribedResources } from './oversubscription.ts';

const estimator = 'org_apache_mesos_FixedResourceEstimator';
const controller = 'org_apache_mesos_LoadQoSController';
const modules = (name: string, parameters: Record<string, string>): string =>
  JSON.stringify({ libraries: [{ modules: [{ name, parameters: Object.entries(parameters).map(([key, value]) => ({ key, value })) }] }] });

describe('the flags', () => {
  it.each([
    ['another', modules(estimator, { resources: 'cpus:1' }), /only org_apache_mesos_FixedResourceEstimator/],
    [estimator, undefined, /needs its parameter resources/],
    [estimator, '{', /--modules: not JSON/],
  ])('--resource_estimator=%s with %s is refused', (name, text, fault) => {
    expect(() => oversubscribedResources(name, text)).toThrow(fault);
  });

  it('of the controller are judged', () => {
    const base = { intervalMs: 0, clock: new ManualClock(), log: silentLogger, metrics: new AgentMetrics(new Registry()) };
    expect(() => new LoadController({ ...base, controller: 'another', modules: undefined })).toThrow(
      /only org_apache_mesos_LoadQoSController/,
    );
    const wrong = modules(controller, { load_threshold_5min: 'much' });
    expect(() => new LoadController({ ...base, controller, modules: wrong })).toThrow(/load_threshold_5min .* is not a number/);
  });
});

describe('an agent that is used twice', () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await Bed.make();
  });
  afterEach(() => bed.close());

  it('offers revocable resources on top, and takes them back when the load is high', async () => {
    // A threshold below zero is always passed.
    const both = JSON.parse(modules(estimator, { resources: 'cpus:3' })) as { libraries: unknown[] };
    const load = JSON.parse(modules(controller, { load_threshold_5min: '-1' })) as { libraries: unknown[] };
    await bed.open({
      resources: 'cpus:2',
      resource_estimator: estimator,
      qos_controller: controller,
      modules: JSON.stringify({ libraries: [...both.libraries, ...load.libraries] }),
    });
    const hello = await bed.master.until((message) => (message.type === 'REGISTER' ? message : undefined));
    expect(hello.resources.filter(({ name }) => name === 'cpus').map(({ scalar, revocable }) => [scalar?.value, revocable])).toEqual([
      [2, undefined],
      [3, {}],
    ]);
    bed.launch(
      framework(),
      task({ ...shell('spare', 'exec sleep 1000'), resources: [{ ...cpus(1), revocable: {} }] }),
      task({ ...shell('firm', 'sleep 2') }),
    );
    expect(await bed.final('spare')).toMatchObject({ state: 'TASK_GONE', reason: 'REASON_CONTAINER_PREEMPTED', source: 'SOURCE_AGENT' });
    expect(await bed.final('firm')).toMatchObject({ state: 'TASK_FINISHED' });
    const snapshot = (await (await fetch(`${bed.agents[0]?.url}/metrics/snapshot`)).json()) as Record<string, number>;
    expect([snapshot['slave/executors_preempted'], snapshot['slave/cpus_revocable_total'], snapshot['slave/cpus_total']]).toEqual([
      1, 3, 2,
    ]);
  });
});
