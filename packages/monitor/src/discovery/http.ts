/** Targets from a URL that answers a JSON list of groups (prometheus-server.md §3.4). */
import { readConfig, schema } from '@pronoia/server';
import { type HttpSdConfig, targetGroupSchema } from '../config/discovery.ts';
import { errors } from '../errors.ts';
import { userAgent } from '../version.ts';
import type { Discoverer, DiscovererTools, TargetGroup } from './discoverer.ts';
import { poll } from './poll.ts';

const groupList = schema.list(targetGroupSchema);

export function createHttpDiscoverer(config: HttpSdConfig, tools: DiscovererTools): Discoverer {
  const { clock, log, fetch, failures } = tools;

  async function refresh(signal: AbortSignal): Promise<readonly TargetGroup[]> {
    const response = await fetch({
      url: config.url,
      timeoutMs: config.refresh_interval,
      signal,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        'user-agent': userAgent,
        'x-prometheus-refresh-interval-seconds': String(config.refresh_interval / 1000),
      },
    });
    if (response.status !== 200) throw errors.fail('discovery_status', { url: config.url, status: response.status });
    const contentType = response.header('content-type');
    if (!/^\s*application\/json\s*(;\s*charset=("?)utf-8\2\s*)?$/i.test(contentType)) {
      throw errors.fail('discovery_content_type', { url: config.url, contentType });
    }
    return parseGroups(response.body.toString('utf8'), config.url, '__meta_url');
  }

  return {
    run: (emit, signal) =>
      poll(clock, config.refresh_interval, signal, async () => {
        try {
          emit(await refresh(signal));
        } catch (error) {
          if (signal.aborted) return;
          failures.inc();
          log.error({ url: config.url, error: (error as Error).message }, 'Unable to refresh target groups; keeping the last ones');
        }
      }),
  };
}

/** A list of `{targets, labels}` in YAML or JSON, as file and http discovery share it. Throws with every fault of the text. */
export function parseGroups(text: string, origin: string, originLabel: string): readonly TargetGroup[] {
  const groups = readConfig(text, origin, groupList);
  return groups.map(({ targets, labels }, index) => ({
    source: `${origin}:${index}`,
    labels: { ...labels, [originLabel]: origin },
    targets: targets.map((address) => ({ __address__: address })),
  }));
}
