/**
 * Legacy endpoints that change something (mesos.md §6.2): the operator API's calls in older clothes. Bodies are read whatever their
 * Content-Type says: people send JSON with `curl -d`, which calls it a form.
 */
import { parse } from 'node:querystring';
import { type MasterCall, MessageError, parseJson, type Resource, readMessage } from '@pronoia/mesos';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Conductor } from './conductor.ts';
import type { OperatorWrite } from './message.ts';
import type { FormOperation } from './operations.ts';
import { refuse, respondEmpty } from './respond.ts';
import { addRoute } from './routes.ts';
import type { Authorize } from './security/acls.ts';
import { principalOf } from './security/authentication.ts';
import { operationFault, operatorFault } from './security/rights.ts';

const textOf = (request: FastifyRequest): string => (Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '');

/** Runs the handler; what is wrong with the body becomes a 400. */
function checked(handler: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> | FastifyReply) {
  return (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> | FastifyReply => {
    try {
      return handler(request, reply);
    } catch (error) {
      if (error instanceof MessageError) return refuse(reply, 400, error.message);
      throw error;
    }
  };
}

const listOf = (value: unknown, what: string): readonly unknown[] => {
  if (!Array.isArray(value)) throw new MessageError('field', what, 'expected a JSON array');
  return value;
};

export function addLegacyWrites(app: FastifyInstance, conductor: Conductor, { authorize }: { authorize: Authorize }): void {
  const denied = (request: FastifyRequest, call: MasterCall): string | undefined =>
    operatorFault(conductor.state, call, { authorize, principal: principalOf(request) });

  const ask = async (request: FastifyRequest, reply: FastifyReply, call: MasterCall): Promise<FastifyReply> => {
    const fault = denied(request, call);
    if (fault !== undefined) return refuse(reply, 403, fault);
    const { status, message } = await conductor.ask(call as OperatorWrite);
    return status === 200 ? respondEmpty(reply, 200) : refuse(reply, status, message);
  };

  const change = (path: string, field: 'resources' | 'volumes', operation: (resources: readonly Resource[]) => FormOperation): void => {
    addRoute(
      app,
      'POST',
      path,
      checked((request, reply) => {
        const form = parse(textOf(request));
        const agentId = form['slaveId'];
        const list = form[field];
        if (typeof agentId !== 'string') return refuse(reply, 400, "Missing 'slaveId' query parameter in the request body");
        if (typeof list !== 'string') return refuse(reply, 400, `Missing '${field}' query parameter in the request body`);
        const resources = listOf(parseJson(list), field).map((item) => readMessage('Resource', item));
        const wanted = operation(resources);
        const fault = operationFault(wanted, { authorize, principal: principalOf(request) });
        if (fault !== undefined) return refuse(reply, 403, fault);
        const { status, message } = conductor.convert(agentId, wanted, principalOf(request));
        return status === 202 ? respondEmpty(reply, 202) : refuse(reply, status, message);
      }),
    );
  };
  change('/reserve', 'resources', (resources) => ({ type: 'RESERVE', reserve: { resources } }));
  change('/unreserve', 'resources', (resources) => ({ type: 'UNRESERVE', unreserve: { resources } }));
  change('/create-volumes', 'volumes', (volumes) => ({ type: 'CREATE', create: { volumes } }));
  change('/destroy-volumes', 'volumes', (volumes) => ({ type: 'DESTROY', destroy: { volumes } }));

  addRoute(
    app,
    'POST',
    '/teardown',
    checked((request, reply) => {
      const id = parse(textOf(request))['frameworkId'];
      if (typeof id !== 'string') return refuse(reply, 400, "Missing 'frameworkId' query parameter in the request body");
      if (!conductor.state.frameworks.has(id)) return refuse(reply, 400, `No framework found with ID ${id}`);
      const fault = denied(request, { type: 'TEARDOWN', teardown: { framework_id: { value: id } } });
      if (fault !== undefined) return refuse(reply, 403, fault);
      conductor.dispatch({ kind: 'teardown', frameworkId: id });
      return respondEmpty(reply, 200);
    }),
  );

  addRoute(
    app,
    'POST',
    '/quota',
    checked((request, reply) =>
      ask(request, reply, { type: 'SET_QUOTA', set_quota: { quota_request: readMessage('QuotaRequest', parseJson(textOf(request))) } }),
    ),
  );
  addRoute(
    app,
    'DELETE',
    '/quota',
    checked((request, reply) => {
      const role = (request.params as { '*'?: string })['*'] ?? '';
      return ask(request, reply, { type: 'REMOVE_QUOTA', remove_quota: { role } });
    }),
  );
  addRoute(
    app,
    'PUT',
    '/weights',
    checked((request, reply) => {
      const weights = listOf(parseJson(textOf(request)), 'weights').map((item) => readMessage('WeightInfo', item));
      return ask(request, reply, { type: 'UPDATE_WEIGHTS', update_weights: { weight_infos: weights } });
    }),
  );
  addRoute(
    app,
    'POST',
    '/maintenance/schedule',
    checked((request, reply) => {
      const schedule = readMessage('MaintenanceSchedule', parseJson(textOf(request)));
      return ask(request, reply, { type: 'UPDATE_MAINTENANCE_SCHEDULE', update_maintenance_schedule: { schedule } });
    }),
  );
  const machines = (request: FastifyRequest) =>
    listOf(parseJson(textOf(request)), 'machines').map((item) => readMessage('MachineID', item));
  addRoute(
    app,
    'POST',
    '/machine/down',
    checked((request, reply) => ask(request, reply, { type: 'START_MAINTENANCE', start_maintenance: { machines: machines(request) } })),
  );
  addRoute(
    app,
    'POST',
    '/machine/up',
    checked((request, reply) => ask(request, reply, { type: 'STOP_MAINTENANCE', stop_maintenance: { machines: machines(request) } })),
  );
}
