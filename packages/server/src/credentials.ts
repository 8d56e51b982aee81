/** Principals and their secrets, as Mesos' `--credentials`, `--credential` and `--http_credentials` give them (mesos.md §11.1). */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CodedError } from './errors.ts';

export interface Credential {
  readonly principal: string;
  readonly secret: string;
}

/** A flag's value: JSON itself, or what the file that it names holds. Throws CodedError `bad_flag`. */
export function flagContent(flag: string, value: string): string {
  const text = value.trim();
  if (text.startsWith('{') || text.startsWith('[')) return text;
  const path = text.replace(/^file:\/\//, '');
  if (!path.startsWith('/')) throw new CodedError('bad_flag', 400, `--${flag}: expected JSON, or the absolute path of a file`);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CodedError('bad_flag', 400, `--${flag}: ${(error as Error).message}`, {}, error);
  }
}

/** `{"principal":…,"secret":…}`, a list of them under `credentials`, or a line each with both. Throws CodedError `bad_flag`. */
export function parseCredentials(flag: string, text: string): Credential[] {
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
    throw bad(`expected JSON: ${(error as Error).message}`);
  }
  const list: readonly unknown[] = Array.isArray(json.credentials) ? json.credentials : [json];
  return list.map((one, i) => {
    const { principal, secret } = one as Partial<Credential>;
    if (typeof principal !== 'string' || typeof secret !== 'string') throw bad(`credentials[${i}] needs a principal and a secret`);
    return { principal, secret };
  });
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Who is who. Secrets are kept as digests. */
export class Credentials {
  readonly #secrets: ReadonlyMap<string, Buffer>;

  /** @param value the flag's: JSON, or a file. Throws CodedError `bad_flag`. */
  constructor(flag: string, value: string) {
    const list = parseCredentials(flag, flagContent(flag, value));
    this.#secrets = new Map(list.map(({ principal, secret }) => [principal, digest(secret)]));
  }

  /** The principal of an `Authorization: Basic …` header, when its secret is right. */
  principalOf(header: string | undefined): string | undefined {
    const encoded = /^Basic +(\S+)$/i.exec(header ?? '')?.[1];
    const [, principal = '', secret = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
    const known = this.#secrets.get(principal);
    // Digests have one length, and comparing them takes one time.
    return encoded !== undefined && known !== undefined && timingSafeEqual(known, digest(secret)) ? principal : undefined;
  }
}
