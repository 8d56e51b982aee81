/**
 * One exposition for all workers of a `node:cluster`. Workers that made a ClusterRegistry answer the primary's requests over IPC; the metrics
 * are combined by each metric's `aggregator`, the primary's own among them. A worker that does not answer in time is shown as it was last
 * heard of, and the counters of one that has ended stay in the sums.
 */
import cluster, { type Worker } from 'node:cluster';
import type { MetricObjectWithValues } from '../family.ts';
import { globalRegistry, Registry, type RegistryContentType } from '../registry.ts';
import { ProcessSums } from './process-sums.ts';

const TYPE = '@pronoia/client:cluster';
/** prom-client's. */
const ANSWER_TIMEOUT_MS = 5000;

/** `hello`: a worker can be asked (sent by it), or: who can be asked? (sent by the primary). `bye`: a worker's last numbers; answered with `ack`. */
interface Message {
  readonly type: typeof TYPE;
  readonly kind: 'hello' | 'ask' | 'answer' | 'bye' | 'ack';
  readonly requestId?: number;
  readonly families?: MetricObjectWithValues[];
  readonly error?: string;
}

interface Heard {
  readonly worker: Worker;
  families: MetricObjectWithValues[];
}

let registries: readonly Registry[] = [globalRegistry];
let isListening = false;
let lastRequestId = 0;
/** Workers that can be asked, with what they said last; by worker id. */
const heardById = new Map<number, Heard>();
const ended = new ProcessSums();
/** Requests under way: what to do with a worker's answer. By request id. */
const awaited = new Map<number, (workerId: number, message: Message) => void>();
let onAck: (() => void) | undefined;

export class ClusterRegistry<T extends RegistryContentType = RegistryContentType> extends Registry<T> {
  constructor(contentType?: T) {
    super(contentType);
    if (isListening) return;
    isListening = true;
    if (cluster.isPrimary) listenToWorkers();
    else listenToPrimary();
  }

  /** The metrics of the primary and all its workers as one text. */
  async clusterMetrics(): Promise<string> {
    const answers = await askWorkers();
    const own = (await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()))).flat();
    return Registry.aggregate([ended.families, own, ...answers], this.contentType).metrics();
  }

  /** In a worker that is about to exit: hands the last numbers to the primary, so that none is lost. */
  async shutdown(timeoutMs = ANSWER_TIMEOUT_MS): Promise<void> {
    if (cluster.isPrimary || process.send === undefined || !process.connected) return;
    const families = await ownFamilies();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      onAck = () => {
        clearTimeout(timer);
        resolve();
      };
      tellPrimary({ type: TYPE, kind: 'bye', families });
    });
  }

  /** Which registries of this process are shown instead of the global one. */
  static setRegistries(wanted: Registry | readonly Registry[]): void {
    const list = Array.isArray(wanted) ? (wanted as readonly Registry[]) : [wanted as Registry];
    for (const registry of list) if (!(registry instanceof Registry)) throw new TypeError(`Expected Registry, got ${typeof registry}`);
    registries = list;
  }
}

async function ownFamilies(): Promise<MetricObjectWithValues[]> {
  return (await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()))).flat();
}

function isMessage(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && (message as Message).type === TYPE;
}

function listenToWorkers(): void {
  cluster.on('message', (worker, message: unknown) => {
    if (!isMessage(message)) return;
    if (message.kind === 'hello' && !heardById.has(worker.id)) heardById.set(worker.id, { worker, families: [] });
    if (message.kind === 'answer') awaited.get(message.requestId as number)?.(worker.id, message);
    if (message.kind === 'bye') {
      const heard = heardById.get(worker.id);
      if (heard !== undefined) heard.families = message.families ?? [];
      forget(worker.id);
      worker.send({ type: TYPE, kind: 'ack' } satisfies Message);
    }
  });
  cluster.on('exit', (worker) => forget(worker.id));
  for (const worker of Object.values(cluster.workers ?? {}))
    if (worker?.isConnected()) worker.send({ type: TYPE, kind: 'hello' } satisfies Message);
}

/** A worker has ended: what it counted stays. */
function forget(workerId: number): void {
  ended.add(heardById.get(workerId)?.families ?? []);
  heardById.delete(workerId);
}

async function askWorkers(): Promise<MetricObjectWithValues[][]> {
  const asked = new Map([...heardById].filter(([, { worker }]) => worker.isConnected()));
  const requestId = ++lastRequestId;
  const missing = new Set(asked.keys());
  const failures: string[] = [];
  await new Promise<void>((resolve) => {
    if (missing.size === 0) return resolve();
    const timer = setTimeout(resolve, ANSWER_TIMEOUT_MS);
    const heardFrom = (workerId: number) => {
      missing.delete(workerId);
      if (missing.size > 0) return;
      clearTimeout(timer);
      resolve();
    };
    awaited.set(requestId, (workerId, message) => {
      const heard = asked.get(workerId);
      if (message.error !== undefined) failures.push(message.error);
      else if (heard !== undefined) heard.families = message.families ?? [];
      heardFrom(workerId);
    });
    for (const [workerId, { worker }] of asked) {
      worker.send({ type: TYPE, kind: 'ask', requestId } satisfies Message, undefined, (error: Error | null) => {
        if (error !== null) heardFrom(workerId);
      });
    }
  });
  awaited.delete(requestId);
  if (failures.length > 0) throw new Error(failures[0]);
  // Those that ended meanwhile were added to the sums.
  return [...asked].filter(([workerId]) => heardById.has(workerId)).map(([, { families }]) => families);
}

function listenToPrimary(): void {
  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return;
    if (message.kind === 'hello') tellPrimary({ type: TYPE, kind: 'hello' });
    if (message.kind === 'ack') onAck?.();
    if (message.kind === 'ask') {
      ownFamilies().then(
        (families) => tellPrimary({ type: TYPE, kind: 'answer', requestId: message.requestId as number, families }),
        (error: unknown) => tellPrimary({ type: TYPE, kind: 'answer', requestId: message.requestId as number, error: String(error) }),
      );
    }
  });
  tellPrimary({ type: TYPE, kind: 'hello' });
}

/** A primary that is gone hears nothing, which is no fault of the worker's. */
function tellPrimary(message: Message): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
