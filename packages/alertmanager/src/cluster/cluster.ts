/**
 * Long, because who lives, who sends and who told already are one protocol: each rule leans on the others.
 * Several alertmanagers as one: they share state, know who lives, and for each group one of them sends.
 *
 * Each member makes a connection to each other one, beats on it eight times a probe interval, and takes for dead who was not heard for
 * a probe interval and a probe timeout, or for a probe timeout when no connection is left either. Of the living, rendezvous hashing
 * names the sender of a group; the next in rank takes over when it dies, or when it has not told for `rank × peer timeout`. Nobody asks a majority: a member that is cut off goes on telling, for a
 * notification that comes twice is better than one that never comes. What was told twice is found and counted when the two meet again.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock, Logger, Timer } from '@pronoia/server';
import type { Acknowledgements } from '../acknowledgement.ts';
import type { Alert } from '../alert.ts';
import type { AlertStore } from '../alert-store.ts';
import { fail } from '../errors.ts';
import type { ClusterMetrics } from '../metrics.ts';
import { type LogEntry, type NotificationLog, placeKey } from '../nflog.ts';
import type { Silences } from '../silence.ts';
import type { EtcdArbiter } from './arbiter.ts';
import { encodeFrame, FrameReader } from './frame.ts';
import { Link, type Message } from './link.ts';
import { rankOf } from './ownership.ts';
import { ReplicatedState, type StateMessage } from './state.ts';
import type { ClusterTls } from './tls.ts';

export interface ClusterOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ClusterMetrics;
  readonly silences: Silences;
  readonly acknowledgements: Acknowledgements;
  readonly notificationLog: NotificationLog;
  readonly store: AlertStore;
  readonly name: string;
  readonly label: string;
  readonly host: string;
  readonly port: number;
  /** Where others reach this member, port 0 for that on which it listens; by default where it listens. */
  readonly advertise: string | undefined;
  readonly peers: readonly { readonly host: string; readonly port: number }[];
  readonly peerTimeoutMs: number;
  readonly settleTimeoutMs: number;
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  readonly pushPullIntervalMs: number;
  readonly tcpTimeoutMs: number;
  readonly reconnectIntervalMs: number;
  readonly reconnectTimeoutMs: number;
  /** Decides between members that do not see each other; they alone decide without it. */
  readonly arbiter?: EtcdArbiter;
  /** What members show each other; in the clear without it. */
  readonly tls: ClusterTls | undefined;
  /** No port is no reason not to start: others cannot join, that is all. */
  readonly mayGoWithoutPort: boolean;
}

interface Member {
  readonly name: string;
  /** A new one after each start. */
  incarnation: string;
  address: string;
  heardAtMs: number;
  isAlive: boolean;
  connections: Set<Socket>;
}

/** How often one asks again that found another's claim. */
const arbiterPauseMs = 200;

/** So long a member that does not answer is waited for at the start. */
const firstSettleMs = 1000;

/** The more, the closer to its limit a death is noticed; a beat is twenty bytes. */
const beatsPerProbe = 8;

/** Lost peers are called upon at least this often: a cut should not outlast its cause. */
const maxReconnectMs = 1000;
const firstReconnectMs = 200;

