/**
 * What schedulers are told of operations that carry an id (mesos.md §2.6). An operation that was done is told with a uuid and again, after
 * 10 s and doubling to 10 min, until it is acknowledged; a refusal is told once. Without an answer a scheduler would not know after a broken
 * connection whether its volume exists.
 */
import { type OfferOperation, type OperationStatus, uuidBase64 } from '@pronoia/mesos';
import type { Step } from './message.ts';
import type { FrameworkEntry, MasterState } from './state.ts';

const firstRetryMs = 10_000;
const longestRetryMs = 600_000;
const historyLimit = 1000;

export function tellOperation(
  framework: FrameworkEntry,
  operation: OfferOperation,
  status: Omit<OperationStatus, 'operation_id' | 'uuid'>,
  step: Step,
): void {
  if (operation.id === undefined) return;
  const id = operation.id.value;
  const known: OperationStatus = { operation_id: operation.id, ...status };
  // For reconciliation, which answers without a uuid.
  framework.operations.set(id, known);
  if (framework.operations.size > historyLimit) {
    const oldest = framework.operations.keys().next().value;
    if (oldest !== undefined) framework.operations.delete(oldest);
  }
  if (status.state !== 'OPERATION_FINISHED') return send(framework, known, step);
  const uuid = uuidBase64(step.random);
  const told: OperationStatus = { ...known, uuid: { value: uuid } };
  framework.pendingOperations.set(id, {
    operation: {
      framework_id: { value: framework.id },
      ...(status.agent_id === undefined ? {} : { agent_id: status.agent_id }),
      info: operation,
      latest_status: told,
      statuses: [told],
      uuid: { value: uuid },
    },
    uuid,
    retryMs: firstRetryMs,
  });
  send(framework, told, step);
  retryLater(framework, id, uuid, firstRetryMs, step);
}

function retryLater(framework: FrameworkEntry, operationId: string, uuid: string, afterMs: number, step: Step): void {
  step.out.push({ kind: 'timer', afterMs, message: { kind: 'operation_retry', frameworkId: framework.id, operationId, uuid } });
}

export function retryOperation(state: MasterState, frameworkId: string, operationId: string, uuid: string, step: Step): void {
  const framework = state.frameworks.get(frameworkId);
  const pending = framework?.pendingOperations.get(operationId);
  if (framework === undefined || pending === undefined || pending.uuid !== uuid) return;
  send(framework, pending.operation.latest_status, step);
  pending.retryMs = Math.min(longestRetryMs, pending.retryMs * 2);
  retryLater(framework, operationId, uuid, pending.retryMs, step);
}

export function acknowledgeOperation(
  state: MasterState,
  framework: FrameworkEntry,
  { operation_id: { value: id }, uuid }: { readonly operation_id: { readonly value: string }; readonly uuid: string },
): void {
  const pending = framework.pendingOperations.get(id);
  const isRight = pending !== undefined && Buffer.from(pending.uuid, 'base64').equals(Buffer.from(uuid, 'base64'));
  state.counters.add(`master/${isRight ? 'valid' : 'invalid'}_operation_status_update_acknowledgements`);
  if (isRight) framework.pendingOperations.delete(id);
}

function send(framework: FrameworkEntry, status: OperationStatus, step: Step): void {
  if (framework.streamId === undefined) return;
  framework.counters.add('events/update_operation_status');
  step.out.push({
    kind: 'to_scheduler',
    streamId: framework.streamId,
    event: { type: 'UPDATE_OPERATION_STATUS', update_operation_status: { status } },
  });
}
