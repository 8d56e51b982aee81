/** `--credentials`: who is who (mesos.md §11.1), inline, or as the content of a file. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errors } from '../errors.ts';

/** A flag's value: the text itself, or what the file that it names holds. */
export function flagContent(flag: string, value: string): string {
  const trimmed = value.trim();
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) return trimmed;
  const path = trimmed.replace(/^file:\/\//, '');
  if (!path.startsWith('/')) throw errors.fail('bad_option', { flag, reason: 'expected JSON, or the absolute path of a file' });
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw errors.fail('bad_option', { flag, reason: error instanceof Error ? error.message : String(error) }, error);
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Credentials {
  readonly #secrets = new Map<string, Buffer>();

  /** `{"credentials":[{"principal":…,"secret":…}]}`, or the old form: a line each, `principal secret`. Throws CodedError `bad_option`. */
  static parse(text: string): Credentials {
    const made = new Credentials();
    if (text.trim().startsWith('{')) {
      let json: { credentials?: unknown };
      try {
        json = JSON.parse(text) as { credentials?: unknown };
      } catch (error) {
        throw errors.fail('bad_option', { flag: 'credentials', reason: `expected JSON: ${(error as Error).message}` });
      }
      if (!Array.isArray(json.credentials))
        throw errors.fail('bad_option', { flag: 'credentials', reason: "'credentials' must be a list" });
      for (const [i, one] of json.credentials.entries()) {
        const { principal, secret } = one as { principal?: unknown; secret?: unknown };
        if (typeof principal !== 'string' || typeof secret !== 'string')
          throw errors.fail('bad_option', { flag: 'credentials', reason: `credentials[${i}] needs a principal and a secret` });
        made.#secrets.set(principal, digest(secret));
      }
      return made;
    }
    for (const line of text.split('\n')) {
      const [principal, secret, ...rest] = line.trim().split(/\s+/);
      if (principal === undefined || principal === '') continue;
      if (secret === undefined || rest.length > 0)
        throw errors.fail('bad_option', { flag: 'credentials', reason: 'expected lines of a principal and a secret' });
      made.#secrets.set(principal, digest(secret));
    }
    return made;
  }

  /** The principal of an `Authorization: Basic …` header, when its secret is right. */
  principalOf(header: string | undefined): string | undefined {
    const found = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(header ?? '');
    if (found === null) return undefined;
    const pair = Buffer.from(found[1] ?? '', 'base64').toString();
    const colon = pair.indexOf(':');
    if (colon < 0) return undefined;
    const known = this.#secrets.get(pair.slice(0, colon));
    // Digests have one length, and comparing them takes one time.
    return known !== undefined && timingSafeEqual(known, digest(pair.slice(colon + 1))) ? pair.slice(0, colon) : undefined;
  }
}
