/** POST /api/v1/executor: parse, check in the original's order, hand over (mesos.md §3). */
import {
  answerFormat,
  decodeJson,
  decodeProtobuf,
  type ExecutorCall,
  type ExecutorEvent,
  encodeJson,
  encodeProtobuf,
  encodeRecord,
  formatOf,
  type MediaFormat,
  MessageError,
  mediaTypes,
} from '@pronoia/mesos';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Agent } from './agent.ts';
import { CustomExecutor, type ExecutorLink, updateFault } from './custom-executor.ts';
import type { TokenClaims } from './executor-token.ts';
import { refuse } from './refuse.ts';

export interface ExecutorApiDeps {
  /** Throws a 503 while the agent recovers. */
  readonly agent: Agent;
  /** Undefined: everybody is let in. Otherwise what the request's token claims, or what is wrong with it. */
  readonly authenticate: ((authorization: string | undefined) => TokenClaims | string) | undefined;
}

export function addExecutorApi(app: FastifyInstance, deps: ExecutorApiDeps): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    for (const prefix of ['', '/slave(1)', '/slave'])
      scope.post(`${prefix}/api/v1/executor`, (request, reply) => answer(request, reply, deps));
    done();
  });
}

function answer(request: FastifyRequest, reply: FastifyReply, deps: ExecutorApiDeps): FastifyReply {
  const claims = deps.authenticate?.(request.headers.authorization);
  if (typeof claims === 'string') {
    const challenge = request.headers.authorization === undefined ? '' : `, error="invalid_token", error_description="${claims}"`;
    return refuse(reply.header('www-authenticate', `Bearer realm="mesos-agent-executor"${challenge}`), 401, claims);
  }
  const { agent } = deps;
  const type = request.headers['content-type'];
  if (type === undefined) return refuse(reply, 400, "Expecting 'Content-Type' to be present");
  const format = formatOf(type);
  if (format === undefined) return refuse(reply, 415, `Expecting 'Content-Type' of ${mediaTypes.json} or ${mediaTypes.protobuf}`);
  let call: ExecutorCall;
  try {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    call = format === 'protobuf' ? decodeProtobuf('ExecutorCall', body) : decodeJson('ExecutorCall', body);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return refuse(reply, error.kind === 'no_type' ? 501 : 400, `Failed to parse body into Call: ${error.message}`);
  }
  const [frameworkId, executorId] = [call.framework_id.value, call.executor_id.value];
  if (call.type === 'UPDATE') {
    const fault = updateFault(call.update.status, executorId);
    if (fault !== undefined) return refuse(reply, 400, `Failed to validate Executor::Call: ${fault}`);
  }
  if (!agent.frameworks.has(frameworkId)) return refuse(reply, 400, 'Framework cannot be found');
  const executor = agent.findExecutor(frameworkId, executorId);
  if (executor === undefined || !(executor.driver instanceof CustomExecutor)) return refuse(reply, 400, 'Executor cannot be found');
  const { driver } = executor;
  if (claims !== undefined && (claims.fid !== frameworkId || claims.eid !== executorId || claims.cid !== executor.path.containerId)) {
    return refuse(reply, 403, 'The executor is not authorized: the claims of its token are those of another');
  }
  switch (call.type) {
    case 'SUBSCRIBE': {
      const wanted = answerFormat(request.raw.rawHeaders);
      if (wanted === undefined) return refuse(reply, 406, `Expecting 'Accept' to allow ${mediaTypes.json} or ${mediaTypes.protobuf}`);
      const link = openLink(reply, wanted, () => driver.unsubscribed(link));
      driver.subscribe(link, call.subscribe ?? {});
      return reply;
    }
    case 'HEARTBEAT':
      return reply.code(202).send();
    case 'UPDATE':
      if (!driver.isSubscribed) return refuse(reply, 403, 'Executor is not subscribed');
      driver.update(call.update.status);
      return reply.code(202).send();
    case 'MESSAGE':
      if (!driver.isSubscribed) return refuse(reply, 403, 'Executor is not subscribed');
      driver.send(call.message.data);
      return reply.code(202).send();
  }
}

/** One record per write, one write per chunk (mesos.md §1.5). */
function openLink(reply: FastifyReply, format: MediaFormat, onClosed: () => void): ExecutorLink {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': mediaTypes[format] });
  raw.flushHeaders();
  raw.on('close', onClosed);
  raw.on('error', onClosed);
  return {
    send(event: ExecutorEvent) {
      if (raw.destroyed || raw.writableEnded) return;
      raw.write(encodeRecord(format === 'json' ? encodeJson('ExecutorEvent', event) : encodeProtobuf('ExecutorEvent', event)));
    },
    close: () => void raw.end(),
  };
}
