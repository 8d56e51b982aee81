/**
 * One exposition for all worker threads of a process. The threads' numbers lie in memory that the coordinating thread reads directly
 * (shared-series.ts): a scrape neither interrupts a thread nor copies its metrics, and what a thread has counted is still there when the thread
 * is not. Only metrics with a `collect` function need the thread's cooperation; one that is busy is not waited for beyond a second.
 */
import { BroadcastChannel, isMainThread, threadId, type Worker } from 'node:worker_threads';
import type { MetricObjectWithValues } from '../family.ts';
import { type Exposed, globalRegistry, Registry, type RegistryContentType } from '../registry.ts';
import { ProcessSums } from './process-sums.ts';
import { SeriesReplica, SharedSeries, type SharedUpdate } from './shared-series.ts';

const CHANNEL = '@pronoia/client:workers';
const COLLECT_TIMEOUT_MS = 1000;
const LAST_WORDS_MS = 50;

type Message =
  | { readonly kind: 'who' }
  | { readonly kind: 'update'; readonly threadId: number; readonly updates: readonly SharedUpdate[]; readonly hasCollect: boolean }
  | { readonly kind: 'collect'; readonly requestId: number }
  | { readonly kind: 'collected'; readonly threadId: number; readonly requestId: number }
  | { readonly kind: 'bye'; readonly threadId: number }
  | { readonly kind: 'ack'; readonly threadId: number };

interface Thread {
  readonly replicas: Map<string, SeriesReplica>;
  hasCollect: boolean;
}

let registries: readonly Registry[] = [globalRegistry];
let coordinator: Coordinator | undefined;
let member: Member | undefined;

export class WorkerRegistry<T extends RegistryContentType = RegistryContentType> extends Registry<T> {
  readonly primary: boolean;

  /** @param primary Whether this thread combines what the others measure; the main thread does by default. */
  constructor(contentType?: T, primary = isMainThread) {
    super(contentType);
    this.primary = primary;
    if (primary) coordinator ??= new Coordinator();
    else member ??= new Member();
  }

  /** The metrics of all worker threads, and of this one if it measures anything, as one text. */
  async workerMetrics(): Promise<string> {
    const families = (await coordinator?.families()) ?? [];
    const own = await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()));
    return Registry.aggregate([...families, ...own], this.contentType).metrics();
  }

  /** In a worker that ends: says so, and its gauges vanish with it. Its counters stay in any case. */
  async shutdown(timeoutMs = COLLECT_TIMEOUT_MS): Promise<void> {
    if (this.primary) coordinator?.close();
    else await member?.leave(timeoutMs);
    if (this.primary) coordinator = undefined;
    else member = undefined;
  }

  static workerCount(): number {
    return coordinator?.threads.size ?? 0;
  }

  /** Which registries of this thread are shown instead of the global one. Call it before the first WorkerRegistry is made. */
  static setRegistries(wanted: Registry | readonly Registry[]): void {
    const list = Array.isArray(wanted) ? (wanted as readonly Registry[]) : [wanted as Registry];
    for (const registry of list) if (!(registry instanceof Registry)) throw new TypeError(`Expected Registry, got ${typeof registry}`);
    registries = list;
    member?.join();
  }
}

/** The thread that answers for all. */
class Coordinator {
  readonly threads = new Map<number, Thread>();
  readonly #ended = new ProcessSums();
  readonly #channel = openChannel((message) => this.#hear(message));
  readonly #awaited = new Map<number, (threadId: number) => void>();
  #lastRequestId = 0;