export type Turn = 'send' | 'told' | 'over';

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #state: ReplicatedState;
  readonly #incarnation = randomBytes(8).toString('hex');
  readonly #members = new Map<string, Member>();
  readonly #linksByAddress = new Map<string, Link>();
  readonly #seeds = new Set<string>();
  /** Who has sent all that this one lacked. */
  readonly #syncedWith = new Set<string>();
  readonly #connections = new Set<Socket>();
  readonly #timers = new Set<Timer>();
  readonly #memberWaiters = new Set<() => void>();
  readonly #recordWaiters = new Map<string, Set<() => void>>();
  readonly #pendingAlerts: Alert[] = [];
  /** What this member is sending. */
  readonly #claimed = new Set<string>();
  /** What it has sent, and not yet told the arbiter. */
  readonly #sentByPlace = new Map<string, LogEntry>();
  /** Which other member is sending what. */
  readonly #claimsByPlace = new Map<string, { readonly by: Member; readonly atMs: number }>();
  #server: Server | undefined;
  #address = '';
  #isSettled = false;
  #isMerging = false;
  #isBeating = false;
  #isStopped = false;
  readonly #settleWaiters = new Set<() => void>();
  #beatAtMs: number;
  readonly #startedAtMs: number;
  #fence: Promise<void> | undefined;
  #fenceNumber = 0;
  readonly #fenced = new Map<string, number>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#beatAtMs = options.clock.monotonic();
    this.#startedAtMs = this.#beatAtMs;
    const { silences, acknowledgements, notificationLog, store, clock, name, log, metrics } = options;
    this.#state = new ReplicatedState({
      silences,
      acknowledgements,
      notificationLog,
      store,
      now: () => clock.now(),
      self: name,
      onDuplicate: (entry, other) => {
        metrics.duplicates.inc(1);
        log.warn(
          { aggrGroup: entry.groupKey, receiver: entry.receiver, other },
          'A notification was sent by two members that could not see each other',
        );
      },
      onUnwritten: (error) => log.error({ err: error }, 'What another member has sent is known but could not be written down'),
      onRecord: (groupKey) => {
        for (const wake of this.#recordWaiters.get(groupKey) ?? []) wake();
      },
    });
    silences.subscribe((silence) => {
      if (this.#linksByAddress.size > 0) this.#broadcast(this.#state.silenceMessage(silence), 'update');
    });
    acknowledgements.subscribe((acknowledgement) => {
      if (this.#linksByAddress.size > 0) this.#broadcast(this.#state.acknowledgementMessage(acknowledgement), 'update');
    });
    store.subscribe((alert, known) => this.#seeAlert(alert, known));
  }

  async start(): Promise<void> {
    const { clock, host, port, advertise, peers, log, metrics, mayGoWithoutPort, tls, pushPullIntervalMs, settleTimeoutMs } = this.#options;
    const onSocket = (socket: Socket): void => this.#accept(socket);
    const server = tls?.createServer(onSocket) ?? createServer(onSocket);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (!mayGoWithoutPort) return reject(fail('bad_flags', { reason: `--cluster.listen-address=${host}:${port}: ${error.message}` }));
        log.warn(
          { address: `${host}:${port}`, reason: error.message },
          'No other alertmanager can join this one; --cluster.listen-address moves the port',
        );
        this.#server = undefined;
        resolve();
      });
      server.listen({ host, port }, resolve);
    });
    const bound = this.#server?.address();
    const boundPort = bound !== null && typeof bound === 'object' ? bound.port : port;
    this.#address = (advertise ?? `${host}:0`).replace(/:0$/, `:${boundPort}`);
    if (this.#server !== undefined)
      log.info({ address: `${host}:${boundPort}`, advertised: this.#address, name: this.#options.name }, 'Cluster listens');
    for (const peer of peers) {
      const link = this.#connectTo(peer.host, peer.port);
      if (link !== undefined) this.#seeds.add(link.address);
    }
    this.#every(pushPullIntervalMs, () => this.#compareAll());
    await this.#options.arbiter?.start();
    metrics.enabled.set(1);
    this.#measure();
    if (this.#seeds.size === 0) this.#settle();
    else this.#timers.add(clock.setTimer(settleTimeoutMs, () => this.#settle()));
  }

  // What the API shows

  get status(): 'ready' | 'settling' {
    return this.#isSettled ? 'ready' : 'settling';
  }

  get name(): string {
    return this.#options.name;
  }

  /** The living, this one among them, by name. */
  get peers(): readonly { readonly name: string; readonly address: string }[] {
    const living = this.#living().map(({ name, address }) => ({ name, address }));
    return [...living, { name: this.name, address: this.#address }].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** This one's place among the living, by name; the first has 0. */
  get position(): number {
    return this.peers.findIndex(({ name }) => name === this.name);
  }

  #living(): Member[] {
    return [...this.#members.values()].filter(({ isAlive }) => isAlive);
  }

  // Who sends

  /** How long a flush may be kept waiting by others. */
  peerWaitMs(): number {
    return this.#living().length * this.#options.peerTimeoutMs;
  }

  /**
   * Waits until this member is to send for the group. 'send': it is, and all others know that it does so at this place, until `release`;
   * 'told': another has told, as `isTold` finds when a record comes; 'over': the signal fired.
   */
  async turn(groupKey: string, place: string, isTold: () => boolean, signal: AbortSignal): Promise<Turn> {
    const { clock, peerTimeoutMs, log, metrics } = this.#options;
    if (!this.#isSettled) await this.#settled(signal);
    const startedAtMs = clock.monotonic();
    let firstRank: number | undefined;
    while (!signal.aborted) {
      if (this.#mayBeStale()) await this.#catchUp();
      if (isTold()) return 'told';
      const rank = rankOf(
        groupKey,
        this.name,
        this.#living().map(({ name }) => name),
      );
      firstRank ??= rank;
      const leftMs = Math.max(startedAtMs + rank * peerTimeoutMs, this.#claimedUntilMs(place)) - clock.monotonic();
      if (leftMs <= 0) {
        const ruling = await this.#options.arbiter?.claim(place);
        if (ruling?.record !== undefined) this.#options.notificationLog.merge(ruling.record, clock.now());
        if (ruling?.claim === 'mine') this.#claimed.add(place);
        if (isTold()) {
          this.release(groupKey, place);
          return 'told';
        }
        if (ruling?.claim === 'theirs') {
          await this.#change(groupKey, arbiterPauseMs, signal);
          continue;
        }
        if (firstRank > 0) {
          metrics.takeovers.inc(1);
          log.info({ aggrGroup: groupKey, waitedMs: Math.round(clock.monotonic() - startedAtMs) }, 'Takes over a notification');
        }
        this.#claimed.add(place);
        this.#broadcast(JSON.stringify({ kind: 'claim', groupKey, place }), 'update');
        return 'send';
      }
      await this.#change(groupKey, leftMs, signal);
    }
    return 'over';
  }

  /** The place is free again: it was told, or could not be. */
  release(groupKey: string, place: string): void {
    if (!this.#claimed.delete(place)) return;
    this.#broadcast(JSON.stringify({ kind: 'release', groupKey, place }), 'update');
    const entry = this.#sentByPlace.get(place);
    this.#sentByPlace.delete(place);
    void this.#options.arbiter?.release(place, entry);
  }

  /** Another, living, is sending there; but nobody is waited for longer than a peer may take. */
  #claimedUntilMs(place: string): number {
    const claim = this.#claimsByPlace.get(place);
    return claim === undefined || !claim.by.isAlive ? 0 : claim.atMs + this.#options.peerTimeoutMs;
  }

  /** Resolves when members or records have changed, or the time is over. */
  #change(groupKey: string, limitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let waiters = this.#recordWaiters.get(groupKey);
      if (waiters === undefined) this.#recordWaiters.set(groupKey, (waiters = new Set()));
      const wake = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', wake);
        this.#memberWaiters.delete(wake);
        waiters.delete(wake);
        if (waiters.size === 0) this.#recordWaiters.delete(groupKey);
        resolve();
      };
      const timer = this.#options.clock.setTimer(limitMs, wake);
      signal.addEventListener('abort', wake, { once: true });
      this.#memberWaiters.add(wake);
      waiters.add(wake);
    });
  }

  /** To be told of each notification that this member has sent. */
  record(entry: LogEntry, priorMs: number): void {
    if (this.#options.arbiter !== undefined) this.#sentByPlace.set(placeKey(entry), entry);
    // Also while nobody is in sight: whoever comes back must learn that it was this member who told.
    this.#state.sent(entry, priorMs);
    if (this.#linksByAddress.size > 0) this.#broadcast(this.#state.recordMessage(entry), 'update');
  }

  #settled(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#settleWaiters.delete(done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#settleWaiters.add(done);
    });
  }

  #settle(): void {
    if (this.#isSettled || this.#isStopped) return;
    this.#isSettled = true;
    this.#options.log.info({ peers: this.peers.length }, 'Cluster settled');
    // Waking takes it out of the set, which a walk over the set allows.
    for (const wake of this.#settleWaiters) wake();
  }

  // Having been away

  /** This process has not run for a while: others may have taken over, and their word may still lie unread. */
  #mayBeStale(): boolean {
    const { clock, probeIntervalMs, probeTimeoutMs } = this.#options;
    return this.#fence !== undefined || (this.#isBeating && clock.monotonic() - this.#beatAtMs > (probeIntervalMs + probeTimeoutMs) / 2);
  }

  /** Asks every member to answer behind all that it has sent, and waits for those that live. */
  #catchUp(): Promise<void> {
    this.#fence ??= this.#askAll().finally(() => {
      this.#fence = undefined;
    });
    return this.#fence;
  }

  async #askAll(): Promise<void> {
    const { clock, probeIntervalMs, probeTimeoutMs } = this.#options;
    this.#beatAtMs = clock.monotonic();
    const number = ++this.#fenceNumber;
    const asked = [...this.#members.keys()].map((name) => this.#linkTo(name)).filter((link) => link !== undefined);
    const frame = encodeFrame(JSON.stringify({ kind: 'fence', number }));
    for (const link of asked) link.send(frame);
    const limit = new AbortController();
    const timer = clock.setTimer(probeIntervalMs + probeTimeoutMs, () => limit.abort());
    while (!limit.signal.aborted && asked.some((link) => link.isUp && (this.#fenced.get(link.peer as string) ?? 0) < number))
      await this.#change('', 50, limit.signal);
    timer.cancel();
    if (asked.length > 0)
      this.#options.log.info({ members: asked.length }, 'This process has not run for a while; it has heard what the others did meanwhile');
  }

  // Members

  #beat(): void {
    const { clock, probeIntervalMs, probeTimeoutMs } = this.#options;
    if (this.#mayBeStale()) {
      // What they said while this one stood still is not read yet: nobody is lost for that.
      for (const member of this.#living()) member.heardAtMs = clock.monotonic();
      void this.#catchUp();
    }
    this.#beatAtMs = clock.monotonic();
    this.#broadcastFrame(encodeFrame('{"kind":"beat"}'), 'beat');
    for (const member of this.#living()) {
      const silentMs = clock.monotonic() - member.heardAtMs;
      // A process that ends takes its connections along; one that only stands still keeps them.
      const isConnected = member.connections.size > 0 || this.#linkTo(member.name) !== undefined;
      if (silentMs > (isConnected ? probeIntervalMs + probeTimeoutMs : probeTimeoutMs))
        this.#lose(member, `not heard for ${Math.round(silentMs)} ms${isConnected ? '' : ', and not connected'}`);
    }
    if (!this.#isSettled) this.#mayHaveSettled();
    this.#forgetLost();
  }

  #heard(name: string): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    member.heardAtMs = this.#options.clock.monotonic();
    if (member.isAlive) return;
    member.isAlive = true;
    this.#options.metrics.joined.inc(1);
    this.#options.log.info({ peer: name, address: member.address }, 'A member of the cluster is here');
    this.#membersChanged();
    // What either did without the other.
    const link = this.#linkTo(name);
    if (link !== undefined) void this.#compare(link);
  }

  #lose(member: Member, reason: string): void {
    if (!member.isAlive) return;
    member.isAlive = false;
    for (const [place, { by }] of this.#claimsByPlace) if (by === member) this.#claimsByPlace.delete(place);
    this.#options.metrics.left.inc(1);
    this.#options.log.warn(
      { peer: member.name, address: member.address, reason },
      'A member of the cluster is lost; others send in its place',
    );
    this.#membersChanged();
  }

  #forget(member: Member, reason: string): void {
    this.#lose(member, reason);
    this.#members.delete(member.name);
    this.#measure();
  }

  #membersChanged(): void {
    this.#measure();
    for (const wake of this.#memberWaiters) wake();
  }

  #measure(): void {
    const { metrics } = this.#options;
    metrics.members.set(this.peers.length);
    metrics.failed.set(this.#members.size - this.#living().length);
    metrics.position.set(this.position);
  }

  /** Whoever has been lost for long is no longer called; seeds are. */
  #forgetLost(): void {
    const limit = this.#options.clock.monotonic() - this.#options.reconnectTimeoutMs;
    for (const member of this.#members.values()) {
      if (member.isAlive || member.heardAtMs > limit) continue;
      this.#members.delete(member.name);
      if (this.#seeds.has(member.address)) continue;
      this.#linksByAddress.get(member.address)?.close();
      this.#linksByAddress.delete(member.address);
    }
  }

  /** From a greeting or its answer. Undefined: it is no member of ours. */
  #meet(message: Message): Member | undefined {
    const { name, incarnation, address, label, members } = message as Message & Greeting;
    const { metrics, log } = this.#options;
    if (label !== this.#options.label) {
      log.warn({ peer: name, label }, 'A member with another --cluster.label is refused');
      return undefined;
    }
    if (incarnation === this.#incarnation) return undefined;
    if (name === this.name) {
      metrics.nameConflicts.inc(1);
      log.warn({ peer: name, address }, 'Another member has this one’s name and is refused; --cluster.peer-name must differ');
      return undefined;
    }
    let member = this.#members.get(name);
    if (member === undefined) {
      member = { name, incarnation, address, heardAtMs: Number.NEGATIVE_INFINITY, isAlive: false, connections: new Set() };
      this.#members.set(name, member);
    } else if (member.incarnation !== incarnation) {
      member.incarnation = incarnation;
      metrics.updated.inc(1);
      this.#lose(member, 'it was started anew');
    }
    member.address = address;
    // Who was there before under another name is no more.
    for (const other of this.#members.values())
      if (other.address === address && other !== member) this.#forget(other, `its place is taken by ${name}`);
    for (const known of [{ address }, ...members]) this.#connectToAddress(known.address);
    return member;
  }

  #greeting(kind: 'hello' | 'welcome'): string {
    const members = this.#living().map(({ name, address }) => ({ name, address }));
    const greeting: Greeting = {
      name: this.name,
      incarnation: this.#incarnation,
      address: this.#address,
      label: this.#options.label,
      members,
    };
    return JSON.stringify({ kind, ...greeting });
  }

  // Connections

  #connectToAddress(address: string): void {
    const match = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(address);
    if (match !== null && address !== this.#address) this.#connectTo((match[1] ?? match[2]) as string, Number(match[3]));
  }

  #connectTo(host: string, port: number): Link | undefined {
    const address = `${host}:${port}`;
    if (this.#isStopped || address === this.#address) return undefined;
    const known = this.#linksByAddress.get(address);
    if (known !== undefined) return known;
    const { clock, tls, tcpTimeoutMs, reconnectIntervalMs, probeIntervalMs, metrics, log } = this.#options;
    const link: Link = new Link({
      clock,
      host,
      port,
      tls,
      connectTimeoutMs: tcpTimeoutMs,
      reconnectMs: () => (this.#isSettled ? Math.min(reconnectIntervalMs, maxReconnectMs) : firstReconnectMs),
      greeting: () => this.#greeting('hello'),
      onMessage: (message) => this.#hear(message, link),
      onDown: (reason) => {
        if (link.peer !== undefined) log.debug({ peer: link.peer, address, reason }, 'A connection to a member is down');
        const member = link.peer === undefined ? undefined : this.#members.get(link.peer);
        // Nobody listens there, and nothing of it is connected here: it has ended, and there is no need to wait for its silence.
        if (member?.isAlive === true && link.wasRefused && member.connections.size === 0) this.#lose(member, reason);
        this.#mayHaveSettled();
      },
      onSent: (bytes) => {
        metrics.sentBytes.inc(bytes);
      },
    });
    this.#linksByAddress.set(address, link);
    if (!this.#isBeating) {
      // One that is alone has nobody to beat for.
      this.#isBeating = true;
      this.#beatAtMs = clock.monotonic();
      this.#every(Math.max(20, probeIntervalMs / beatsPerProbe), () => this.#beat());
    }
    return link;
  }

  /** An answer on a connection of ours. */
  #hear(message: Message, link: Link): void {
    if (message.kind === 'welcome') {
      const member = this.#meet(message);
      if (member === undefined) {
        // Itself under another address, or none of ours.
        this.#seeds.delete(link.address);
        link.close();
        this.#mayHaveSettled();
        return;
      }
      link.peer = member.name;
      link.isWelcome = true;
      this.#heard(member.name);
      void this.#compare(link);
      return;
    }
    if (link.peer !== undefined) this.#heard(link.peer);
    if (message.kind === 'want') void this.#sendDiffering(message['sums'] as number[], link);
  }

  /** A connection that another member has made: it tells, and is answered. */
  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    this.#connections.add(socket);
    const reader = new FrameReader();
    let member: Member | undefined;
    socket.on('data', (chunk: Buffer) => {
      this.#options.metrics.receivedBytes.inc(chunk.length);
      try {
        for (const message of reader.push(chunk) as Message[]) {
          this.#options.metrics.received.inc(1);
          if (message.kind === 'hello') {
            member = this.#meet(message);
            // Also to one that is refused: it has to learn why.
            socket.write(encodeFrame(this.#greeting('welcome')));
            if (member === undefined) return void socket.end();
            member.connections.add(socket);
            this.#heard(member.name);
          } else if (member === undefined) throw new Error(`a member must greet first, found ${message.kind}`);
          else this.#listen(message, member, socket);
        }
      } catch (error) {
        this.#options.log.warn(
          { err: error, peer: member?.name, from: socket.remoteAddress },
          'A connection to the cluster port is dropped',
        );
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#connections.delete(socket);
      member?.connections.delete(socket);
    });
  }

  #listen(message: Message, member: Member, socket: Socket): void {
    if (message.kind === 'leave') {
      this.#lose(member, 'it has left');
      return;
    }
    this.#heard(member.name);
    switch (message.kind) {
      case 'beat':
        socket.write(beatBack);
        return;
      case 'state':
        this.#isMerging = true;
        try {
          this.#state.merge(message as unknown as StateMessage);
        } finally {
          this.#isMerging = false;
        }
        return;
      case 'sums':
        // Answered with ours: the other then knows what to send.
        void this.#state.digest().then((sums) => socket.write(encodeFrame(JSON.stringify({ kind: 'want', sums }))));
        return;
      case 'fence': {
        // Behind all that this member has sent, so on its own connection.
        this.#linkTo(member.name)?.send(encodeFrame(JSON.stringify({ kind: 'fenced', number: message['number'] })));
        return;
      }
      case 'claim':
        this.#claimsByPlace.set(message['place'] as string, { by: member, atMs: this.#options.clock.monotonic() });
        return;
      case 'release':
        if (this.#claimsByPlace.get(message['place'] as string)?.by === member) this.#claimsByPlace.delete(message['place'] as string);
        for (const wake of this.#recordWaiters.get(message['groupKey'] as string) ?? []) wake();
        return;
      case 'fenced':
        this.#fenced.set(member.name, message['number'] as number);
        for (const wake of this.#recordWaiters.get('') ?? []) wake();
        return;
      case 'synced':
        this.#syncedWith.add(member.name);
        this.#mayHaveSettled();
        return;
      default:
        throw new Error(`unknown message ${message.kind}`);
    }
  }

  // State

  #seeAlert(alert: Alert, known: Alert | undefined): void {
    if (this.#isMerging || this.#linksByAddress.size === 0) return;
    if (
      known !== undefined &&
      known.endsAt.unixMs === alert.endsAt.unixMs &&
      known.startsAt.unixMs === alert.startsAt.unixMs &&
      known.annotationsJson === alert.annotationsJson
    )
      return;
    // Before the sender is answered: what was accepted is then on its way to the others.
    if (this.#pendingAlerts.length === 0) queueMicrotask(() => this.#sendAlerts());
    this.#pendingAlerts.push(alert);
  }

  #sendAlerts(): void {
    for (const message of this.#state.alertMessages(this.#pendingAlerts.splice(0))) this.#broadcast(message, 'update');
  }

  #broadcast(json: string, kind: 'update' | 'beat'): void {
    this.#broadcastFrame(encodeFrame(json), kind);
  }

  #broadcastFrame(frame: Buffer, kind: 'update' | 'beat'): void {
    for (const name of this.#members.keys()) {
      const link = this.#linkTo(name);
      if (link === undefined) continue;
      link.send(frame);
      if (kind === 'update') this.#options.metrics.sent.inc({ msg_type: 'update' }, 1);
    }
  }

  /** Always the same while it is up, for order counts: a seed may be known by two addresses. */
  #linkTo(name: string): Link | undefined {
    for (const link of this.#linksByAddress.values()) if (link.isWelcome && link.peer === name) return link;
    return undefined;
  }

  #compareAll(): void {
    this.#state.collectGarbage();
    for (const link of this.#linksByAddress.values()) if (link.isUp && link.peer !== undefined) void this.#compare(link);
  }

  async #compare(link: Link): Promise<void> {
    link.send(encodeFrame(JSON.stringify({ kind: 'sums' })));
    this.#options.metrics.sent.inc({ msg_type: 'full_state' }, 1);
    await link.drained;
  }

  async #sendDiffering(theirs: readonly number[], link: Link): Promise<void> {
    for await (const message of this.#state.differing(theirs)) {
      link.send(encodeFrame(message));
      await link.drained;
    }
    link.send(encodeFrame('{"kind":"synced"}'));
  }

  #mayHaveSettled(): void {
    if (this.#isSettled || this.#seeds.size === 0) {
      this.#settle();
      return;
    }
    const { clock, settleTimeoutMs } = this.#options;
    const isEarly = clock.monotonic() - this.#startedAtMs < Math.min(firstSettleMs, settleTimeoutMs);
    for (const address of this.#seeds) {
      const link = this.#linksByAddress.get(address);
      // Those who are started together may have to call twice.
      if (link?.hasFailed === true && isEarly) return;
      if (link === undefined || link.hasFailed) continue;
      if (link.peer === undefined || !this.#syncedWith.has(link.peer)) return;
    }
    this.#settle();
  }

  #every(intervalMs: number, run: () => void): void {
    const arm = (): void => {
      const timer = this.#options.clock.setTimer(intervalMs, () => {
        this.#timers.delete(timer);
        run();
        if (!this.#isStopped) arm();
      });
      this.#timers.add(timer);
    };
    arm();
  }

  /** Says good-bye, so that nobody waits for this one. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#broadcastFrame(encodeFrame('{"kind":"leave"}'), 'beat');
    for (const timer of this.#timers) timer.cancel();
    await this.#options.arbiter?.stop();
    for (const link of this.#linksByAddress.values()) link.close();
    for (const socket of this.#connections) socket.destroySoon();
    const server = this.#server;
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

interface Greeting {
  readonly name: string;
  readonly incarnation: string;
  readonly address: string;
  readonly label: string;
  readonly members: readonly { readonly name: string; readonly address: string }[];
}

const beatBack = encodeFrame('{"kind":"beat"}');
