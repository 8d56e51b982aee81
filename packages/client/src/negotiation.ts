/**
 * Which format and which spelling of names a scraper gets (prometheus.io/docs/instrumenting/content_negotiation). Loaded on demand, so it
 * imports nothing but types.
 */
import type { EscapingScheme } from './escaping.ts';

export interface Format {
  readonly kind: 'text' | 'openmetrics' | 'protobuf';
  readonly escaping: EscapingScheme;
  readonly contentType: string;
}

const SCHEMES: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values'];
const OPENMETRICS = 'application/openmetrics-text';
const PROTOBUF = 'application/vnd.google.protobuf';

/** One of the things that an Accept header wants. */
interface Wish {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The most wanted format that we have; `fallback` when none is, or none was asked for. */
export function negotiate(accept: string, fallback: 'text' | 'openmetrics'): Format {
  const wishes = accept
    .toLowerCase()
    .split(',')
    .map((wish): Wish => {
      const [type = '', ...parameters] = wish.split(';').map((part) => part.trim());
      return { type, parameters: Object.fromEntries(parameters.map((parameter) => parameter.split('=').map((half) => half.trim()))) };
    })
    .filter((wish) => quality(wish) > 0)
    .sort((a, b) => quality(b) - quality(a));
  for (const wish of wishes) {
    const format = formatOf(wish, fallback);
    if (format !== undefined) return format;
  }
  return formatOf({ type: '*/*', parameters: {} }, fallback) as Format;
}

function quality({ parameters }: Wish): number {
  return Number(parameters.q ?? 1);
}

function formatOf({ type, parameters }: Wish, fallback: 'text' | 'openmetrics'): Format | undefined {
  let escaping = (SCHEMES.includes(parameters.escaping as string) ? parameters.escaping : 'underscores') as EscapingScheme;
  if (type === PROTOBUF) {
    if (parameters.proto !== 'io.prometheus.client.metricfamily' || parameters.encoding !== 'delimited') return undefined;
    const contentType = `${PROTOBUF}; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=${escaping}`;
    return { kind: 'protobuf', escaping, contentType };
  }
  const isOpenMetrics = type === OPENMETRICS || (type === '*/*' && fallback === 'openmetrics');
  if (!isOpenMetrics && !['text/plain', 'text/*', '*/*'].includes(type)) return undefined;
  const { version = isOpenMetrics ? '1.0.0' : '0.0.4' } = parameters;
  if (version !== '1.0.0') {
    if (version !== (isOpenMetrics ? '0.0.1' : '0.0.4')) return undefined;
    // Names in quotes came with the versions 1.0.0.
    if (escaping === 'allow-utf-8') escaping = 'underscores';
  }
  const suffix = version === '0.0.4' && escaping === 'underscores' ? '' : `; escaping=${escaping}`;
  const contentType = `${isOpenMetrics ? OPENMETRICS : 'text/plain'}; version=${version}; charset=utf-8${suffix}`;
  return { kind: isOpenMetrics ? 'openmetrics' : 'text', escaping, contentType };
}
