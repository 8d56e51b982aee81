/**
 * Which master to dial: the one that was named, the next of several, or the one that etcd says leads. With a list any master will do,
 * because one that does not lead points at the one that does; with etcd a new leader is known as soon as it is elected.
 */
import { type Clock, Election, EtcdClient, type Leader, type Logger, parseEtcdUrl } from '@pronoia/server';

export interface MasterDetectorOptions {
  /** `host:port`, a URL, several after commas, or `etcd://host:port,…/path`. */
  readonly masters: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Another leader stands in etcd. */
  readonly onLeader: (url: string) => void;
}

export class MasterDetector {
  readonly #urls: readonly string[];
  readonly #election: Election | undefined;
  readonly #client: EtcdClient | undefined;
  #next = 0;
  #leader: string | undefined;

  /** Throws when `masters` names none. */
  constructor(options: MasterDetectorOptions) {
    const { masters, clock, log } = options;
    if (masters.startsWith('zk://'))
      throw new Error('--master: ZooKeeper is not supported; give the masters themselves, or etcd://HOST:2379,…/PATH where they elect');
    if (!masters.startsWith('etcd://')) {
      this.#urls = masters.split(',').map((one) => originOf(one.trim()));
      return;
    }
    this.#urls = [];
    const { prefix, ...target } = parseEtcdUrl(masters);
    this.#client = new EtcdClient({ ...target, clock });
    this.#election = new Election({
      client: this.#client,
      key: `${prefix}/leader`,
      clock,
      log,
      onLeader: (leader) => {
        this.#leader = leader === undefined ? undefined : leaderUrl(leader);
        if (this.#leader !== undefined) options.onLeader(this.#leader);
      },
    });
  }

  /** Where to try now; undefined while nobody leads. */
  get url(): string | undefined {
    return this.#election === undefined ? this.#urls[this.#next % this.#urls.length] : this.#leader;
  }

  get isOfSeveral(): boolean {
    return this.#election !== undefined || this.#urls.length > 1;
  }

  start(): void {
    this.#election?.start();
  }

  /** That one did not work: another, if there is one. */
  failed(): void {
    this.#next++;
  }

  async stop(): Promise<void> {
    await this.#election?.stop();
    this.#client?.close();
  }
}

const originOf = (text: string): string => new URL(/^https?:\/\//.test(text) ? text : `http://${text}`).origin;

/** A leader writes its MasterInfo. */
function leaderUrl(leader: Leader): string | undefined {
  try {
    const { hostname, port, address } = JSON.parse(leader.value) as { hostname?: string; port?: number; address?: { ip?: string } };
    return new URL(`http://${hostname ?? address?.ip ?? ''}:${port ?? 5050}`).origin;
  } catch {
    return undefined;
  }
}
