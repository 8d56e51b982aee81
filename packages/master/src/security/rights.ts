/** What an operator's call needs to be allowed (mesos.md §4, 11.2): every object that it touches. */
import type { MachineID, MasterCall, Resource } from '@pronoia/mesos';
import { reservationRole, withReservationStack } from '@pronoia/mesos';
import type { FormOperation } from '../operations.ts';
import type { MasterState } from '../state.ts';
import type { Action } from './acls.ts';
import type { Viewer } from './visible.ts';

type Right = readonly [action: Action, objects: readonly (string | undefined)[]];

const reservers = (resources: readonly Resource[] = []): (string | undefined)[] =>
  resources.map((resource) => resource.reservations?.at(-1)?.principal ?? resource.reservation?.principal);
const creators = (volumes: readonly Resource[] = []): (string | undefined)[] => volumes.map((one) => one.disk?.persistence?.principal);
const roles = (resources: readonly Resource[] = []): string[] => resources.map((one) => reservationRole(withReservationStack(one)));
const machineNames = (machines: readonly MachineID[] = []): (string | undefined)[] => machines.map(({ hostname, ip }) => hostname ?? ip);

function rightsOf(state: MasterState, call: MasterCall): Right | undefined {
  switch (call.type) {
    case 'RESERVE_RESOURCES':
      return ['reserve_resources', roles(call.reserve_resources.resources)];
    case 'UNRESERVE_RESOURCES':
      return ['unreserve_resources', reservers(call.unreserve_resources.resources)];
    case 'CREATE_VOLUMES':
      return ['create_volumes', roles(call.create_volumes.volumes)];
    case 'DESTROY_VOLUMES':
      return ['destroy_volumes', creators(call.destroy_volumes.volumes)];
    case 'GROW_VOLUME':
      return ['resize_volumes', roles([call.grow_volume.volume])];
    case 'SHRINK_VOLUME':
      return ['resize_volumes', roles([call.shrink_volume.volume])];
    case 'UPDATE_WEIGHTS':
      return ['update_weights', (call.update_weights.weight_infos ?? []).map(({ role }) => role)];
    case 'UPDATE_QUOTA':
      return ['update_quotas', (call.update_quota.quota_configs ?? []).map(({ role }) => role)];
    case 'SET_QUOTA':
      return ['update_quotas', [call.set_quota.quota_request.role]];
    case 'REMOVE_QUOTA':
      return ['update_quotas', [call.remove_quota.role]];
    case 'TEARDOWN':
      return ['teardown_frameworks', [state.frameworks.get(call.teardown.framework_id.value)?.info.principal]];
    case 'UPDATE_MAINTENANCE_SCHEDULE': {
      const { windows = [] } = call.update_maintenance_schedule.schedule;
      return ['update_maintenance_schedules', windows.flatMap((window) => machineNames(window.machine_ids))];
    }
    case 'START_MAINTENANCE':
      return ['start_maintenances', machineNames(call.start_maintenance.machines)];
    case 'STOP_MAINTENANCE':
      return ['stop_maintenances', machineNames(call.stop_maintenance.machines)];
    case 'DRAIN_AGENT':
      return ['drain_agents', [undefined]];
    case 'DEACTIVATE_AGENT':
      return ['deactivate_agents', [undefined]];
    case 'REACTIVATE_AGENT':
      return ['reactivate_agents', [undefined]];
    case 'MARK_AGENT_GONE':
      return ['mark_agents_gone', [undefined]];
    case 'SET_LOGGING_LEVEL':
      return ['set_log_level', [undefined]];
    case 'GET_FLAGS':
      return ['view_flags', [undefined]];
    case 'LIST_FILES':
    case 'READ_FILE':
      return ['access_mesos_logs', [undefined]];
    case 'SUBSCRIBE':
    case 'GET_AGENTS':
    case 'GET_EXECUTORS':
    case 'GET_FRAMEWORKS':
    case 'GET_HEALTH':
    case 'GET_LOGGING_LEVEL':
    case 'GET_MAINTENANCE_SCHEDULE':
    case 'GET_MAINTENANCE_STATUS':
    case 'GET_MASTER':
    case 'GET_METRICS':
    case 'GET_OPERATIONS':
    case 'GET_QUOTA':
    case 'GET_ROLES':
    case 'GET_STATE':
    case 'GET_TASKS':
    case 'GET_VERSION':
    case 'GET_WEIGHTS':
      // What only shows the state is filtered, not refused.
      return undefined;
  }
}

/** Why the call is refused (403), or undefined. */
export function operatorFault(state: MasterState, call: MasterCall, viewer: Viewer): string | undefined {
  return denial(rightsOf(state, call), viewer);
}

/** The same for what a framework does with its offers. */
export function operationFault(operation: FormOperation, viewer: Viewer): string | undefined {
  switch (operation.type) {
    case 'RESERVE':
      return denial(['reserve_resources', roles(operation.reserve.resources)], viewer);
    case 'UNRESERVE':
      return denial(['unreserve_resources', reservers(operation.unreserve.resources)], viewer);
    case 'CREATE':
      return denial(['create_volumes', roles(operation.create.volumes)], viewer);
    case 'DESTROY':
      return denial(['destroy_volumes', creators(operation.destroy.volumes)], viewer);
    case 'GROW_VOLUME':
      return denial(['resize_volumes', roles([operation.grow_volume.volume])], viewer);
    case 'SHRINK_VOLUME':
      return denial(['resize_volumes', roles([operation.shrink_volume.volume])], viewer);
  }
}

function denial(right: Right | undefined, { authorize, principal }: Viewer): string | undefined {
  if (right === undefined) return undefined;
  const [action, objects] = right;
  const denied = objects.findIndex((object) => !authorize(action, principal, object));
  if (denied < 0) return undefined;
  const object = objects[denied];
  const who = principal === undefined ? 'nobody in particular' : `'${principal}'`;
  return `Not authorized: ${who} may not ${action.replaceAll('_', ' ')}${object === undefined ? '' : ` of '${object}'`}`;
}
