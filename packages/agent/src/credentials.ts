/** `--credential`: who this agent is to its master; `--http_credentials`: who may ask this agent (mesos.md §11.1). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CodedError } from '@pronoia/server';

export interface Credential {
  readonly principal: string;
  readonly secret: string;
}

/** A flag's value: JSON itself, or what the file that it names holds. */
export function flagContent(flag: string, value: string): string {
  const text = value.trim();
  if (text.startsWith('{') || text.startsWith('[')) return text;
  try {
    return readFileSync(text.replace(/^file:\/\//, ''), 'utf8');
  } catch (error) {
    throw new CodedError('bad_flag', 400, `--${flag}=${value}: expected JSON or a file: ${(error as Error).message}`, {}, error);
  }
}

/** `{"principal":…,"secret":…}`, a list of them under `credentials`, or a line each with both. */
function parseCredentials(flag: string, text: string): Credential[] {
  const bad = (reason: string): CodedError => new CodedError('bad_flag', 400, `--${flag}: ${reason}`);
  if (!text.trim().startsWith('{')) {
    return text.split('\n').flatMap((line) => {
      const [principal, secret, ...rest] = line.trim().split(/\s+/);
      if (principal === undefined || principal === '') return [];
      if (secret === undefined || rest.length > 0) throw bad('expected lines of a principal and a secret');
      return [{ principal, secret }];
    });
  }
  let json: { credentials?: unknown };
  try {
    json = JSON.parse(text) as { credentials?: unknown };
  } catch (error) {
    throw bad(`not JSON: ${(error as Error).message}`);
  }
  const list: readonly unknown[] = Array.isArray(json.credentials) ? json.credentials : [json];
  return list.map((one, i) => {
    const { principal, secret } = one as Partial<Credential>;
    if (typeof principal !== 'string' || typeof secret !== 'string') throw bad(`entry ${i} needs a principal and a secret`);
    return { principal, secret };
  });
}

/** The value of an `Authorization` header for `--credential`. */
export function basicHeader(value: string): string {
  const [only, ...more] = parseCredentials('credential', flagContent('credential', value));
  if (only === undefined || more.length > 0) throw new CodedError('bad_flag', 400, '--credential: expected one principal and its secret');
  return `Basic ${Buffer.from(`${only.principal}:${only.secret}`).toString('base64')}`;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Credentials {
  readonly #secrets: ReadonlyMap<string, Buffer>;

  constructor(value: string) {
    const list = parseCredentials('http_credentials', flagContent('http_credentials', value));
    this.#secrets = new Map(list.map(({ principal, secret }) => [principal, digest(secret)]));
  }

  /** Whether an `Authorization: Basic …` header names a known principal with its secret. */
  admits(header: string | undefined): boolean {
    const encoded = /^Basic +(\S+)$/i.exec(header ?? '')?.[1];
    const [, principal = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
    const known = this.#secrets.get(principal);
    // Digests have one length, and comparing them takes one time.
    return encoded !== undefined && known !== undefined && timingSafeEqual(known, digest(secret));
  }
}
