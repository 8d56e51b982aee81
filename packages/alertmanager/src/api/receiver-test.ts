/**
 * POST /api/v2/receivers/test: sends a sample alert to one receiver, past routing, grouping, silences and the notification log, and says
 * what each of its integrations made of it. Not in the original: there one learns of a wrong key when it matters.
 */
import { Labels } from '@pronoia/model';
import { Alert, momentAt } from '../alert.ts';
import { NotifyError } from '../notify/integration.ts';
import { type ApiContext, InvalidRequest, Refusal } from './context.ts';

const limitMs = 15_000;

interface Outcome {
  readonly integration: string;
  readonly index: number;
  readonly outcome: 'sent' | 'failed';
  readonly error?: string;
  readonly isRetryable?: boolean;
}

export async function testReceiver(
  body: unknown,
  { engine, clock }: ApiContext,
): Promise<{ receiver: string; integrations: readonly Outcome[] }> {
  if (body === undefined || body === null) throw new InvalidRequest(422, 602, 'receiver in body is required');
  if (typeof body !== 'object' || Array.isArray(body))
    throw new InvalidRequest(400, 400, 'expected an object such as {"receiver": "team"}');
  const { receiver: name, labels = {}, annotations = {} } = body as Record<string, unknown>;
  if (typeof name !== 'string') throw new InvalidRequest(422, 602, 'receiver in body is required');
  const receiver = engine.receivers.get(name);
  if (receiver === undefined)
    throw new Refusal(404, `there is no receiver ${JSON.stringify(name)}; known: ${[...engine.receivers.keys()].join(', ')}`);
  const nowMs = clock.now();
  const groupLabels = Labels.from({ alertname: 'TestNotification', ...textMap(labels, 'labels') });
  const alert = new Alert({
    labels: groupLabels,
    annotations: Labels.from({ summary: 'This is a test; nothing is wrong.', ...textMap(annotations, 'annotations') }),
    startsAt: momentAt(nowMs),
    endsAt: momentAt(nowMs + 300_000),
    generatorUrl: '',
    updatedAt: momentAt(nowMs),
    isTimeout: true,
  });
  const integrations = await Promise.all(
    receiver.integrations.map(async ({ kind, index, notify }): Promise<Outcome> => {
      const place = { integration: kind, index };
      try {
        await notify({
          alerts: [alert.withoutEnd()],
          receiver: name,
          // A key of its own, so that services which remember groups do not confuse it with a real one.
          groupKey: `test:${nowMs}:${name}`,
          groupLabels,
          routeLabels: {},
          reason: 'first notification',
          receiverData: {},
          nowMs,
          signal: AbortSignal.timeout(limitMs),
        });
        return { ...place, outcome: 'sent' };
      } catch (error) {
        return {
          ...place,
          outcome: 'failed',
          error: (error as Error).message,
          isRetryable: error instanceof NotifyError && error.isRetryable,
        };
      }
    }),
  );
  return { receiver: name, integrations };
}

function textMap(value: unknown, name: string): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.values(value).some((one) => typeof one !== 'string'))
    throw new InvalidRequest(400, 400, `${name} must be an object of strings`);
  return value as Record<string, string>;
}