  readonly #onWorker = (worker: Worker) => {
    const { threadId: id } = worker; // −1 once it has ended
    // Its last messages may still be on their way.
    worker.once('exit', () => setTimeout(() => this.#end(id), LAST_WORDS_MS).unref());
  };

  constructor() {
    process.on('worker', this.#onWorker);
    this.#tell({ kind: 'who' });
  }

  async families(): Promise<(readonly MetricObjectWithValues[])[]> {
    await this.#collect();
    const threads = [...this.threads.entries()].sort(([a], [b]) => a - b);
    return [this.#ended.families, ...threads.map(([, { replicas }]) => [...replicas.values()].map((replica) => replica.family()))];
  }

  /** Lets the threads bring up to date what only they can. */
  async #collect(): Promise<void> {
    const missing = new Set([...this.threads].filter(([, { hasCollect }]) => hasCollect).map(([id]) => id));
    if (missing.size === 0) return;
    const requestId = ++this.#lastRequestId;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, COLLECT_TIMEOUT_MS);
      this.#awaited.set(requestId, (id) => {
        missing.delete(id);
        if (missing.size > 0) return;
        clearTimeout(timer);
        resolve();
      });
      this.#tell({ kind: 'collect', requestId });
    });
    this.#awaited.delete(requestId);
  }

  #hear(message: Message): void {
    if (message.kind === 'collected') this.#awaited.get(message.requestId)?.(message.threadId);
    if (message.kind === 'update') {
      const thread = this.threads.get(message.threadId) ?? { replicas: new Map(), hasCollect: false };
      this.threads.set(message.threadId, thread);
      thread.hasCollect = message.hasCollect;
      for (const update of message.updates) {
        const replica = thread.replicas.get(update.name);
        if (replica === undefined) thread.replicas.set(update.name, new SeriesReplica(update));
        else replica.apply(update);
      }
    }
    if (message.kind === 'bye') {
      this.#end(message.threadId);
      this.#tell({ kind: 'ack', threadId: message.threadId });
    }
  }

  /** What the thread has counted is in its memory still, to the last increment. */
  #end(id: number): void {
    const thread = this.threads.get(id);
    this.threads.delete(id);
    if (thread !== undefined) this.#ended.add([...thread.replicas.values()].map((replica) => replica.family()));
  }

  #tell(message: Message): void {
    this.#channel.postMessage(message);
  }

  close(): void {
    process.off('worker', this.#onWorker);
    this.#channel.close();
  }
}

/** A thread whose metrics others read. */
class Member {
  readonly #channel = openChannel((message) => this.#hear(message));
  readonly #shared = new Map<Exposed, SharedSeries>();
  #isScheduled = false;
  #onAck: (() => void) | undefined;

  constructor() {
    this.join();
  }

  /** Puts the numbers of all metrics, present and to come, into shared memory. */
  join(): void {
    for (const registry of registries) registry.onRegister((metric) => this.#share(metric));
    this.#publish(true);
  }

  #share(metric: Exposed): void {
    if (this.#shared.has(metric)) return;
    this.#shared.set(metric, new SharedSeries(metric, () => this.#schedule()));
    this.#schedule();
  }

  /** New series are told together, at the end of this turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#publish(false));
  }

  #publish(isForced: boolean): void {
    this.#isScheduled = false;
    const updates = [...this.#shared.values()].flatMap((shared) => shared.update() ?? []);
    const hasCollect = [...this.#shared.keys()].some((metric) => metric.collect !== undefined);
    if (updates.length > 0 || isForced) this.#tell({ kind: 'update', threadId, updates, hasCollect });
  }

  #hear(message: Message): void {
    if (message.kind === 'who') {
      for (const metric of this.#shared.keys()) this.#shared.set(metric, new SharedSeries(metric, () => this.#schedule()));
      this.#publish(true);
    }
    if (message.kind === 'ack' && message.threadId === threadId) this.#onAck?.();
    if (message.kind === 'collect') {
      const { requestId } = message;
      const done = () => {
        this.#publish(false);
        this.#tell({ kind: 'collected', threadId, requestId });
      };
      // A metric that cannot be brought up to date is shown as it was.
      Promise.allSettled([...this.#shared.keys()].map(async (metric) => metric.collect?.())).then(done, done);
    }
  }

  async leave(timeoutMs: number): Promise<void> {
    this.#publish(false);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onAck = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#channel.ref();
      this.#tell({ kind: 'bye', threadId });
    });
    this.#channel.close();
  }

  #tell(message: Message): void {
    this.#channel.postMessage(message);
  }
}

/** A channel that keeps no thread alive. */
function openChannel(hear: (message: Message) => void): BroadcastChannel {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = (event: unknown) => hear((event as { data: Message }).data);
  channel.unref();
  return channel;
}
