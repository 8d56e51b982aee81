/**
 * `POST /api/v1/write`: samples from other servers, remote write 1.0 (prometheus-server.md §10.3). One request is one batch: it is
 * stored as a whole, or refused as a whole with the first reason.
 */
import { Counter, type Registry } from '@pronoia/client';
import type { Appendable, Appender, FloatHistogram, Labels, Rejection, SeriesRef } from '@pronoia/model';
import type { Clock } from '@pronoia/server';
import { errors } from '../errors.ts';
import { ProtobufError } from './protobuf-reader.ts';
import { decodeSnappy, SnappyError } from './snappy.ts';
import { type OpenRequest, WriteKernel } from './write-kernel.ts';
import { decodeSeries, decodeWriteRequest, type WriteSeries } from './write-request.ts';

export interface ReceiverDeps {
  readonly clock: Clock;
  readonly appendable: Appendable;
  readonly registry: Registry;
}

/** @param body compressed, as it came. Rejects with a CodedError. */
export type ReceiveWrite = (headers: { readonly contentType: string; readonly encoding: string }, body: Uint8Array) => Promise<void>;

const limitBytes = 32 * 1024 * 1024;
/** A clock that is further ahead than this is wrong. */
const maxAheadMs = 600_000;
/** So long one request may hold up others. */
const sliceMs = 4;
const staleOptions = { stale: true };

export function createReceiver({ clock, appendable, registry }: ReceiverDeps): ReceiveWrite {
  const invalidSamples = new Counter({
    name: 'prometheus_api_remote_write_invalid_labels_samples_total',
    help: 'Samples received by remote write and skipped because their labels are not valid.',
    registers: [registry],
  });

  const kernel = WriteKernel.load();
  const receive = async (body: Uint8Array): Promise<void> => {
    const maxMs = clock.now() + maxAheadMs;
    const batch = new WriteBatch(appendable.appender(), maxMs);
    const request = batch.appender.appendMany === undefined ? undefined : kernel?.open(body, limitBytes, clock.now());
    if (kernel === undefined || request === undefined) {
      await store(batch, async () => readPlainly(batch, body));
      return;
    }
    let isRead = true;
    try {
      await store(batch, async () => {
        isRead = await readFast(batch, kernel, request);
        return isRead;
      });
    } finally {
      kernel.close(request);
    }
    if (isRead) return;
    // It tells exactly what is wrong.
    const again = new WriteBatch(appendable.appender(), maxMs);
    await store(again, async () => readPlainly(again, body));
  };

  /** The batch whole, or nothing of it. */
  const store = async (batch: WriteBatch, read: () => Promise<boolean>): Promise<void> => {
    let isRead: boolean;
    try {
      isRead = await read();
    } catch (error) {
      batch.appender.rollback();
      if (error instanceof SnappyError || error instanceof ProtobufError) throw errors.fail('bad_data', { reason: error.message }, error);
      throw error;
    }
    if (!isRead) {
      batch.appender.rollback();
      return;
    }
    if (batch.skipped > 0) invalidSamples.inc(batch.skipped);
    await batch.appender.commit();
  };

  return async ({ contentType, encoding }, body) => {
    checkHeaders(contentType, encoding);
    await receive(body);
  };
}

/** One request on its way into storage. */
class WriteBatch {
  readonly appender: Appender;
  readonly maxMs: number;
  /** Samples whose labels are not valid. */
  skipped = 0;

  constructor(appender: Appender, maxMs: number) {
    this.appender = appender;
    this.maxMs = maxMs;
  }

  /** The series' ref; 0 without any sample. */
  append(series: WriteSeries): SeriesRef {
    if (series.labels !== undefined) return appendSeries(this.appender, series.labels, series, this.maxMs);
    this.skipped += series.values.length + series.histograms.length;
    return 0;
  }
}

/** The plain way: the kernel's twin. */
function readPlainly(batch: WriteBatch, body: Uint8Array): true {
  for (const series of decodeWriteRequest(decodeSnappy(body, limitBytes))) batch.append(series);
  return true;
}

