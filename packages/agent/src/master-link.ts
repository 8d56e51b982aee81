/**
 * The agent's end of the private master protocol (mesos/src/agent-protocol.ts): dial, register, read the stream, answer pings,
 * send messages in order, and begin again after a pause when the link breaks. What the messages mean is the agent's business.
 */
import { AGENT_PROTOCOL_PATH, type AgentToMaster, type MasterToAgent, parseJson, RecordDecoder } from '@pronoia/mesos';
import { type Clock, type Logger, sleep, type Timer } from '@pronoia/server';
import { type Dispatcher, Agent as HttpPool, request } from 'undici';
import { stringify } from './checkpoint.ts';
import { MasterDetector } from './master-detector.ts';
import { ownTurn } from './turns.ts';

export interface MasterLinkOptions {
  /** `host:port` or a URL, or several after commas; or `etcd://host:port,…/path`, where masters elect their leader. */
  readonly master: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** First wait is random in [0, this]; later ones in [0, twice the last], at most one minute. */
  readonly backoffMs: number;
  /** The value of an `Authorization` header, for masters that ask. */
  readonly authorization?: string;
  /** What to register with, asked at each attempt. */
  readonly hello: () => AgentToMaster;
  readonly onMessage: (message: MasterToAgent) => void;
  readonly onBroken: () => void;
}

const BACKOFF_LIMIT_MS = 60_000;
/** Among several masters another may lead soon. */
const BACKOFF_LIMIT_OF_SEVERAL_MS = 4_000;
/** Used until the master has named its own patience. */
const FIRST_PING_TIMEOUT_MS = 75_000;

interface Session {
  readonly streamId: string;
  readonly url: string;
  readonly queue: AgentToMaster[];
  isSending: boolean;
  readonly stop: AbortController;
}

export class MasterLink {
  readonly #options: MasterLinkOptions;
  readonly #stop = new AbortController();
  readonly #pool = new HttpPool({ keepAliveTimeout: 60_000, headersTimeout: 30_000, bodyTimeout: 0 });
  #session: Session | undefined;
  #running: Promise<void> | undefined;
  #pingTimer: Timer | undefined;
  #pingTimeoutMs = FIRST_PING_TIMEOUT_MS;
  /** Where the last redirect pointed; forgotten when that address fails. */
  #leader: string | undefined;
  #registered = false;
  readonly #detector: MasterDetector;
  /** Ends the pause before the next attempt. */
  #wake = new AbortController();

