/**
 * POST /api/v2/templates/render: a template of a notification rendered with a sample alert, with all definitions of the running
 * configuration. `{"template": "…", "labels": {…}, "annotations": {…}, "receiver": "team", "html": false, "resolved": false}`. Not in the
 * original.
 */
import { Labels } from '@pronoia/model';
import { Alert, momentAt } from '../alert.ts';
import type { Templates } from '../notify/template.ts';
import { type ApiContext, InvalidRequest, Refusal } from './context.ts';

export function renderTemplate(body: unknown, templates: Templates, { clock }: ApiContext): { text: string } {
  const request = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const { template, labels = { alertname: 'Sample' }, annotations = { summary: 'a sample' }, receiver = 'sample' } = request;
  if (typeof template !== 'string') throw new InvalidRequest(422, 602, 'template in body is required');
  if (typeof receiver !== 'string') throw new InvalidRequest(400, 400, 'receiver must be a string');
  const nowMs = clock.now();
  const set = Labels.from(textMap(labels, 'labels'));
  const alert = new Alert({
    labels: set,
    annotations: Labels.from(textMap(annotations, 'annotations')),
    startsAt: momentAt(nowMs - 60_000),
    endsAt: momentAt(request['resolved'] === true ? nowMs : nowMs + 300_000),
    generatorUrl: '',
    updatedAt: momentAt(nowMs),
    isTimeout: true,
  });
  try {
    const data = templates.data({
      alerts: [alert.isResolvedAt(nowMs) ? alert : alert.withoutEnd()],
      receiver,
      groupKey: '{}:{}',
      groupLabels: set.only(new Set(['alertname'])),
      routeLabels: {},
      reason: 'first notification',
      receiverData: {},
      nowMs,
      signal: new AbortController().signal,
    });
    return { text: request['html'] === true ? templates.html(template, data) : templates.text(template, data) };
  } catch (error) {
    throw new Refusal(400, (error as Error).message);
  }
}

function textMap(value: unknown, name: string): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.values(value).some((one) => typeof one !== 'string'))
    throw new InvalidRequest(400, 400, `${name} must be an object of strings`);
  return value as Record<string, string>;
}
