import { describe, expect, it } from 'vitest';
import { World } from './simulation/world.ts';
import { metricsSnapshot } from './snapshot.ts';
import { Timing } from './timing.ts';

/** `a_{b,c}` is a_b and a_c. */
function expanded(pattern: string): string[] {
  const found = /^(.*?)\{([^}]*)\}(.*)$/.exec(pattern);
  if (found === null) return [pattern];
  const [, before = '', choices = '', after = ''] = found;
  return choices.split(',').flatMap((choice) => expanded(`${before}${choice}${after}`));
}

/** Names that exporters look up and complain about when they are missing (mesos.md §12.1). */
const always = [
  'master/{cpus,gpus,mem,disk}_{total,used,percent}',
  'master/{cpus,gpus,mem,disk}_revocable_{total,used,percent}',
  'master/{uptime_secs,elected,outstanding_offers,operator_event_stream_subscribers,http_cache_hits}',
  'master/event_queue_{messages,dispatches,http_requests}',
  'master/slaves_{connected,disconnected,active,inactive,unreachable}',
  'master/slave_{registrations,reregistrations,removals}',
  'master/slave_removals/reason_{unhealthy,unregistered,registered}',
  'master/slave_unreachable_{scheduled,completed,canceled}',
  'master/slave_shutdowns_{scheduled,completed,canceled}',
  'master/recovery_slave_removals',
  'master/frameworks_{connected,disconnected,active,inactive}',
  'master/tasks_{staging,starting,running,killing,unreachable}',
  'master/tasks_{finished,failed,killed,lost,error,dropped,gone,gone_by_operator}',
  'master/dropped_messages',
  'master/messages_{register_framework,reregister_framework,unregister_framework,deactivate_framework,kill_task,launch_tasks,decline_offers}',
  'master/messages_{status_update_acknowledgement,operation_status_update_acknowledgement,resource_request,revive_offers,suppress_offers}',
  'master/messages_{reconcile_tasks,reconcile_operations,framework_to_executor,executor_to_framework,register_slave,reregister_slave}',
  'master/messages_{unregister_slave,status_update,operation_status_update,exited_executor,update_slave,authenticate}',
  'master/{valid,invalid}_{framework_to_executor_messages,executor_to_framework_messages,status_updates,status_update_acknowledgements}',
  'master/{valid,invalid}_{operation_status_updates,operation_status_update_acknowledgements}',
  'master/operations/{total,pending,recovering,unreachable,finished,failed,error,dropped,gone_by_operator}',
  'master/operations/{reserve,unreserve,create,destroy,grow_volume,shrink_volume,create_disk,destroy_disk}/{total,pending,finished,failed,error,dropped}',
  'registrar/{queued_operations,registry_size_bytes,state_fetch_ms}',
  'registrar/log/{recovered,ensemble_size}',
  'registrar/state_store_ms',
  'allocator/mesos/{allocation_runs,event_queue_dispatches}',
  'allocator/event_queue_dispatches',
  'allocator/mesos/allocation_run_ms{,/count,/max,/min,/p50,/p90,/p95,/p99,/p999,/p9999}',
  'allocator/mesos/allocation_run_latency_ms{,/count,/max,/min,/p50,/p90,/p95,/p99,/p999,/p9999}',
  'allocator/mesos/resources/{cpus,gpus,mem,disk}/{total,offered_or_allocated}',
  'system/{cpus_total,load_1min,load_5min,load_15min,mem_free_bytes,mem_total_bytes}',
];

describe('/metrics/snapshot', () => {
  const world = new World({ seed: 11, agents: 4, schedulers: 2 });
  world.advance(120_000);
  const state = world.master?.state;
  if (state === undefined) throw new Error('the simulated master is down at this moment; take another seed');
  const timings = ['allocator/mesos/allocation_run_ms', 'allocator/mesos/allocation_run_latency_ms', 'registrar/state_store_ms'].map(
    (name) => {
      const timing = new Timing(name);
      timing.add(1);
      return timing;
    },
  );
  const values = metricsSnapshot(state, world.nowMs, { timings });

  it.each(always)('has %s', (pattern) => {
    expect(expanded(pattern).filter((name) => typeof values[name] !== 'number')).toEqual([]);
  });

  it('has what belongs to each framework and role', () => {
    const framework = [...state.frameworks.values()].find((one) => one.streamId !== undefined);
    const base = `master/frameworks/${encodeURIComponent(framework?.info.name ?? '')}/${framework?.id}`;
    const role = framework?.roles[0];
    const names = ['subscribed', 'calls', 'calls/subscribe', 'events', 'events/subscribed', 'offers/sent', `roles/${role}/suppressed`].map(
      (name) => `${base}/${name}`,
    );
    expect([...names, `allocator/mesos/roles/${role}/shares/dominant`].filter((name) => typeof values[name] !== 'number')).toEqual([]);
  });

  it('says of a role’s quota what is guaranteed, allowed and held', () => {
    const config = { role: 'eng', guarantees: { cpus: { value: 1 } }, limits: { cpus: { value: 2 }, mem: { value: 64 } } };
    state.quotas.set('eng', config);
    const shown = metricsSnapshot(state, world.nowMs);
    const base = 'allocator/mesos/quota/roles/eng/resources';
    expect([
      shown[`${base}/cpus/guarantee`],
      shown[`${base}/cpus/limit`],
      shown[`${base}/mem/limit`],
      shown[`${base}/mem/guarantee`],
    ]).toEqual([1, 2, 64, undefined]);
    expect(shown[`${base}/cpus/offered_or_allocated`]).toBeTypeOf('number');
  });

  it('leaves frameworks out when told to', () => {
    const quiet = { ...state, options: { ...state.options, publishPerFrameworkMetrics: false } };
    expect(Object.keys(metricsSnapshot(quiet, world.nowMs)).filter((name) => name.startsWith('master/frameworks/'))).toEqual([]);
  });
});
