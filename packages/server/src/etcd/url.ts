/** `http://a:2379,http://b:2379/pronoia`, as a flag gives it: the members, and the path under which our keys lie. */
import { errors } from './errors.ts';

export interface EtcdUrl {
  readonly endpoints: readonly string[];
  /** Begins with a slash, ends without one; `/pronoia` when the text has none. */
  readonly prefix: string;
  readonly username?: string;
  readonly password?: string;
}

/** Also takes `etcd://a:2379,b:2379/path`, in the manner of `zk://`. Throws `bad_endpoints`. */
export function parseEtcdUrl(text: string): EtcdUrl {
  const endpoints: string[] = [];
  let prefix = '';
  let user: { username?: string; password?: string } = {};
  let scheme = 'http://';
  for (const part of text.replace(/^etcd:\/\//, 'http://').split(',')) {
    const spelled = /^https?:\/\//.exec(part);
    if (spelled !== null) scheme = spelled[0];
    let url: URL;
    try {
      url = new URL(spelled === null ? `${scheme}${part.trim()}` : part);
    } catch {
      throw errors.fail('bad_endpoints', { text, reason: `"${part}" is no address` });
    }
    if (url.hostname === '') throw errors.fail('bad_endpoints', { text, reason: `"${part}" is no address` });
    if (url.search !== '' || url.hash !== '') throw errors.fail('bad_endpoints', { text, reason: `"${part}" has more than a path` });
    if (url.username !== '') user = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    if (url.pathname !== '/') prefix = url.pathname.replace(/\/+$/, '');
    endpoints.push(`${url.protocol}//${url.hostname}:${url.port === '' ? 2379 : url.port}`);
  }
  return { endpoints, prefix: prefix === '' ? '/pronoia' : prefix, ...user };
}
