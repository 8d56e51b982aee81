/** POST /api/v1/scheduler: parse, check, then hand over to the core (mesos.md §2). */
import { answerFormat, MessageError, mediaTypes, type SchedulerCall, uuidText } from '@pronoia/mesos';
import type { Logger } from '@pronoia/server';
import type { FastifyInstance } from 'fastify';
import { callRefusal } from './call-refusal.ts';
import type { Conductor } from './conductor.ts';
import type { SubscribeCall } from './message.ts';
import { bodyRefusal, readBody } from './request-body.ts';
import { openStream, refuse, respondEmpty } from './respond.ts';
import { addRoute } from './routes.ts';
import { principalOf } from './security/authentication.ts';

export function addSchedulerApi(app: FastifyInstance, conductor: Conductor, options: { log: Logger; random: () => number }): void {
  addRoute(app, 'POST', '/api/v1/scheduler', (request, reply) => {
    const wrong = bodyRefusal(request);
    if (wrong !== undefined) return refuse(reply, wrong.status, wrong.message);
    let call: SchedulerCall;
    try {
      call = readBody(request, 'SchedulerCall');
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return refuse(reply, error.kind === 'no_type' ? 501 : 400, `Failed to parse body into scheduler::Call: ${error.message}`);
    }
    const header = request.headers['mesos-stream-id'];
    const refusal = callRefusal(conductor.state, call, Array.isArray(header) ? header[0] : header, principalOf(request));
    if (refusal !== undefined) return refuse(reply, refusal.status, refusal.message);

    if (call.type !== 'SUBSCRIBE') {
      const { framework_id: id } = call;
      if (id === undefined) throw new Error('BUG: a call without framework id passed the checks');
      conductor.dispatch({ kind: 'scheduler_call', frameworkId: id.value, call });
      return respondEmpty(reply, call.type === 'UPDATE_FRAMEWORK' ? 200 : 202);
    }
    const format = answerFormat(request.raw.rawHeaders);
    if (format === undefined) return refuse(reply, 406, `Expecting 'Accept' to allow ${mediaTypes.json} or ${mediaTypes.protobuf}`);
    const streamId = uuidText(options.random);
    const sink = openStream(
      reply,
      format,
      { 'mesos-stream-id': streamId },
      {
        closed: () => conductor.schedulerClosed(streamId),
        overflow: (backlogBytes) =>
          options.log.warn({ streamId, backlogBytes }, 'A scheduler does not read its events; closing its stream'),
      },
    );
    conductor.attachScheduler(streamId, sink);
    conductor.dispatch({ kind: 'scheduler_subscribe', streamId, call: inTheNameOf(principalOf(request), call) });
    return reply;
  });
}

/** A framework that names no principal has that of its requests. */
function inTheNameOf(principal: string | undefined, call: SubscribeCall): SubscribeCall {
  const { framework_info: info } = call.subscribe;
  return principal === undefined ? call : { ...call, subscribe: { ...call.subscribe, framework_info: { ...info, principal } } };
}
