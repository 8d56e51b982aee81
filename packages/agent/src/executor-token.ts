/** What proves that an executor is the one that this agent launched: a signed JSON web token, HS256 (mesos.md §11.1; RFC 7519). */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface TokenClaims {
  readonly fid: string;
  readonly eid: string;
  readonly cid: string;
}

const encode = (value: string | Buffer): string => Buffer.from(value).toString('base64url');
const sign = (text: string, key: Buffer): Buffer => createHmac('sha256', key).update(text).digest();

export function makeToken(claims: TokenClaims, key: Buffer): string {
  const text = `${encode('{"alg":"HS256","typ":"JWT"}')}.${encode(JSON.stringify(claims))}`;
  return `${text}.${encode(sign(text, key))}`;
}

/** The claims of `Authorization: Bearer …`, or what is wrong with it. */
export function readToken(authorization: string | undefined, key: Buffer, nowMs: number): TokenClaims | string {
  if (authorization === undefined) return "Missing 'Authorization' header";
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const [header = '', payload = '', signature = ''] = token?.split('.') ?? [];
  if (token === undefined || token.split('.').length !== 3) return 'Malformed token: expecting header, payload and signature';
  const given = Buffer.from(signature, 'base64url');
  const expected = sign(`${header}.${payload}`, key);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'Token signature does not match';
  let claims: Partial<TokenClaims> & { exp?: unknown };
  try {
    const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg?: unknown };
    if (alg !== 'HS256') return 'Token algorithm is not HS256';
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as typeof claims;
  } catch {
    return 'Malformed token: not JSON';
  }
  if (typeof claims.exp === 'number' && claims.exp * 1_000 <= nowMs) return 'Token has expired';
  return { fid: String(claims.fid), eid: String(claims.eid), cid: String(claims.cid) };
}