/** False: the request is damaged. */
async function readFast(batch: WriteBatch, kernel: WriteKernel, request: OpenRequest): Promise<boolean> {
  let until = performance.now() + sliceMs;
  for (;;) {
    const stop = kernel.next(request, batch.maxMs);
    if (stop === 'damaged') return false;
    appendRows(batch, kernel, request);
    if (stop === 'end') return true;
    if (stop === 'left') {
      const series = readLeftOver(kernel.leftOver);
      if (series === undefined) return false;
      const ref = batch.append(series);
      if (ref > 0) kernel.learn(kernel.leftOver, ref);
    }
    if (performance.now() < until) continue;
    await new Promise((resolve) => setImmediate(resolve));
    until = performance.now() + sliceMs;
  }
}

function readLeftOver(bytes: Uint8Array): WriteSeries | undefined {
  try {
    return decodeSeries(bytes);
  } catch (error) {
    if (error instanceof ProtobufError) return undefined;
    throw error;
  }
}

/** Samples of known series; those that are not taken just so go the way of all others. */
function appendRows({ appender, maxMs }: WriteBatch, kernel: WriteKernel, request: OpenRequest): void {
  const { refs, times, values, starts, length } = kernel.rows;
  for (let at = 0; at < length; at++) {
    at += appender.appendMany?.(refs, times, values, at, length) ?? 0;
    if (at >= length) return;
    const field = kernel.from(request, starts[at] as number);
    const { labels } = decodeWriteRequest(field).next().value as WriteSeries;
    const words = new Uint32Array(values.buffer, values.byteOffset + 8 * at, 2);
    const isStale = words[1] === 0x7ff00000 && words[0] === 2;
    appendOne(appender, 0, labels as Labels, times[at] as number, values[at] as number, isStale, maxMs);
  }
}

function checkHeaders(contentType: string, encoding: string): void {
  const message = /^application\/x-protobuf(?:\s*;\s*proto\s*=\s*"?([^";\s]+)"?)?\s*$/i.exec(contentType);
  if (contentType !== '' && (message === null || (message[1] !== undefined && message[1] !== 'prometheus.WriteRequest'))) {
    throw errors.fail('unsupported_media', {
      reason: `content type "${contentType}" is not taken; send application/x-protobuf with prometheus.WriteRequest`,
    });
  }
  if (encoding !== '' && encoding !== 'snappy')
    throw errors.fail('unsupported_media', { reason: `encoding "${encoding}" is not taken; send snappy` });
}

/** The series' ref; 0 when there was nothing to store. Throws at the first sample that is refused; exemplars are no reason to. */
function appendSeries(appender: Appender, labels: Labels, series: WriteSeries, maxMs: number): SeriesRef {
  const { times, values, stale, histograms, exemplars } = series;
  let ref = 0;
  for (let i = 0; i < times.length; i++)
    ref = appendOne(appender, ref, labels, times[i] as number, values[i] as number, stale[i] === true, maxMs);
  for (const exemplar of exemplars) {
    const answer = appender.appendExemplar(ref, labels, exemplar);
    if (typeof answer === 'number') ref = answer;
  }
  for (const { tMs, histogram, isStale } of histograms) ref = appendOne(appender, ref, labels, tMs, histogram, isStale, maxMs);
  return ref;
}

function appendOne(
  appender: Appender,
  ref: SeriesRef,
  labels: Labels,
  tMs: number,
  value: number | FloatHistogram,
  isStale: boolean,
  maxMs: number,
): SeriesRef {
  const answer = tMs > maxMs ? 'out_of_bounds' : appender.append(ref, labels, tMs, value, isStale ? staleOptions : undefined);
  if (typeof answer === 'number') return answer;
  throw errors.fail('bad_data', { reason: `${reasons[answer]}: ${labels.toString()} at ${new Date(tMs).toISOString()}` });
}

/** The words that senders of the original log. */
const reasons: Readonly<Record<Rejection, string>> = {
  out_of_order: 'out of order sample',
  out_of_bounds: 'out of bounds',
  too_old: 'too old sample',
  duplicate_timestamp: 'duplicate sample for timestamp',
  invalid_labels: 'invalid labels',
  exemplar_invalid: 'invalid exemplar',
  histogram_invalid: 'invalid histogram',
  series_limit: 'too many series',
  memory_limit: 'out of memory for samples',
};
