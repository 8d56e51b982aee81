import { expect, it } from 'vitest';
import { parseExternalUrl, parseListenAddress, routePrefix } from './address.ts';

it.each([
  ['127.0.0.1:9090', '127.0.0.1', 9090],
  [':0', '0.0.0.0', 0],
  ['[::1]:80', '::1', 80],
  ['localhost:65535', 'localhost', 65_535],
])('listens on %s', (address, host, port) => {
  expect(parseListenAddress([address])).toEqual({ host, port });
});

it.each([[['9090']], [['a:b']], [['x:65536']], [['::1:80']], [['a:1', 'b:2']], [['']], [[]]])('refuses %j', (addresses) => {
  expect(() => parseListenAddress(addresses)).toThrow('--web.listen-address=');
});

it.each([
  ['', '', undefined, ''],
  ['http://h:1/', '', 'http://h:1', ''],
  ['http://h/prom/', '', 'http://h/prom', '/prom'],
  ['http://h/prom', '/', 'http://h/prom', ''],
  ['http://h', 'a/b/', 'http://h', '/a/b'],
])('the external URL "%s" with the prefix "%s" is %s, routes begin with "%s"', (url, prefix, external, route) => {
  const parsed = parseExternalUrl(url);
  expect(parsed).toBe(external);
  expect(routePrefix(prefix, parsed)).toBe(route);
});

it.each(['nonsense', 'ftp://h', 'h:1'])('refuses the external URL %s', (url) => {
  expect(() => parseExternalUrl(url)).toThrow('--web.external-url=');
});
