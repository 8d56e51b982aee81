/**
 * POST, DELETE /api/v2/alerts/{fingerprint}/acknowledge: somebody takes an alert on, or gives it back; GET /api/v2/acknowledgements lists
 * them. Not in the original.
 */
import type { Acknowledgement, Acknowledgements } from '../acknowledgement.ts';
import { type ApiContext, InvalidRequest, Refusal } from './context.ts';

export function checkFingerprint(fingerprint: string): void {
  if (!/^[0-9a-f]{16}$/.test(fingerprint))
    throw new InvalidRequest(422, 601, `fingerprint in path must be 16 hexadecimal digits: ${JSON.stringify(fingerprint)}`);
}

/** `principal` is the name of who asks, where the server knows it; else the body's `by` is believed. */
export function acknowledge(
  fingerprint: string,
  body: unknown,
  principal: string | undefined,
  acknowledgements: Acknowledgements,
  { store, clock }: ApiContext,
): object {
  checkFingerprint(fingerprint);
  const { by = principal, comment = '' } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  if (typeof by !== 'string' || by === '') throw new InvalidRequest(422, 602, 'by in body is required: who acknowledges');
  if (typeof comment !== 'string') throw new InvalidRequest(400, 400, 'comment must be a string');
  const alert = store.get(fingerprint);
  const nowMs = clock.now();
  if (alert === undefined || alert.isResolvedAt(nowMs)) throw new Refusal(404, `no alert ${fingerprint} fires`);
  const made: Acknowledgement = { fingerprint, by: principal ?? by, comment, atMs: nowMs, startsAtMs: alert.startsAt.unixMs };
  acknowledgements.set(made);
  return acknowledgementJson(made);
}

export function withdraw(fingerprint: string, acknowledgements: Acknowledgements, { clock }: ApiContext): void {
  checkFingerprint(fingerprint);
  if (!acknowledgements.withdraw(fingerprint, clock.now())) throw new Refusal(404, `alert ${fingerprint} is not acknowledged`);
}

export function getAcknowledgements(acknowledgements: Acknowledgements, { store, clock }: ApiContext): object[] {
  const nowMs = clock.now();
  return [...store.sorted()].flatMap((alert) => {
    const found = alert.isResolvedAt(nowMs) ? undefined : acknowledgements.of(alert);
    return found === undefined ? [] : [{ ...acknowledgementJson(found), labels: alert.labels.toObject() }];
  });
}

export function acknowledgementJson({ fingerprint, by, comment, atMs }: Acknowledgement): object {
  return { fingerprint, by, comment, at: new Date(atMs).toISOString() };
}
