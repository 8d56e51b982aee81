/** Reads what an agent POSTs. Everything that the core will trust is checked here, by the messages' own descriptions. */
import {
  type AgentFeature,
  type AgentToMaster,
  type ExecutorID,
  type FrameworkID,
  MessageError,
  parseJson,
  type Resource,
  readMessage,
  resourceFault,
  type TaskState,
} from '@pronoia/mesos';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

function list<T>(value: unknown, path: string, read: (item: unknown) => T): T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MessageError('field', path, 'expected an array');
  return value.map(read);
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new MessageError('field', path, 'expected a string');
  return value;
}

function readResources(value: unknown): Resource[] {
  return list(value, 'resources', (item) => {
    const resource = readMessage('Resource', item);
    const fault = resourceFault(resource);
    if (fault !== undefined) throw new MessageError('field', 'resources', fault);
    return resource;
  });
}

const knownFeatures: readonly string[] = ['CHECKPOINTED_RESOURCES', 'TASK_GROUPS'] satisfies AgentFeature[];

/** Features of a later agent that this master does not know are of no use to it. */
const readFeatures = (value: unknown): AgentFeature[] =>
  list(value, 'features', (item) => text(item, 'features')).filter((item): item is AgentFeature => knownFeatures.includes(item));

const frameworkId = (fields: Fields): FrameworkID => readMessage('FrameworkID', fields['framework_id']);
const executorId = (fields: Fields): ExecutorID => readMessage('ExecutorID', fields['executor_id']);

/** Throws MessageError. */
export function readAgentMessage(body: Buffer): AgentToMaster {
  const fields = parseJson(body.toString('utf8'));
  if (!isFields(fields)) throw new MessageError('field', '', 'expected an object');
  switch (fields['type']) {
    case 'REGISTER':
      return {
        type: 'REGISTER',
        agent_info: readMessage('AgentInfo', fields['agent_info']),
        version: text(fields['version'], 'version'),
        resources: readResources(fields['resources']),
        features: readFeatures(fields['features']),
      };
    case 'REREGISTER': {
      const held = isFields(fields['held']) ? fields['held'] : {};
      return {
        type: 'REREGISTER',
        agent_info: readMessage('AgentInfo', fields['agent_info']),
        version: text(fields['version'], 'version'),
        resources: readResources(fields['resources']),
        features: readFeatures(fields['features']),
        held: {
          frameworks: list(held['frameworks'], 'held.frameworks', (item) => readMessage('FrameworkInfo', item)),
          executors: list(held['executors'], 'held.executors', (item) => {
            if (!isFields(item)) throw new MessageError('field', 'held.executors', 'expected objects');
            return { framework_id: frameworkId(item), executor_info: readMessage('ExecutorInfo', item['executor_info']) };
          }),
          tasks: list(held['tasks'], 'held.tasks', (item) => readMessage('Task', item)),
        },
      };
    }
    case 'PONG':
      return { type: 'PONG' };
    case 'UPDATE': {
      const status = readMessage('TaskStatus', fields['status']);
      // A status is the description that names the states.
      const { state } = readMessage('TaskStatus', { task_id: status.task_id, state: fields['latest_state'] ?? status.state });
      const latest: TaskState = state;
      return { type: 'UPDATE', framework_id: frameworkId(fields), status, latest_state: latest };
    }
    case 'EXECUTOR_EXITED':
      return {
        type: 'EXECUTOR_EXITED',
        framework_id: frameworkId(fields),
        executor_id: executorId(fields),
        status: Number.isInteger(fields['status']) ? (fields['status'] as number) : -1,
      };
    case 'EXECUTOR_MESSAGE':
      return {
        type: 'EXECUTOR_MESSAGE',
        framework_id: frameworkId(fields),
        executor_id: executorId(fields),
        data: text(fields['data'], 'data'),
      };
    case 'UNREGISTER':
      return { type: 'UNREGISTER' };
    default:
      throw new MessageError('no_type', 'type', 'is missing or not known');
  }
}
