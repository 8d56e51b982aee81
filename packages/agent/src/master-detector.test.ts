import { EtcdClient, silentLogger, systemClock } from '@pronoia/server';
import { etcdIsHere, startEtcd } from '@pronoia/server/testing';
import { describe, expect, it } from 'vitest';
import { MasterDetector } from './master-detector.ts';

const detector = (masters: string, onLeader: (url: string) => void = () => {}): MasterDetector =>
  new MasterDetector({ masters, clock: systemClock, log: silentLogger, onLeader });

const rows: readonly [masters: string, urls: readonly string[]][] = [
  ['a:5050', ['http://a:5050', 'http://a:5050']],
  ['http://a:5050/', ['http://a:5050', 'http://a:5050']],
  ['a:1,b:2', ['http://a:1', 'http://b:2', 'http://a:1']],
  ['http://a:1, https://b:2', ['http://a:1', 'https://b:2', 'http://a:1']],
];
it.each(rows)('%s is tried in turn', (masters, urls) => {
  const tried = detector(masters);
  const seen = urls.map(() => {
    const { url } = tried;
    tried.failed();
    return url;
  });
  expect(seen).toEqual(urls);
});

it('says what to do instead of ZooKeeper', () => {
  expect(() => detector('zk://a:2181/mesos')).toThrow(/ZooKeeper is not supported.*etcd/);
});

describe.skipIf(!etcdIsHere('masters found in etcd'))('in etcd', () => {
  it('follows the leader that stands there', async () => {
    const etcd = await startEtcd();
    const client = new EtcdClient({ endpoints: etcd.endpoints });
    try {
      const leaders: string[] = [];
      let told = (): void => {};
      const next = (): Promise<void> =>
        new Promise((resolve) => {
          told = resolve;
        });
      const found = detector(`etcd://${(etcd.endpoints[0] as string).slice(7)}/m`, (url) => {
        leaders.push(url);
        told();
      });
      expect([found.url, found.isOfSeveral]).toEqual([undefined, true]);
      let turn = next();
      await client.put('/m/leader', JSON.stringify({ hostname: 'h1', port: 5051 }));
      found.start();
      await turn;
      expect(found.url).toBe('http://h1:5051');
      turn = next();
      await client.delete('/m/leader');
      await client.put('/m/leader', JSON.stringify({ address: { ip: '10.0.0.2' } }));
      await turn;
      expect(leaders).toEqual(['http://h1:5051', 'http://10.0.0.2:5050']);
      await found.stop();
    } finally {
      client.close();
      await etcd.stop();
    }
  });
});
