/**
 * How the alerting verbs reach an alertmanager: amtool's flags and its configuration files, ours first
 * (`~/.config/pronoia/alerting.yml`, `~/.config/amtool/config.yml`, `/etc/amtool/config.yml`, and where Debian keeps the last two).
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { defaultHttpConfig, HttpClient, httpConfigSchema } from '@pronoia/alertmanager';
import { ConfigError, optional, readConfig, type SchemaValue, schema, withDefault } from '@pronoia/server';
import { type Command, Option } from 'commander';
import { UserError } from '../user-error.ts';

export interface ConnectionFlags {
  readonly 'alertmanager.url'?: string;
  readonly output?: Output;
  readonly timeout?: string;
  readonly 'http.config.file'?: string;
  readonly 'date.format'?: string;
}

export type Output = 'simple' | 'extended' | 'json';

const text = optional(schema.string());
const settingsSchema = schema.object({
  'alertmanager.url': text,
  author: text,
  'require-comment': withDefault(schema.boolean(), true),
  comment_required: optional(schema.boolean()),
  output: optional(schema.oneOf(['simple', 'extended', 'json'])),
  'date.format': text,
  'http.config.file': text,
  'version-check': optional(schema.boolean()),
});

export function addConnectionFlags(command: Command): Command {
  return command
    .option('--alertmanager.url <url>', 'the alertmanager; may hold user:password@; default http://127.0.0.1:9093')
    .addOption(new Option('-o, --output <format>', 'how much is shown').choices(['simple', 'extended', 'json']))
    .option('--timeout <duration>', 'how long to wait for an answer', '30s')
    .option('--http.config.file <file>', 'users, TLS, proxies: the format of http_config in alertmanager.yml')
    .option('--date.format <layout>', "Go's layout of dates")
    .option('--no-version-check', 'accepted, as amtool takes it; versions are not compared');
}

export class Connection {
  readonly output: Output;
  readonly dateFormat: string;
  readonly author: string | undefined;
  readonly requiresComment: boolean;
  readonly #url: string;
  readonly #client: HttpClient;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;

  constructor(flags: ConnectionFlags) {
    const settings = readSettings();
    const url = new URL(checkUrl(flags['alertmanager.url'] ?? settings['alertmanager.url'] ?? 'http://127.0.0.1:9093'));
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    this.#headers = credentials === ':' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
    url.username = url.password = '';
    this.#url = url.href.replace(/\/+$/, '');
    const file = flags['http.config.file'] ?? settings['http.config.file'];
    const config =
      file === undefined ? defaultHttpConfig : asUserError(() => readConfig(readFileSync(file, 'utf8'), file, httpConfigSchema));
    this.#client = new HttpClient(config, resolve(file ?? '.'));
    this.#timeoutMs = durationOf(flags.timeout ?? '30s');
    this.output = flags.output ?? settings.output ?? 'simple';
    this.dateFormat = flags['date.format'] ?? settings['date.format'] ?? '2006-01-02 15:04:05 MST';
    this.author = settings.author;
    this.requiresComment = settings.comment_required ?? settings['require-comment'];
  }

  /** The parsed answer, or undefined when it is empty. Throws UserError, with the server's own words where it has some. */
  async call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#client
      .send(`${this.#url}/api/v2${path}`, {
        method,
        headers: { ...this.#headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(this.#timeoutMs),
      })
      .catch((error: unknown) => {
        throw new UserError(`${this.#url} does not answer: ${(error as Error).message}; --alertmanager.url names another`);
      });
    if (answer.status >= 300) throw new UserError(`${this.#url}: ${answer.status}: ${messageOf(answer.text)}`);
    if (answer.text.trim() === '') return undefined;
    try {
      return JSON.parse(answer.text) as unknown;
    } catch {
      throw new UserError(`${this.#url} is no alertmanager: ${method} ${path} answered ${answer.text.slice(0, 100)}`);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** Runs one verb with a connection that is closed after it. */
export async function connected(flags: ConnectionFlags, work: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = new Connection(flags);
  try {
    await work(connection);
  } finally {
    await connection.close();
  }
}

function readSettings(): SchemaValue<typeof settingsSchema> {
  const home = homedir();
  const file = [
    join(home, '.config/pronoia/alerting.yml'),
    join(home, '.config/amtool/config.yml'),
    join(home, '.config/prometheus/amtool.yml'),
    '/etc/amtool/config.yml',
    '/etc/prometheus/amtool.yml',
  ].find(existsSync);
  return asUserError(() => readConfig(file === undefined ? '{}' : readFileSync(file, 'utf8'), file ?? '', settingsSchema));
}

export function asUserError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError || (error as NodeJS.ErrnoException).code !== undefined) throw new UserError((error as Error).message);
    throw error;
  }
}

function checkUrl(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url;
  throw new UserError(`--alertmanager.url=${url}: write http://host:port`);
}

function messageOf(body: string): string {
  try {
    const parsed = JSON.parse(body) as string | { message?: string };
    return typeof parsed === 'string' ? parsed : (parsed.message ?? body);
  } catch {
    return body.trim() === '' ? 'no reason given' : body.trim();
  }
}

/** Prometheus' grammar, as the flags of amtool. */
export function durationOf(written: string): number {
  return asUserError(() => readConfig(JSON.stringify(written), 'duration', schema.duration()));
}
