/** Where the server is: the flags --web.listen-address, --web.external-url and --web.route-prefix (prometheus-server.md §6.1). */
import { errors } from '../errors.ts';

/** `host:port`, `:port`, `[ipv6]:port`. */
export function parseListenAddress(addresses: readonly string[]): { host: string; port: number } {
  const [address = ''] = addresses;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (addresses.length !== 1 || match === null || Number(match[3]) > 65_535) {
    throw errors.fail('bad_listen_address', { address: addresses.join(', ') });
  }
  return { host: match[1] ?? (match[2] === '' ? '0.0.0.0' : (match[2] as string)), port: Number(match[3]) };
}

/** Without a trailing slash; undefined when the flag is not set. */
export function parseExternalUrl(text: string): string | undefined {
  if (text === '') return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw errors.fail('bad_external_url', { url: text });
  return text.replace(/\/+$/, '');
}

/** `/prometheus`, or empty. */
export function routePrefix(given: string, externalUrl: string | undefined): string {
  if (given !== '') return `/${given}`.replace(/\/+/g, '/').replace(/\/$/, '');
  return externalUrl === undefined ? '' : new URL(externalUrl).pathname.replace(/\/$/, '');
}
