/**
 * `POST /api/v1/write`: samples from other servers, remote write 1.0 (prometheus-server.md §10.3). One request is one batch: it is
 * stored as a whole, or refused as a whole with the first reason.
 */
import { Counter, type Registry } from '@pronoia/client';
import type { Appendable, Appender, Rejection } from '@pronoia/model';
import type { Clock } from '@pronoia/server';
import { errors } from '../errors.ts';
import { decodeSnappy, SnappyError } from './snappy.ts';
import { decodeWriteRequest, ProtobufError, type WriteSeries } from './write-request.ts';

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
const staleOptions = { stale: true };

export function createReceiver({ clock, appendable, registry }: ReceiverDeps): ReceiveWrite {
  const invalidSamples = new Counter({
    name: 'prometheus_api_remote_write_invalid_labels_samples_total',
    help: 'Samples received by remote write and skipped because their labels are not valid.',
    registers: [registry],
  });

  return async ({ contentType, encoding }, body) => {
    checkHeaders(contentType, encoding);
    const appender = appendable.appender();
    try {
      const maxMs = clock.now() + maxAheadMs;
      for (const series of decodeWriteRequest(decodeSnappy(body, limitBytes))) {
        if (series.labels === undefined) invalidSamples.inc(series.values.length);
        else appendSeries(appender, series, maxMs);
      }
    } catch (error) {
      appender.rollback();
      if (error instanceof SnappyError || error instanceof ProtobufError) throw errors.fail('bad_data', { reason: error.message }, error);
      throw error;
    }
    await appender.commit();
  };
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

function appendSeries(appender: Appender, series: WriteSeries, maxMs: number): void {
  const { times, values, stale, hasHistograms } = series;
  const labels = series.labels as NonNullable<WriteSeries['labels']>;
  if (hasHistograms)
    throw errors.fail('bad_data', { reason: `not implemented yet: native histograms by remote write (${labels.toString()})` });
  let ref = 0;
  for (let i = 0; i < times.length; i++) {
    const tMs = times[i] as number;
    const answer =
      tMs > maxMs ? 'out_of_bounds' : appender.append(ref, labels, tMs, values[i] as number, stale[i] ? staleOptions : undefined);
    if (typeof answer === 'string')
      throw errors.fail('bad_data', { reason: `${reasons[answer]}: ${labels.toString()} at ${new Date(tMs).toISOString()}` });
    ref = answer;
  }
}

/** The words that senders of the original log. */
const reasons: Readonly<Record<Rejection, string>> = {
  out_of_order: 'out of order sample',
  out_of_bounds: 'out of bounds',
  too_old: 'too old sample',
  duplicate_timestamp: 'duplicate sample for timestamp',
  invalid_labels: 'invalid labels',
  exemplar_invalid: 'invalid exemplar',
  series_limit: 'too many series',
  memory_limit: 'out of memory for samples',
};
