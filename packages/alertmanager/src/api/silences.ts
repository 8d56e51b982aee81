/** GET, POST /api/v2/silences; GET, DELETE /api/v2/silence/{id}. */

import { readTime } from '../alert.ts';
import { AlertMatcher, isValidName } from '../matcher.ts';
import { type Silence, type SilenceState, silenceState } from '../silence.ts';
import { type ApiContext, asRefusal, booleanParameter, filterParameter, InvalidRequest, type Query, Refusal } from './context.ts';
import { mayExpire, underPolicy } from './silence-policy.ts';

const uuid = /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/;

export function getSilences(query: Query, { silences, clock, mode }: ApiContext): object[] {
  const matchers = filterParameter(query, mode);
  const shows: Readonly<Record<SilenceState, boolean>> = {
    active: booleanParameter(query, 'active'),
    pending: booleanParameter(query, 'pending'),
    expired: booleanParameter(query, 'expired'),
  };
  const nowMs = clock.now();
  const order: Readonly<Record<SilenceState, number>> = { active: 0, pending: 1, expired: 2 };
  return (
    [...silences.all()]
      .map((silence) => ({ silence, state: silenceState(silence, nowMs) }))
      // By identity, not by effect: one looks for the silence that one wrote.
      .filter(
        ({ silence, state }) => shows[state] && matchers.every((wanted) => silence.matchers.some((matcher) => matcher.equals(wanted))),
      )
      .sort((a, b) => {
        if (a.state !== b.state) return order[a.state] - order[b.state];
        switch (a.state) {
          case 'active':
            return a.silence.endsAtMs - b.silence.endsAtMs;
          case 'pending':
            return a.silence.startsAtMs - b.silence.startsAtMs;
          case 'expired':
            return b.silence.endsAtMs - a.silence.endsAtMs;
        }
      })
      .map(({ silence, state }) => silenceJson(silence, state))
  );
}

export function getSilence(id: string, { silences, clock }: ApiContext): object {
  checkId(id);
  const silence = silences.get(id);
  if (silence === undefined) throw new Refusal(404, 'silence not found');
  return silenceJson(silence, silenceState(silence, clock.now()));
}

export async function deleteSilence(id: string, user: string | undefined, { silences, clock, engine }: ApiContext): Promise<void> {
  checkId(id);
  mayExpire(engine.config.silence_policy, silences.get(id), user);
  try {
    silences.expire(id, clock.now());
    await silences.synced();
  } catch (error) {
    throw asRefusal(error);
  }
}

function checkId(id: string): void {
  if (!uuid.test(id)) throw new InvalidRequest(422, 601, `silenceID in path must be of type uuid: ${JSON.stringify(id)}`);
}

function silenceJson(silence: Silence, state: SilenceState): object {
  return {
    id: silence.id,
    status: { state },
    updatedAt: new Date(silence.updatedAtMs).toISOString(),
    annotations: silence.annotations,
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: new Date(silence.endsAtMs).toISOString(),
    matchers: silence.matchers.map((matcher) => ({
      isEqual: matcher.isPositive,
      isRegex: matcher.isPattern,
      name: matcher.name,
      value: matcher.value,
    })),
    startsAt: new Date(silence.startsAtMs).toISOString(),
  };
}

export async function postSilence(
  body: unknown,
  user: string | undefined,
  { silences, clock, mode, engine }: ApiContext,
): Promise<{ silenceID: string }> {
  if (body === undefined || body === null) throw new InvalidRequest(422, 602, 'silence in body is required');
  if (typeof body !== 'object' || Array.isArray(body)) throw badJson('expected an object');
  const { id, matchers, startsAt, endsAt, createdBy, comment, annotations } = body as Record<string, unknown>;
  const text = (value: unknown, name: string): string => {
    if (typeof value !== 'string') throw badJson(`${name} must be a string`);
    return value;
  };
  for (const [name, value] of Object.entries({ comment, createdBy, endsAt, matchers, startsAt }))
    if (value === undefined || value === null) throw new InvalidRequest(422, 602, `${name} in body is required`);
  if (!Array.isArray(matchers)) throw badJson('matchers must be a list');
  if (matchers.length === 0) throw new InvalidRequest(422, 612, 'matchers in body should have at least 1 items');
  if (id !== undefined && id !== null && typeof id !== 'string') throw badJson('id must be a string');
  const time = (value: unknown, name: string): number => {
    const written = text(value, name);
    const read = readTime(written);
    if (read === undefined) throw badJson(`parsing time ${JSON.stringify(written)}: ${name} must look like 2006-01-02T15:04:05Z`);
    // Beyond what a Date holds lies nothing that anybody means.
    if (Math.abs(read.unixMs) > 8.64e15) throw badJson(`${name} is out of range`);
    return read.unixMs;
  };
  const parsed = matchers.map((one: unknown, i) => readMatcher(one, i));
  for (const [i, { name }] of parsed.entries())
    if (!isValidName(name, mode))
      throw new Refusal(400, `invalid silence: invalid label matcher ${i} in set 0: invalid label name ${JSON.stringify(name)}`);
  try {
    const request = {
      ...(id === undefined || id === null || id === '' ? {} : { id }),
      matchers: parsed,
      startsAtMs: time(startsAt, 'startsAt'),
      endsAtMs: time(endsAt, 'endsAt'),
      createdBy: text(createdBy, 'createdBy'),
      comment: text(comment, 'comment'),
      annotations: annotations === undefined || annotations === null ? {} : textMap(annotations),
    };
    const silenceID = silences.set(underPolicy(engine.config.silence_policy, request, user, silences, clock.now()), clock.now());
    await silences.synced();
    return { silenceID };
  } catch (error) {
    throw asRefusal(error);
  }
}

function badJson(reason: string): InvalidRequest {
  return new InvalidRequest(400, 400, `parsing silence body from "" failed, because ${reason}`);
}

function textMap(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.values(value).some((one) => typeof one !== 'string'))
    throw badJson('annotations must be an object of strings');
  return value as Readonly<Record<string, string>>;
}

function readMatcher(value: unknown, i: number): AlertMatcher {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw badJson(`matcher ${i} must be an object`);
  const { name, value: pattern, isRegex, isEqual = true } = value as Record<string, unknown>;
  for (const [key, member] of Object.entries({ name, value: pattern, isRegex }))
    if (member === undefined || member === null) throw new InvalidRequest(422, 602, `matchers.${i}.${key} in body is required`);
  if (typeof name !== 'string' || typeof pattern !== 'string') throw badJson(`matcher ${i}: name and value must be strings`);
  if (typeof isRegex !== 'boolean' || (typeof isEqual !== 'boolean' && isEqual !== null))
    throw badJson(`matcher ${i}: isRegex and isEqual must be true or false`);
  const isPositive = isEqual ?? true;
  try {
    return new AlertMatcher(isRegex ? (isPositive ? '=~' : '!~') : isPositive ? '=' : '!=', name, pattern);
  } catch (error) {
    throw new Refusal(
      400,
      `invalid silence: invalid label matcher ${i} in set 0: invalid regular expression ${JSON.stringify(pattern)}: ${(error as Error).message}`,
    );
  }
}
