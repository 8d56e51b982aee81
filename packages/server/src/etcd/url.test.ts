import { expect, it } from 'vitest';
import { parseEtcdUrl } from './url.ts';

const rows: readonly [text: string, expected: object][] = [
  ['http://a:2379', { endpoints: ['http://a:2379'], prefix: '/pronoia' }],
  ['http://a:2379/', { endpoints: ['http://a:2379'], prefix: '/pronoia' }],
  ['http://a:1,http://b:2/x/y/', { endpoints: ['http://a:1', 'http://b:2'], prefix: '/x/y' }],
  ['http://a,b:2/x', { endpoints: ['http://a:2379', 'http://b:2'], prefix: '/x' }],
  ['https://a,b', { endpoints: ['https://a:2379', 'https://b:2379'], prefix: '/pronoia' }],
  ['etcd://a:1,b:2/x', { endpoints: ['http://a:1', 'http://b:2'], prefix: '/x' }],
  ['http://me:s%40cret@a:1/x', { endpoints: ['http://a:1'], prefix: '/x', username: 'me', password: 's@cret' }],
  ['[::1]:2379', { endpoints: ['http://[::1]:2379'], prefix: '/pronoia' }],
];
it.each(rows)('%j', (text, expected) => {
  expect(parseEtcdUrl(text)).toEqual(expected);
});

const refused: readonly [text: string, expected: RegExp][] = [
  ['', /names no etcd/],
  ['http://a,,http://b', /names no etcd/],
  ['http://a:99999', /"http:\/\/a:99999" is no address/],
  ['http://a:1/x?y=1', /has more than a path/],
];
it.each(refused)('%j is refused', (text, expected) => {
  expect(() => parseEtcdUrl(text)).toThrow(expected);
});
