import { decodeJson, decodeProtobuf, type Task } from '@pronoia/mesos';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { World } from '../simulation/world.ts';
import { taskText, taskView } from './legacy-views.ts';
import { getState, getTasks } from './operator-views.ts';
import { responsePieces, stateText } from './state-text.ts';

const word = fc.oneof(fc.string(), fc.constantFrom('plain-1.2:3', '"', '\\', '\n', 'é', '\u2028', ''));
const optional = <T>(name: string, value: fc.Arbitrary<T>) =>
  fc.oneof(
    fc.constant({}),
    value.map((one) => ({ [name]: one })),
  );

it('a task’s text is its view as JSON', () => {
  const status = fc
    .tuple(
      fc.record({ state: fc.constantFrom('TASK_RUNNING', 'TASK_FAILED'), timestamp: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
      optional('healthy', fc.boolean()),
      optional('labels', fc.record({ labels: fc.array(fc.record({ key: word, value: word }), { maxLength: 2 }) })),
    )
    .map(([one, healthy, labels]) => ({ ...one, ...healthy, ...labels }));
  const task = fc
    .tuple(
      fc.record({ id: word, name: word, framework: word, agent: word, statuses: fc.array(status, { maxLength: 3 }), cpus: fc.nat(4) }),
      optional('executor_id', fc.record({ value: word })),
      optional('user', word),
      optional('labels', fc.record({ labels: fc.array(fc.record({ key: word }), { maxLength: 2 }) })),
      optional('limits', fc.constant({ cpus: { value: 2 }, mem: { value: Number.POSITIVE_INFINITY } })),
      optional('discovery', fc.record({ visibility: fc.constant('CLUSTER'), name: word })),
    )
    .map(([{ id, name, framework, agent, statuses, cpus }, ...rest]) => ({
      name,
      task_id: { value: id },
      framework_id: { value: framework },
      agent_id: { value: agent },
      state: 'TASK_RUNNING',
      statuses,
      resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: cpus }, allocation_info: { role: 'eng' } }],
      ...Object.assign({}, ...rest),
    }));
  fc.assert(
    fc.property(task, (one) => {
      expect(JSON.parse(taskText(one as Task))).toEqual(JSON.parse(JSON.stringify(taskView(one as Task))));
    }),
  );
});

describe('a cluster in motion', () => {
  const world = new World({ seed: 11, agents: 6, schedulers: 3 });
  world.advance(120_000);
  const state = world.master?.state;
  if (state === undefined) throw new Error('the simulated master is down at this moment; take another seed');
  const whole = (pieces: Iterable<string | Uint8Array>): Buffer =>
    Buffer.concat([...pieces].map((piece) => Buffer.from(piece as Uint8Array)));

  it('has tasks of all kinds to show', () => {
    const { tasks, completed_tasks: completed } = getTasks(state);
    expect([tasks?.length, completed?.length].every((count) => count !== undefined && count > 0)).toBe(true);
  });

  it.each(['GET_STATE', 'GET_TASKS'] as const)('%s in pieces is the whole message, in JSON and protobuf', (type) => {
    const expected = type === 'GET_STATE' ? { type, get_state: getState(state) } : { type, get_tasks: getTasks(state) };
    const json = decodeJson('MasterResponse', whole(responsePieces(state, type, 'json')));
    const bytes = decodeProtobuf('MasterResponse', whole(responsePieces(state, type, 'protobuf')));
    const bare = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (_, one: unknown) => (Array.isArray(one) && one.length === 0 ? undefined : one)));
    const full = bare(expected);
    expect(bare(json)).toMatchObject(full as object);
    expect(bare(bytes)).toMatchObject(full as object);
  });

  it('/state in pieces is JSON with every agent, framework and task', () => {
    const shown = JSON.parse(whole(stateText(state, {}, {})).toString()) as {
      slaves: { id: string }[];
      frameworks: { id: string; tasks: { id: string }[]; completed_tasks: { id: string }[] }[];
    };
    expect(shown.slaves.map((one) => one.id)).toEqual([...state.agents.keys()]);
    expect(shown.frameworks.map((one) => [one.id, one.tasks.map((task) => task.id), one.completed_tasks.map((task) => task.id)])).toEqual(
      [...state.frameworks.values()].map((one) => [one.id, [...one.tasks.keys()], one.completedTasks.map((task) => task.id)]),
    );
  });
});
