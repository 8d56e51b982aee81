/** `pronoia alert …`: what amtool's alert does, and what is asked of ours alone: explain, history, acknowledge. */
import { print } from '../terminal.ts';
import { type Connection, type ConnectionFlags, connected } from './connection.ts';
import { filters, labelWords } from './matchers.ts';
import { columns, timeText } from './table.ts';

interface ApiAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
  readonly status: { readonly state: string };
}

export interface AlertQueryFlags extends ConnectionFlags {
  readonly inhibited?: boolean;
  readonly silenced?: boolean;
  readonly active?: boolean;
  readonly unprocessed?: boolean;
  readonly receiver?: string;
}

export function queryAlerts(words: readonly string[], flags: AlertQueryFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const parameters = filters(words);
    const asked = ['inhibited', 'silenced', 'active', 'unprocessed'] as const;
    const isAsked = asked.some((name) => flags[name] === true);
    for (const name of asked) parameters.set(name, String(isAsked ? flags[name] === true : name === 'active'));
    if (flags.receiver !== undefined) parameters.set('receiver', flags.receiver);
    showAlerts((await connection.call('GET', `/alerts?${parameters.toString()}`)) as readonly ApiAlert[], connection);
  });
}

function showAlerts(alerts: readonly ApiAlert[], { output, dateFormat }: Connection): void {
  if (output === 'json') {
    print(JSON.stringify(alerts));
    return;
  }
  const sorted = [...alerts].sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt));
  const time = (written: string): string => timeText(written, dateFormat);
  if (output === 'simple') {
    const rows = sorted.map(({ labels, annotations, startsAt, status }) => [
      labels['alertname'] ?? '',
      time(startsAt),
      annotations['summary'] ?? '',
      status.state,
    ]);
    print(columns([['Alertname', 'Starts At', 'Summary', 'State'], ...rows]));
    return;
  }
  const rows = sorted.map(({ labels, annotations, startsAt, endsAt, generatorURL = '', status }) => [
    pairs(labels),
    pairs(annotations),
    time(startsAt),
    time(endsAt),
    generatorURL,
    status.state,
  ]);
  print(columns([['Labels', 'Annotations', 'Starts At', 'Ends At', 'Generator URL', 'State'], ...rows]));
}

function pairs(set: Readonly<Record<string, string>>): string {
  return Object.keys(set)
    .sort()
    .map((name) => `${name}=${JSON.stringify(set[name])}`)
    .join(' ');
}

export interface AlertAddFlags extends ConnectionFlags {
  readonly annotation?: readonly string[];
  readonly start?: string;
  readonly end?: string;
  readonly generatorUrl?: string;
}

export function addAlert(words: readonly string[], flags: AlertAddFlags): Promise<void> {
  const alert = {
    labels: labelWords(words, true),
    annotations: labelWords(flags.annotation ?? []),
    ...(flags.start === undefined ? {} : { startsAt: flags.start }),
    ...(flags.end === undefined ? {} : { endsAt: flags.end }),
    ...(flags.generatorUrl === undefined ? {} : { generatorURL: flags.generatorUrl }),
  };
  return connected(flags, async (connection) => {
    await connection.call('POST', '/alerts', [alert]);
  });
}

export function explainAlert(fingerprint: string, flags: ConnectionFlags): Promise<void> {
  return connected(flags, async (connection) => {
    print(JSON.stringify(await connection.call('GET', `/alerts/${encodeURIComponent(fingerprint)}/explain`), undefined, 2));
  });
}

export interface AcknowledgeFlags extends ConnectionFlags {
  readonly author?: string;
  readonly comment?: string;
  readonly withdraw?: boolean;
}

export function acknowledgeAlert(fingerprints: readonly string[], flags: AcknowledgeFlags, user: string): Promise<void> {
  return connected(flags, async (connection) => {
    const body = { by: flags.author ?? connection.author ?? user, comment: flags.comment ?? '' };
    for (const fingerprint of fingerprints) {
      const path = `/alerts/${encodeURIComponent(fingerprint)}/acknowledge`;
      await (flags.withdraw === true ? connection.call('DELETE', path) : connection.call('POST', path, body));
    }
  });
}

export interface HistoryFlags extends ConnectionFlags {
  readonly start?: string;
  readonly end?: string;
  readonly limit: string;
  readonly event?: readonly string[];
  readonly receiver?: string;
}

interface HistoryEvent {
  readonly at: string;
  readonly event: string;
  readonly receiver?: string;
  readonly reason?: string;
  readonly alerts?: readonly { readonly labels: Readonly<Record<string, string>> }[];
  readonly attempts?: readonly { readonly error?: string }[];
}

export function showHistory(words: readonly string[], flags: HistoryFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const parameters = filters(words);
    for (const name of ['start', 'end', 'limit', 'receiver'] as const) if (flags[name] !== undefined) parameters.set(name, flags[name]);
    for (const event of flags.event ?? []) parameters.append('event', event);
    const events = (await connection.call('GET', `/history?${parameters.toString()}`)) as readonly HistoryEvent[];
    if (connection.output === 'json') {
      print(JSON.stringify(events));
      return;
    }
    const rows = events.map(({ at, event, receiver = '', reason = '', alerts = [], attempts }) => [
      timeText(at, connection.dateFormat),
      event,
      receiver,
      attempts?.findLast(({ error }) => error !== undefined)?.error ?? reason,
      alerts.map(({ labels }) => (connection.output === 'extended' ? `{${pairs(labels)}}` : (labels['alertname'] ?? ''))).join(' '),
    ]);
    print(columns([['At', 'Event', 'Receiver', 'Why', 'Alerts'], ...rows]));
  });
}
