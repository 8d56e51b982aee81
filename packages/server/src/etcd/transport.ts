/**
 * One POST of JSON to one etcd member: unary, or a stream of JSON values, one a line (etcd's gRPC gateway, /v3/*). What the failure
 * says about the request decides whether it may be tried elsewhere, so that is part of the error.
 */
import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** TLS of the connection to etcd, PEM. */
export interface EtcdTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** `sent`: false when the member certainly never saw the request. `rejected`: it answered, and did nothing. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly sent: boolean;
  readonly rejected: boolean;
  /** HTTP status of the refusal; 0 without an answer. */
  readonly status: number;

  constructor(message: string, verdict: { sent: boolean; rejected: boolean; status?: number }) {
    super(message);
    this.sent = verdict.sent;
    this.rejected = verdict.rejected;
    this.status = verdict.status ?? 0;
  }
}

export interface Post {
  readonly endpoint: string;
  readonly path: string;
  readonly body: object;
  readonly agent: Agent;
  readonly tls: EtcdTls;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
}

// Errors before the request left: nobody listens, or nobody can be found.
const notSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

/** etcd says these before it proposes anything to its peers (etcd server/etcdserver/errors.go, api/v3rpc/rpctypes). */
const saidBeforeProposing = /no leader|not capable|too many requests|server stopped|server is not ready/;

function open(post: Post): { call: ClientRequest; response: Promise<IncomingMessage> } {
  const payload = Buffer.from(JSON.stringify(post.body));
  const send = post.endpoint.startsWith('https:') ? requestHttps : requestHttp;
  const call = send(`${post.endpoint}${post.path}`, {
    method: 'POST',
    agent: post.agent,
    ...post.tls,
    signal: post.signal,
    headers: {
      'content-type': 'application/json',
      'content-length': payload.length,
      ...(post.token === undefined ? {} : { authorization: post.token }),
    },
  });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve);
    call.on('error', (error: NodeJS.ErrnoException) => {
      const reason = post.signal.aborted ? reasonOf(post.signal) : error.message || (error.code ?? error.name);
      reject(new TransportError(reason, { sent: !notSent.has(error.code ?? ''), rejected: false }));
    });
  });
  call.end(payload);
  return { call, response };
}

function reasonOf(signal: AbortSignal): string {
  return signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function refusal(status: number, text: string): TransportError {
  let message = text.slice(0, 300);
  let code = 0;
  try {
    const said = JSON.parse(text) as { message?: string; error?: string | { message?: string }; code?: number };
    message = said.message ?? (typeof said.error === 'string' ? said.error : said.error?.message) ?? message;
    code = said.code ?? 0;
  } catch {
    // Not JSON: a proxy's page, say. Its beginning is reason enough.
  }
  // gRPC 4 (deadline), 14 (unavailable) and 13 (internal) leave a write open unless the text tells otherwise.
  const open = (code === 4 || code === 13 || code === 14 || status >= 500) && !saidBeforeProposing.test(message);
  return new TransportError(message || `status ${status}`, { sent: true, rejected: !open, status });
}

/** The answer's JSON value. Rejects with a `TransportError`. */
export async function postUnary(post: Post): Promise<unknown> {
  const { response } = open(post);
  const answer = await response;
  let text: string;
  try {
    text = await textOf(answer);
  } catch (error) {
    throw new TransportError(post.signal.aborted ? reasonOf(post.signal) : (error as Error).message, { sent: true, rejected: false });
  }
  if (answer.statusCode !== 200) throw refusal(answer.statusCode ?? 0, text);
  try {
    return JSON.parse(text);
  } catch {
    throw new TransportError(`an answer that is no JSON: ${text.slice(0, 100)}`, { sent: true, rejected: false });
  }
}

/** The stream's values as they come. Ends when the member ends the stream; throws a `TransportError` when the connection breaks. */
export async function* postStream(post: Post): AsyncGenerator<unknown, void, void> {
  const { call, response } = open(post);
  try {
    const answer = await response;
    if (answer.statusCode !== 200) throw refusal(answer.statusCode ?? 0, await textOf(answer));
    let rest = '';
    answer.setEncoding('utf8');
    for await (const chunk of answer) {
      rest += chunk as string;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 1);
        if (line.trim() !== '') yield JSON.parse(line);
      }
    }
  } catch (error) {
    if (error instanceof TransportError) throw error;
    throw new TransportError(post.signal.aborted ? reasonOf(post.signal) : (error as Error).message, { sent: true, rejected: false });
  } finally {
    call.destroy();
  }
}
