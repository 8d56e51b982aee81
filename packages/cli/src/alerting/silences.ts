/** `pronoia silence …`: amtool's silence. */
import { readFileSync } from 'node:fs';
import { AlertMatcher, type parseMatcher, printMatchers } from '@pronoia/alertmanager';
import { print } from '../terminal.ts';
import { UserError } from '../user-error.ts';
import { type Connection, type ConnectionFlags, connected, durationOf } from './connection.ts';
import { filters, labelWords, matcherWords } from './matchers.ts';
import { columns, timeText } from './table.ts';

interface ApiSilence {
  readonly id: string;
  readonly matchers: readonly { readonly name: string; readonly value: string; readonly isRegex: boolean; readonly isEqual?: boolean }[];
  readonly startsAt: string;
  readonly endsAt: string;
  readonly updatedAt: string;
  readonly createdBy: string;
  readonly comment: string;
  readonly status: { readonly state: string };
}

export interface SilenceQueryFlags extends ConnectionFlags {
  readonly quiet?: boolean;
  readonly expired?: boolean;
  readonly within?: string;
  readonly createdBy?: string;
  readonly id?: string;
}

export function querySilences(words: readonly string[], flags: SilenceQueryFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const parameters = filters(words);
    const silences = (await connection.call('GET', `/silences?${parameters.toString()}`)) as readonly ApiSilence[];
    const withinMs = flags.within === undefined ? 0 : durationOf(flags.within);
    const wantsExpired = flags.expired === true;
    const nowMs = Date.now();
    const found = silences.filter((silence) => {
      if ((silence.status.state === 'expired') !== wantsExpired) return false;
      const endsAtMs = Date.parse(silence.endsAt);
      if (withinMs > 0 && (wantsExpired ? endsAtMs < nowMs - withinMs : endsAtMs > nowMs + withinMs)) return false;
      if (flags.id !== undefined && silence.id !== flags.id) return false;
      return flags.createdBy === undefined || silence.createdBy === flags.createdBy;
    });
    if (flags.quiet === true) for (const { id } of found) print(id);
    else showSilences(found, connection);
  });
}

function showSilences(silences: readonly ApiSilence[], { output, dateFormat }: Connection): void {
  if (output === 'json') {
    print(JSON.stringify(silences));
    return;
  }
  const sorted = [...silences].sort((a, b) => Date.parse(a.endsAt) - Date.parse(b.endsAt));
  const time = (written: string): string => timeText(written, dateFormat);
  if (output === 'simple') {
    const rows = sorted.map((silence) => [
      silence.id,
      matchersOf(silence).map(String).join(' '),
      time(silence.endsAt),
      silence.createdBy,
      silence.comment,
    ]);
    print(columns([['ID', 'Matchers', 'Ends At', 'Created By', 'Comment'], ...rows]));
    return;
  }
  const rows = sorted.map((silence) => [
    silence.id,
    printMatchers(matchersOf(silence)),
    time(silence.startsAt),
    time(silence.endsAt),
    time(silence.updatedAt),
    silence.createdBy,
    silence.comment,
  ]);
  print(columns([['ID', 'Matchers', 'Starts At', 'Ends At', 'Updated At', 'Created By', 'Comment'], ...rows]));
}

