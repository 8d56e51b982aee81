/** What we ask a target for, and which parser its answer needs (prometheus-server.md §5.1, §5.6). */
import { type ExpositionSink, openMetricsSlices, textFormatSlices } from '@pronoia/model';
import type { EscapingScheme, ScrapeProtocol } from '../config/shared-fields.ts';

const mediaTypes: Readonly<Record<ScrapeProtocol, string>> = {
  PrometheusProto: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
  'OpenMetricsText0.0.1': 'application/openmetrics-text;version=0.0.1',
  'PrometheusText1.0.0': 'text/plain;version=1.0.0',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
};

export function acceptHeader(protocols: readonly ScrapeProtocol[], escaping: EscapingScheme): string {
  const wanted = protocols.map((protocol, index) => {
    const scheme = protocol.endsWith('1.0.0') ? `;escaping=${escaping}` : '';
    return `${mediaTypes[protocol]}${scheme};q=0.${6 - index}`;
  });
  return [...wanted, `*/*;q=0.${6 - protocols.length}`].join(',');
}

/** Hands lines to the sink; stops between two of them every now and then, so that others have their turn. */
export type PageParser = (bytes: Uint8Array, sink: ExpositionSink) => Iterable<void>;

/** Some hundred lines. */
const sliceBytes = 32 * 1024;
const readText: PageParser = (bytes, sink) => textFormatSlices(bytes, sink, sliceBytes);
const readOpenMetrics: PageParser = (bytes, sink) => openMetricsSlices(bytes, sink, {}, sliceBytes);

/** Undefined: the target answered in a format that we do not read, and no fallback is configured. */
export function parserFor(contentType: string, fallback: ScrapeProtocol | undefined): PageParser | undefined {
  const mediaType = (contentType.split(';')[0] as string).trim().toLowerCase();
  if (mediaType === 'text/plain') return readText;
  if (mediaType === 'application/openmetrics-text') return readOpenMetrics;
  if (fallback === undefined) return undefined;
  return fallback.startsWith('OpenMetrics') ? readOpenMetrics : readText;
}
