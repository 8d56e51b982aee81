/**
 * POST /api/v2/config/dry-run: what another configuration would do to the alerts of this moment, without taking it into use. Not in the
 * original.
 */
import { ConfigError } from '@pronoia/server';
import type { Alert } from '../alert.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { groupKey, Route } from '../route.ts';
import { Slice } from '../turns.ts';
import { type ApiContext, InvalidRequest } from './context.ts';

/** More are counted but not listed. */
const maxListed = 1000;

interface Place {
  readonly receiver: string;
  readonly groupKey: string;
}

export async function dryRun(body: unknown, { engine, store, clock, mode }: ApiContext): Promise<object> {
  const text = body !== null && typeof body === 'object' ? (body as Record<string, unknown>)['config'] : undefined;
  if (typeof text !== 'string') throw new InvalidRequest(422, 602, 'config in body is required: the text of a configuration file');
  let config: Config;
  try {
    config = parseConfig(text, 'config', { mode });
  } catch (error) {
    if (error instanceof ConfigError) return { valid: false, faults: error.faults };
    throw error;
  }
  const root = new Route(config.route, undefined, 0);
  const nowMs = clock.now();
  const slice = new Slice();
  let alerts = 0;
  let changedCount = 0;
  const changed: object[] = [];
  for (const alert of store.sorted()) {
    if (alert.isResolvedAt(nowMs)) continue;
    if (slice.isOver()) await slice.next();
    alerts++;
    const before = placesOf(alert, engine.root);
    const after = placesOf(alert, root);
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    changedCount++;
    if (changed.length < maxListed) changed.push({ fingerprint: alert.fingerprint, labels: alert.labels.toObject(), before, after });
  }
  return { valid: true, alerts, changedCount, changed };
}

function placesOf(alert: Alert, root: Route): Place[] {
  return root
    .match(alert.labels)
    .map((route) => ({ receiver: route.options.receiver, groupKey: groupKey(route, route.groupLabels(alert.labels)) }));
}
