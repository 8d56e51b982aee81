/** POST /api/v1/agent: the private protocol of our agents (mesos/src/agent-protocol.ts). */
import { AGENT_PROTOCOL_PATH, type AgentInfo, type AgentToMaster, MessageError, uuidText } from '@pronoia/mesos';
import type { Logger } from '@pronoia/server';
import type { FastifyInstance } from 'fastify';
import { readAgentMessage } from './agent-message.ts';
import type { Conductor } from './conductor.ts';
import { bodyRefusal } from './request-body.ts';
import { openStream, refuse, respondEmpty } from './respond.ts';
import { principalOf } from './security/authentication.ts';
import type { MasterState } from './state.ts';

export function addAgentApi(app: FastifyInstance, conductor: Conductor, options: { log: Logger; random: () => number }): void {
  app.post(AGENT_PROTOCOL_PATH, (request, reply) => {
    const wrong = bodyRefusal(request);
    if (wrong !== undefined) return refuse(reply, wrong.status, wrong.message);
    let message: AgentToMaster;
    try {
      message = readAgentMessage(request.body as Buffer);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return refuse(reply, error.kind === 'no_type' ? 501 : 400, error.message);
    }
    if (message.type !== 'REGISTER' && message.type !== 'REREGISTER') {
      const header = request.headers['mesos-stream-id'];
      if (typeof header !== 'string' || !conductor.hasAgentStream(header)) return refuse(reply, 400, 'Unknown stream; register again');
      conductor.dispatch({ kind: 'agent_report', streamId: header, message });
      return respondEmpty(reply, 202);
    }
    const denied = registrationFault(conductor.state, message.agent_info, principalOf(request));
    if (denied !== undefined) {
      options.log.warn({ hostname: message.agent_info.hostname, reason: denied }, 'Refused an agent');
      return refuse(reply, 403, denied);
    }
    const streamId = uuidText(options.random);
    const sink = openStream(
      reply,
      'json',
      { 'mesos-stream-id': streamId },
      {
        closed: () => conductor.agentClosed(streamId),
        overflow: (backlogBytes) => options.log.warn({ streamId, backlogBytes }, 'An agent does not read its messages; closing its stream'),
      },
      { joinsRecords: true },
    );
    conductor.attachAgent(streamId, sink);
    conductor.dispatch({ kind: 'agent_register', streamId, ip: plainAddress(request.raw.socket.remoteAddress), message });
    return reply;
  });
}

/** `::ffff:10.0.0.1` is 10.0.0.1 seen through a socket of both families. */
const plainAddress = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '') || '127.0.0.1';

/** Why it may not register here: nothing that ends its tasks, since another master may take it. */
function registrationFault(state: MasterState, { domain }: AgentInfo, principal: string | undefined): string | undefined {
  const { options } = state;
  if (!options.authorize('register_agents', principal)) return `Not authorized to register agents: '${principal ?? ''}'`;
  if (domain !== undefined && options.domain === undefined) return 'The agent has a domain (--domain), but this master has none';
  if (domain === undefined && options.requireAgentDomain) return 'The agent has no domain (--domain), which this master requires';
  return undefined;
}
