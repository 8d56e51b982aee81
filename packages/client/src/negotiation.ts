/** Which format and which spelling of names a scraper gets (prometheus.io/docs/instrumenting/content_negotiation). */
import type { EscapingScheme } from './escaping.ts';

export interface Format {
  readonly kind: 'text' | 'openmetrics' | 'protobuf';
  readonly escaping: EscapingScheme;
  readonly contentType: string;
}

const SCHEMES: readonly string[] = ['allow-utf-8', 'underscores', 'dots', 'values'];

/** The most wanted format that we have; `fallback` when none is, or none was asked for. */
export function negotiate(accept: string | undefined, fallback: 'text' | 'openmetrics'): Format {
  const wishes = (accept ?? '')
    .split(',')
    .map((wish) => {
      const [type = '', ...parameters] = wish.split(';').map((part) => part.trim().toLowerCase());
      const byName = new Map(parameters.map((parameter) => parameter.split('=', 2).map((half) => half.trim()) as [string, string]));
      return { type, parameters: byName, quality: Number(byName.get('q') ?? 1) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { type, parameters } of wishes) {
    const format = formatOf(type, parameters, fallback);
    if (format !== undefined) return format;
  }
  return formatOf('*/*', new Map(), fallback) as Format;
}

function formatOf(type: string, parameters: ReadonlyMap<string, string>, fallback: 'text' | 'openmetrics'): Format | undefined {
  const asked = parameters.get('escaping') ?? '';
  const escaping = SCHEMES.includes(asked) ? (asked as EscapingScheme) : 'underscores';
  const version = parameters.get('version');
  switch (type) {
    case 'application/vnd.google.protobuf': {
      if (parameters.get('proto') !== 'io.prometheus.client.metricfamily' || parameters.get('encoding') !== 'delimited') return undefined;
      const contentType = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';
      return { kind: 'protobuf', escaping, contentType: `${contentType}; escaping=${escaping}` };
    }
    case 'application/openmetrics-text': {
      if (version !== undefined && version !== '1.0.0' && version !== '0.0.1') return undefined;
      const contentType = `application/openmetrics-text; version=${version ?? '1.0.0'}; charset=utf-8`;
      // Names in quotes are an addition to version 1.0.0.
      const scheme = version === '0.0.1' && escaping === 'allow-utf-8' ? 'underscores' : escaping;
      return { kind: 'openmetrics', escaping: scheme, contentType: `${contentType}; escaping=${scheme}` };
    }
    case 'text/plain':
    case 'text/*':
    case '*/*': {
      if (type === '*/*' && fallback === 'openmetrics') return formatOf('application/openmetrics-text', parameters, fallback);
      if (version === '1.0.0')
        return { kind: 'text', escaping, contentType: `text/plain; version=1.0.0; charset=utf-8; escaping=${escaping}` };
      if (version !== undefined && version !== '0.0.4') return undefined;
      const scheme = escaping === 'allow-utf-8' ? 'underscores' : escaping;
      const suffix = scheme === 'underscores' ? '' : `; escaping=${scheme}`;
      return { kind: 'text', escaping: scheme, contentType: `text/plain; version=0.0.4; charset=utf-8${suffix}` };
    }
    default:
      return undefined;
  }
}
