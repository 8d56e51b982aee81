/**
 * Whether this master leads. Alone it always does; with `--etcd` the elected one does, and the others send clients to it
 * (mesos.md §1.4, 10). A leader that is in doubt stops at once; it stands again with a new id, as a new master.
 */
import { type MasterInfo, parseJson, readMessage } from '@pronoia/mesos';
import { type Clock, Election, EtcdClient, type Leader, type Logger, parseEtcdUrl, sleep, type Term } from '@pronoia/server';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AgentRegistry } from './conductor.ts';
import type { RegistryContent } from './registry-content.ts';
import { RegistryEtcd, readRegistry } from './registry-etcd.ts';
import { refuse } from './respond.ts';
import type { RegistrarFacts } from './snapshot.ts';

export type Standing =
  | { readonly kind: 'leading' }
  /** Elected, still reading the registry. */
  | { readonly kind: 'recovering' }
  | { readonly kind: 'following'; readonly leader: MasterInfo }
  | { readonly kind: 'leaderless' };

export interface LeadershipOptions {
  /** `--etcd` */
  readonly etcd: string;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The master's description with a new id, for the next term. */
  readonly nextInfo: () => MasterInfo;
  readonly lead: (beginning: { info: MasterInfo; content: RegistryContent; registry: AgentRegistry }) => void;
  readonly resign: () => void;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #client: EtcdClient;
  readonly #path: string;
  readonly #election: Election;
  #info: MasterInfo | undefined;
  #term: Term | undefined;
  #isServing = false;
  #leader: MasterInfo | undefined;
  #leading: Promise<void> = Promise.resolve();
  #registry: RegistryEtcd | undefined;
  #fetched = { sizeBytes: 0, fetchMs: 0 };

  /** Throws CodedError `bad_endpoints`. */
  constructor(options: LeadershipOptions) {
    this.#options = options;
    const { prefix, ...target } = parseEtcdUrl(options.etcd);
    this.#path = prefix;
    this.#client = new EtcdClient({ ...target, clock: options.clock });
    this.#election = new Election({
      client: this.#client,
      key: `${prefix}/leader`,
      candidate: () => {
        this.#info = options.nextInfo();
        return JSON.stringify(this.#info);
      },
      ttlSeconds: Math.max(1, Math.round(options.sessionTimeoutMs / 1000)),
      clock: options.clock,
      log: options.log,
      onElected: (term) => {
        this.#leading = this.#lead(term);
      },
      onLeader: (leader) => this.#follow(leader),
    });
  }

  get standing(): Standing {
    if (this.#term !== undefined) {
      if (!this.#term.isLeader) return { kind: 'leaderless' };
      return this.#isServing ? { kind: 'leading' } : { kind: 'recovering' };
    }
    return this.#leader === undefined ? { kind: 'leaderless' } : { kind: 'following', leader: this.#leader };
  }

  /** The size is that of the last reading. */
  get registrar(): RegistrarFacts {
    return { queuedOperations: this.#registry?.queued ?? 0, ...this.#fetched };
  }

  start(): void {
    this.#election.start();
  }

  async stop(): Promise<void> {
    await this.#election.stop();
    await this.#leading;
    this.#client.close();
  }

  #follow(leader: Leader | undefined): void {
    const { log } = this.#options;
    try {
      this.#leader = leader === undefined ? undefined : readMessage('MasterInfo', parseJson(leader.value));
      log.info({ leader: this.#leader?.pid }, leader === undefined ? 'No master leads' : 'A master leads');
    } catch (error) {
      this.#leader = undefined;
      log.warn({ err: error }, 'What stands in etcd describes no master');
    }
  }

  async #lead(term: Term): Promise<void> {
    const { clock, log } = this.#options;
    this.#term = term;
    term.ended.addEventListener('abort', () => this.#resign(term), { once: true });
    while (term.isLeader) {
      try {
        const sinceMs = clock.monotonic();
        const { content, sizeBytes } = await readRegistry(this.#client, this.#path);
        this.#fetched = { sizeBytes, fetchMs: clock.monotonic() - sinceMs };
        if (!term.isLeader || this.#info === undefined) return;
        this.#registry = new RegistryEtcd({ term, path: this.#path, clock, log });
        this.#isServing = true;
        this.#options.lead({ info: this.#info, content, registry: this.#registry });
        log.info({ agents: content.agents.size, frameworks: content.frameworks.size }, 'Leading with what the registry knows');
        return;
      } catch (error) {
        log.warn({ err: error }, 'The registry could not be read; trying again');
        await sleep(clock, 200, term.ended).catch(() => {});
      }
    }
  }

  #resign(term: Term): void {
    if (this.#term !== term) return;
    this.#term = undefined;
    if (this.#isServing) this.#options.resign();
    this.#isServing = false;
    this.#registry = undefined;
  }

  /** The registry failed for good: somebody else shall try. */
  giveUp(reason: string): void {
    this.#term?.end(reason);
  }
}

/** Answered by every master itself, leading or not (mesos.md §1.4). */
const local = /^(?:\/master)?\/(?:health|version|metrics|flags|files|logging|system|redirect)(?:\/|$)|^\/(?:-|__processes__|help)(?:\/|$)/;

/** `//HOST:PORT`, where clients find the leader. */
export const leaderLocation = (info: MasterInfo): string => `//${info.hostname ?? info.address?.ip ?? '127.0.0.1'}:${info.port}`;

/** Before any handler: what is not this master's to answer goes to the leader. */
export function addLeaderGate(app: FastifyInstance, standing: () => Standing): void {
  app.addHook('onRequest', (request, reply, done) => {
    const question = request.url.indexOf('?');
    const path = question < 0 ? request.url : request.url.slice(0, question);
    if (local.test(path)) return done();
    const now = standing();
    if (now.kind === 'leading') return done();
    void answerInstead(reply, now, request.url);
    return undefined;
  });
}

function answerInstead(reply: FastifyReply, standing: Exclude<Standing, { kind: 'leading' }>, url: string): FastifyReply {
  switch (standing.kind) {
    case 'following':
      return reply
        .code(307)
        .header('location', `${leaderLocation(standing.leader)}${url}`)
        .send();
    case 'recovering':
      return refuse(reply, 503, 'Master has not finished recovery');
    case 'leaderless':
      return refuse(reply, 503, 'No leading master is known');
  }
}