function matchersOf({ matchers }: ApiSilence): AlertMatcher[] {
  return matchers.map(
    ({ name, value, isRegex, isEqual = true }) => new AlertMatcher(isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!=', name, value),
  );
}

const apiMatcher = ({ name, value, isPattern, isPositive }: ReturnType<typeof parseMatcher>): object => ({
  name,
  value,
  isRegex: isPattern,
  isEqual: isPositive,
});

export interface SilenceAddFlags extends ConnectionFlags {
  readonly author?: string;
  readonly comment?: string;
  readonly duration: string;
  readonly start?: string;
  readonly end?: string;
  readonly annotation?: readonly string[];
}

export function addSilence(words: readonly string[], flags: SilenceAddFlags, user: string): Promise<void> {
  return connected(flags, async (connection) => {
    if (words.length === 0) throw new UserError('no matchers specified');
    if (connection.requiresComment && (flags.comment ?? '') === '')
      throw new UserError('comment required by config; give one with --comment');
    const startsAtMs = flags.start === undefined ? Date.now() : timeOf(flags.start);
    const answer = await connection.call('POST', '/silences', {
      matchers: matcherWords(words).map(apiMatcher),
      startsAt: new Date(startsAtMs).toISOString(),
      endsAt: flags.end ?? new Date(startsAtMs + durationOf(flags.duration)).toISOString(),
      createdBy: flags.author ?? connection.author ?? user,
      comment: flags.comment ?? '',
      ...(flags.annotation === undefined ? {} : { annotations: labelWords(flags.annotation) }),
    });
    print((answer as { silenceID: string }).silenceID);
  });
}

function timeOf(written: string): number {
  const ms = Date.parse(written);
  if (Number.isNaN(ms)) throw new UserError(`${written} is no time; write 2006-01-02T15:04:05Z`);
  return ms;
}

export function expireSilences(ids: readonly string[], flags: ConnectionFlags): Promise<void> {
  return connected(flags, async (connection) => {
    if (ids.length === 0) throw new UserError('no silence IDs specified');
    for (const id of ids) await connection.call('DELETE', `/silence/${encodeURIComponent(id)}`);
  });
}

export interface SilenceUpdateFlags extends ConnectionFlags {
  readonly quiet?: boolean;
  readonly duration?: string;
  readonly start?: string;
  readonly end?: string;
  readonly comment?: string;
}

export function updateSilences(ids: readonly string[], flags: SilenceUpdateFlags): Promise<void> {
  return connected(flags, async (connection) => {
    if (ids.length === 0) throw new UserError('no silence IDs specified');
    const updated: ApiSilence[] = [];
    for (const id of ids) {
      const old = (await connection.call('GET', `/silence/${encodeURIComponent(id)}`)) as ApiSilence;
      const startsAt = flags.start === undefined ? old.startsAt : new Date(timeOf(flags.start)).toISOString();
      // The length counts from the start, as amtool counts it.
      const ownEnd = flags.duration === undefined ? old.endsAt : new Date(Date.parse(startsAt) + durationOf(flags.duration)).toISOString();
      const changed = { ...old, startsAt, endsAt: flags.end ?? ownEnd, comment: flags.comment ?? old.comment };
      const { silenceID } = (await connection.call('POST', '/silences', changed)) as { silenceID: string };
      updated.push({ ...changed, id: silenceID });
    }
    if (flags.quiet === true) for (const { id } of updated) print(id);
    else showSilences(updated, connection);
  });
}

export interface SilenceImportFlags extends ConnectionFlags {
  readonly force?: boolean;
  readonly worker: string;
}

/** Prints the id of each that was taken; the others are told of at the end. */
export function importSilences(file: string | undefined, flags: SilenceImportFlags): Promise<void> {
  return connected(flags, async (connection) => {
    let silences: unknown;
    try {
      silences = JSON.parse(readFileSync(file ?? 0, 'utf8'));
    } catch (error) {
      throw new UserError(`couldn't unmarshal input data, is it JSON? ${(error as Error).message}`);
    }
    if (!Array.isArray(silences)) throw new UserError("couldn't unmarshal input data, is it JSON? a list is expected");
    const waiting = [...(silences as readonly ApiSilence[])];
    const failures: string[] = [];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { id, ...rest } = next;
        try {
          const answer = await connection.call('POST', '/silences', flags.force === true ? rest : next);
          print((answer as { silenceID: string }).silenceID);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          failures.push(`Error adding silence id='${id ?? ''}': ${error.message}`);
        }
      }
    };
    const workers = Math.max(1, Number.parseInt(flags.worker, 10) || 8);
    await Promise.all(Array.from({ length: workers }, work));
    if (failures.length > 0)
      throw new UserError([...failures, `couldn't import ${failures.length} out of ${silences.length} silences`].join('\n'));
  });
}
