/**
 * The order in which the scheduler API checks a request (mesos.md §1.3, 2.3). An answer here is an HTTP status with a short text; what
 * passes is queued and answered 202, and whatever goes wrong later is told by events.
 */
import type { SchedulerCall } from '@pronoia/mesos';
import { updateFault } from './calls.ts';
import { roleFault } from './frameworks.ts';
import type { Refusal } from './refusal.ts';
import { isConnected, type MasterState } from './state.ts';

const refuse = (status: number, message: string): Refusal => ({ status, message });

/** `principal`: of the request, where schedulers are authenticated. */
export function callRefusal(
  state: MasterState,
  call: SchedulerCall,
  streamId: string | undefined,
  principal?: string,
): Refusal | undefined {
  const fault = callFault(call);
  if (fault !== undefined) return refuse(400, `Failed to validate scheduler::Call: ${fault}`);
  if (call.type === 'SUBSCRIBE') {
    const claimed = call.subscribe.framework_info.principal;
    if (principal !== undefined && claimed !== undefined && claimed !== principal)
      return refuse(400, `Authenticated principal '${principal}' does not match principal '${claimed}' set in 'FrameworkInfo'`);
    return streamId === undefined ? undefined : refuse(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  }
  const framework = call.framework_id === undefined ? undefined : state.frameworks.get(call.framework_id.value);
  if (framework === undefined) return refuse(400, 'Framework cannot be found');
  if (principal !== undefined && framework.info.principal !== undefined && principal !== framework.info.principal)
    return refuse(400, `Authenticated principal '${principal}' does not match principal '${framework.info.principal}' of the framework`);
  if (!isConnected(framework)) return refuse(403, 'Framework is not subscribed');
  if (streamId === undefined) return refuse(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  if (streamId !== framework.streamId) {
    return refuse(
      400,
      `The stream ID '${streamId}' included in this request didn't match the stream ID currently associated with framework ID ${framework.id}`,
    );
  }
  if (call.type === 'UPDATE_FRAMEWORK') {
    const wrong = updateFault(state, framework, call);
    if (wrong !== undefined) return refuse(400, wrong);
    const denied = roleFault(state, call.update_framework.framework_info);
    if (denied !== undefined) return refuse(403, denied);
  }
  return undefined;
}

function callFault(call: SchedulerCall): string | undefined {
  if (call.type === 'SUBSCRIBE') {
    const { id } = call.subscribe.framework_info;
    if ((id?.value ?? '') !== (call.framework_id?.value ?? '')) return "'framework_id' differs from 'subscribe.framework_info.id'";
    return undefined;
  }
  if (call.framework_id === undefined) return "Expecting 'framework_id' to be present";
  if (call.type === 'ACKNOWLEDGE') return uuidFault(call.acknowledge.uuid);
  if (call.type === 'ACKNOWLEDGE_OPERATION_STATUS') {
    const { uuid, agent_id } = call.acknowledge_operation_status;
    return uuidFault(uuid) ?? (agent_id === undefined ? "Expecting 'agent_id' to be present" : undefined);
  }
  if (call.type === 'UPDATE_FRAMEWORK' && call.update_framework.framework_info.id?.value !== call.framework_id.value) {
    return "'framework_id' differs from 'update_framework.framework_info.id'";
  }
  return undefined;
}

function uuidFault(uuid: string): string | undefined {
  const { length } = Buffer.from(uuid, 'base64');
  return length === 16 ? undefined : `'uuid' must be 16 bytes, found ${length}`;
}