  /** Throws when `master` names none. */
  constructor(options: MasterLinkOptions) {
    this.#options = options;
    this.#detector = new MasterDetector({
      masters: options.master,
      clock: options.clock,
      log: options.log,
      onLeader: (url) => {
        this.#leader = undefined;
        if (this.#session !== undefined && this.#session.url !== url) this.#session.stop.abort(new Error('another master leads'));
        this.#wake.abort();
      },
    });
  }

  /** The master that the agent is registered with, as a URL. */
  get masterUrl(): string | undefined {
    return this.#registered ? this.#session?.url : undefined;
  }

  start(): void {
    this.#detector.start();
    this.#running = this.#run();
  }

  /** Messages go out one after the other; what cannot be sent breaks the link, and the agent tells everything again after it. */
  send(message: AgentToMaster): void {
    const session = this.#session;
    if (session === undefined) return;
    session.queue.push(message);
    if (!session.isSending) {
      session.isSending = true;
      void this.#drain(session);
    }
  }

  async stop(farewell?: AgentToMaster): Promise<void> {
    const session = this.#session;
    if (farewell !== undefined && session !== undefined) await this.#post(session.url, farewell, session.streamId).catch(() => undefined);
    this.#stop.abort(new Error('the agent stops'));
    session?.stop.abort();
    await this.#detector.stop();
    await this.#running;
    await this.#pool.destroy();
  }

  async #run(): Promise<void> {
    const { log, random } = this.#options;
    let backoffMs = this.#options.backoffMs;
    const limitMs = this.#detector.isOfSeveral ? BACKOFF_LIMIT_OF_SEVERAL_MS : BACKOFF_LIMIT_MS;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#pause(random() * backoffMs);
        await this.#serveSession(() => {
          backoffMs = this.#options.backoffMs;
        });
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        this.#leader = undefined;
        this.#detector.failed();
        log.warn({ master: this.#options.master, reason: reasonOf(error) }, 'No link to the master');
      }
      this.#breakSession();
      backoffMs = Math.min(limitMs, backoffMs * 2);
    }
    this.#breakSession();
  }

  /** Cut short by news of a leader; then spread over the first pause, because every agent has heard them. */
  async #pause(ms: number): Promise<void> {
    const { clock, random, backoffMs } = this.#options;
    try {
      await sleep(clock, ms, AbortSignal.any([this.#stop.signal, this.#wake.signal]));
    } catch (error) {
      if (this.#stop.signal.aborted) throw error;
      this.#wake = new AbortController();
      await sleep(clock, random() * Math.min(ms, backoffMs), this.#stop.signal);
    }
  }

  #breakSession(): void {
    this.#pingTimer?.cancel();
    this.#registered = false;
    if (this.#session === undefined) return;
    this.#session.stop.abort();
    this.#session = undefined;
    this.#options.onBroken();
  }

  async #serveSession(onRegistered: () => void): Promise<void> {
    const stop = new AbortController();
    this.#stop.signal.addEventListener('abort', () => stop.abort(), { once: true, signal: stop.signal });
    const url = this.#leader ?? this.#detector.url;
    if (url === undefined) throw new Error('no master leads');
    const response = await this.#post(url, this.#options.hello(), undefined, stop.signal);
    if (response.statusCode === 307) {
      await response.body.dump();
      this.#follow(url, response.headers['location']);
      return;
    }
    const streamId = response.headers['mesos-stream-id'];
    if (response.statusCode !== 200 || typeof streamId !== 'string') {
      throw new Error(`the master at ${url} answered ${response.statusCode}: ${(await response.body.text()).slice(0, 300)}`);
    }
    const session: Session = { streamId, url, queue: [], isSending: false, stop };
    this.#session = session;
    this.#awaitPing();
    const decoder = new RecordDecoder();
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      for (const record of decoder.decode(chunk)) {
        const message = parseJson(record.toString('utf8')) as MasterToAgent;
        if (message.type === 'REGISTERED' || message.type === 'REREGISTERED') {
          this.#pingTimeoutMs = message.ping_timeout_seconds > 0 ? message.ping_timeout_seconds * 1_000 : FIRST_PING_TIMEOUT_MS;
          this.#registered = true;
          onRegistered();
        }
        this.#awaitPing();
        if (message.type === 'PING') this.send({ type: 'PONG' });
        else {
          // A launch writes files: of many in one chunk each has its turn.
          if (message.type === 'RUN_TASK') await ownTurn();
          if (this.#session !== session) break;
          this.#options.onMessage(message);
        }
      }
    }
    throw new Error('the master closed the stream');
  }

  #follow(url: string, location: string | string[] | undefined): void {
    if (typeof location !== 'string') throw new Error(`the master at ${url} redirects to nowhere`);
    this.#leader = new URL(location, url).origin;
    this.#options.log.info({ leader: this.#leader }, 'The master named the leader');
  }

  #awaitPing(): void {
    this.#pingTimer?.cancel();
    const session = this.#session;
    this.#pingTimer = this.#options.clock.setTimer(this.#pingTimeoutMs, () => {
      this.#options.log.warn({ timeout_ms: this.#pingTimeoutMs }, 'The master has been silent for too long');
      session?.stop.abort(new Error('no ping from the master'));
    });
  }

  async #drain(session: Session): Promise<void> {
    try {
      for (let message = session.queue[0]; message !== undefined && session === this.#session; message = session.queue[0]) {
        const response = await this.#post(session.url, message, session.streamId, session.stop.signal);
        const text = await response.body.text();
        if (response.statusCode !== 202)
          throw new Error(`the master answered ${message.type} with ${response.statusCode}: ${text.slice(0, 300)}`);
        session.queue.shift();
      }
    } catch (error) {
      if (!session.stop.signal.aborted) {
        this.#options.log.warn({ reason: reasonOf(error) }, 'A message to the master failed');
        session.stop.abort(error);
      }
    } finally {
      session.isSending = false;
    }
  }

  #post(url: string, message: AgentToMaster, streamId?: string, signal?: AbortSignal): Promise<Dispatcher.ResponseData> {
    return request(`${url}${AGENT_PROTOCOL_PATH}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(this.#options.authorization === undefined ? {} : { authorization: this.#options.authorization }),
        ...(streamId === undefined ? {} : { 'mesos-stream-id': streamId }),
      },
      body: stringify(message),
      dispatcher: this.#pool,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

function reasonOf(error: unknown): string {
  const { message, code, cause } = error as NodeJS.ErrnoException & { cause?: unknown };
  const inner = cause instanceof Error ? `: ${cause.message}` : '';
  return `${message === '' ? String(code) : message}${inner}`;
}
