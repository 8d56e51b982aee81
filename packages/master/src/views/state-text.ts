/**
 * The whole state as text, piece by piece, for answers that are made in slices (slices.ts). An agent, a framework or a task is shown as it
 * is when its piece is made; which tasks a framework has is fixed in one moment, so that none is missing or shown twice.
 */

import { encodeJson, encodeProtobuf, type MasterResponseGetState, type MediaFormat, type Task } from '@pronoia/mesos';
import type { Pieces } from '../slices.ts';
import type { FrameworkEntry, MasterState, TaskEntry } from '../state.ts';
import { agentView, frameworkFrame, stateFrame, taskText } from './legacy-views.ts';
import * as operator from './operator-views.ts';

type Json = Readonly<Record<string, unknown>>;

/** `{"a":1` … the object goes on. */
const opened = (object: Json): string => JSON.stringify(object).slice(0, -1);

function* list<T>(name: string, items: Iterable<T>, show: (item: T) => string | Pieces): Generator<string | Uint8Array> {
  let separator = `"${name}":[`;
  for (const item of items) {
    const shown = show(item);
    if (typeof shown === 'string') yield separator + shown;
    else {
      yield separator;
      yield* shown;
    }
    separator = ',';
  }
  yield separator === ',' ? ']' : `${separator}]`;
}

export function* stateText(state: MasterState, build: Json, flags: Json): Generator<string | Uint8Array> {
  yield `${opened(stateFrame(state, build, flags))},`;
  yield* list('slaves', [...state.agents.values()], (agent) => JSON.stringify(agentView(state, agent)));
  yield ',';
  yield* list('frameworks', [...state.frameworks.values()], (framework) => frameworkText(state, framework));
  yield ',';
  yield* list('completed_frameworks', [...state.completedFrameworks.values()], (framework) => frameworkText(state, framework));
  yield '}';
}

function* frameworkText(state: MasterState, framework: FrameworkEntry): Generator<string | Uint8Array> {
  const show = (entry: TaskEntry): string => taskText(entry.task);
  const [tasks, unreachable, completed] = [
    [...framework.tasks.values()],
    [...framework.unreachableTasks.values()],
    [...framework.completedTasks],
  ];
  yield `${opened(frameworkFrame(state, framework))},`;
  yield* list('tasks', tasks, show);
  yield ',';
  yield* list('unreachable_tasks', unreachable, show);
  yield ',';
  yield* list('completed_tasks', completed, show);
  yield '}';
}

/** So many messages to a piece: a piece costs about a millisecond at most. */
const batchSize = 50;

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += batchSize) yield items.slice(at, at + batchSize);
}

/** The answer to GET_STATE or GET_TASKS. */
export function responsePieces(state: MasterState, type: 'GET_STATE' | 'GET_TASKS', format: MediaFormat): Pieces {
  return format === 'json' ? responseText(state, type) : responseBytes(state, type);
}

function* responseText(state: MasterState, type: 'GET_STATE' | 'GET_TASKS'): Generator<string | Uint8Array> {
  const task = (one: Task): string => encodeJson('Task', one);
  if (type === 'GET_TASKS') {
    yield '{"type":"GET_TASKS","get_tasks":';
    yield* tasksText(state, task);
    yield '}';
    return;
  }
  yield '{"type":"GET_STATE","get_state":{"get_tasks":';
  yield* tasksText(state, task);
  yield `,"get_executors":${encodeJson('MasterResponseGetExecutors', operator.getExecutors(state))},"get_frameworks":{`;
  const framework = (one: FrameworkEntry): string => encodeJson('MasterResponseGetFrameworksFramework', operator.frameworkView(state, one));
  yield* list('frameworks', [...state.frameworks.values()], framework);
  yield ',';
  yield* list('completed_frameworks', [...state.completedFrameworks.values()], framework);
  yield ',"recovered_frameworks":[]},"get_agents":{';
  yield* list('agents', [...state.agents.values()], (agent) =>
    encodeJson('MasterResponseGetAgentsAgent', operator.agentView(state, agent)),
  );
  yield ',';
  yield* list('recovered_agents', [...state.recoveredAgents.values()], (info) => encodeJson('AgentInfo', info));
  yield '}}}';
}

function* tasksText(state: MasterState, show: (task: Task) => string): Generator<string | Uint8Array> {
  const { tasks = [], unreachable_tasks: unreachable = [], completed_tasks: completed = [] } = operator.getTasks(state);
  yield '{"pending_tasks":[],';
  yield* list('tasks', tasks, show);
  yield ',';
  yield* list('unreachable_tasks', unreachable, show);
  yield ',';
  yield* list('completed_tasks', completed, show);
  yield ',"orphan_tasks":[]}';
}

/** Parsers merge what an embedded message brings in several parts (protobuf encoding, "Last One Wins"), so each batch is a whole answer. */
function* responseBytes(state: MasterState, type: 'GET_STATE' | 'GET_TASKS'): Generator<Uint8Array> {
  const part = (get_state: MasterResponseGetState): Buffer =>
    type === 'GET_STATE'
      ? encodeProtobuf('MasterResponse', { type, get_state })
      : encodeProtobuf('MasterResponse', { type, get_tasks: get_state.get_tasks ?? {} });
  const { tasks = [], unreachable_tasks = [], completed_tasks = [] } = operator.getTasks(state);
  yield part({ get_tasks: {} });
  for (const batch of batches(tasks)) yield part({ get_tasks: { tasks: batch } });
  for (const batch of batches(unreachable_tasks)) yield part({ get_tasks: { unreachable_tasks: batch } });
  for (const batch of batches(completed_tasks)) yield part({ get_tasks: { completed_tasks: batch } });
  if (type === 'GET_TASKS') return;
  yield part({ get_executors: operator.getExecutors(state) });
  yield part({ get_frameworks: {}, get_agents: { recovered_agents: [...state.recoveredAgents.values()] } });
  for (const framework of Array.from(state.frameworks.values()))
    yield part({ get_frameworks: { frameworks: [operator.frameworkView(state, framework)] } });
  for (const framework of Array.from(state.completedFrameworks.values()))
    yield part({ get_frameworks: { completed_frameworks: [operator.frameworkView(state, framework)] } });
  for (const batch of batches([...state.agents.values()]))
    yield part({ get_agents: { agents: batch.map((agent) => operator.agentView(state, agent)) } });
}
