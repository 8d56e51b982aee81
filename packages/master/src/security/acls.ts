/**
 * Who may do what (mesos.md §11.2): the original's `--acls`, as its local authorizer reads them. Per action a list of entries is scanned;
 * the first whose principals and objects both match decides, and where none matches, `permissive` does.
 */
import { errors } from '../errors.ts';

/** Action → the name of what it is done to, as the entries write it. */
const objectsOf = {
  register_frameworks: 'roles',
  reserve_resources: 'roles',
  create_volumes: 'roles',
  resize_volumes: 'roles',
  get_quotas: 'roles',
  update_quotas: 'roles',
  view_roles: 'roles',
  update_weights: 'roles',
  run_tasks: 'users',
  view_frameworks: 'users',
  view_tasks: 'users',
  view_executors: 'users',
  teardown_frameworks: 'framework_principals',
  unreserve_resources: 'reserver_principals',
  destroy_volumes: 'creator_principals',
  get_endpoints: 'paths',
  access_mesos_logs: 'logs',
  view_flags: 'flags',
  set_log_level: 'level',
  register_agents: 'agents',
  drain_agents: 'agents',
  deactivate_agents: 'agents',
  reactivate_agents: 'agents',
  mark_agents_gone: 'agents',
  update_maintenance_schedules: 'machines',
  get_maintenance_schedules: 'machines',
  start_maintenances: 'machines',
  stop_maintenances: 'machines',
  get_maintenance_statuses: 'machines',
} as const;

export type Action = keyof typeof objectsOf;

/** `object` undefined: the action as such, on anything. */
export type Authorize = (action: Action, principal: string | undefined, object?: string) => boolean;

export const allowAll: Authorize = () => true;

interface Entity {
  readonly type: 'ANY' | 'NONE' | 'SOME';
  readonly values: readonly string[];
}

interface Entry {
  readonly subject: Entity;
  readonly object: Entity;
}

const fault = (reason: string): Error => errors.fail('bad_option', { flag: 'acls', reason });

function entityOf(value: unknown, where: string): Entity {
  if (value === undefined || typeof value !== 'object' || value === null) throw fault(`${where} is missing`);
  const { type = 'SOME', values = [] } = value as { type?: unknown; values?: unknown };
  if (type !== 'ANY' && type !== 'NONE' && type !== 'SOME') throw fault(`${where}.type must be ANY, NONE or SOME`);
  if (!Array.isArray(values) || !values.every((one) => typeof one === 'string')) throw fault(`${where}.values must be strings`);
  return { type, values };
}

/** Actions of the agent: read by agents from the same file. */
const ofAgents =
  /^(access_sandboxes|prune_images|modify_resource_provider_configs|mark_resource_providers_gone|view_resource_providers|(attach|launch|kill|wait|remove|view)_(nested_|standalone_)?containers?.*|(create|destroy)_(block|mount|raw)_disks)$/;

/** Throws CodedError `bad_option` with the place of what is wrong. */
export function parseAcls(text: string): Authorize {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fault(`expected JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw fault('expected a JSON object');
  const { permissive = true, ...lists } = json as Readonly<Record<string, unknown>>;
  const entries = new Map<string, Entry[]>();
  for (const [action, list] of Object.entries(lists)) {
    const objects = (objectsOf as Readonly<Record<string, string>>)[action];
    if (objects === undefined) {
      if (ofAgents.test(action)) continue;
      throw fault(`'${action}' is no action`);
    }
    if (!Array.isArray(list)) throw fault(`${action} must be a list`);
    entries.set(
      action,
      list.map((entry: unknown, i) => {
        const { principals, [objects]: object } = (entry ?? {}) as Readonly<Record<string, unknown>>;
        return {
          subject: entityOf(principals, `${action}[${i}].principals`),
          object: entityOf(object, `${action}[${i}].${objects}`),
        };
      }),
    );
  }
  return (action, principal, object) => {
    for (const { subject, object: objects } of entries.get(action) ?? []) {
      if (matches(subject, principal) && matches(objects, object)) return allows(subject, principal) && allows(objects, object);
    }
    return permissive === true;
  };
}

/** Nobody in particular (no principal, no object) is met by entries about anybody only. */
function matches(entity: Entity, value: string | undefined): boolean {
  return entity.type !== 'SOME' || (value !== undefined && entity.values.some((one) => includes(one, value)));
}

const allows = (entity: Entity, value: string | undefined): boolean =>
  entity.type === 'ANY' || (entity.type === 'SOME' && value !== undefined && entity.values.some((one) => includes(one, value)));

/** `eng/%` is every strict descendant of the role eng. */
function includes(pattern: string, value: string): boolean {
  if (pattern === value) return true;
  return pattern.endsWith('/%') && value.startsWith(pattern.slice(0, -1)) && value.length > pattern.length - 1;
}
