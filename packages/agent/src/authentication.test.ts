import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bed } from '../test/bed.ts';

let bed: Bed;
beforeEach(async () => {
  bed = await Bed.make();
});
afterEach(() => bed.close());

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

it('protected endpoints ask who it is, open ones do not', async () => {
  const file = join(bed.workDir, 'credentials');
  writeFileSync(file, 'ann secret\nbob other\n');
  const agent = await bed.open({
    authenticate_http_readonly: true,
    authenticate_http_readwrite: true,
    http_credentials: file,
    firewall_rules: '{"disabled_endpoints":{"paths":["/files/browse"]}}',
  });
  const get = async (path: string, authorization?: string): Promise<[number, string | null]> => {
    const init = { method: path === '/api/v1' ? 'POST' : 'GET', ...(authorization === undefined ? {} : { headers: { authorization } }) };
    const answer = await fetch(agent.url + path, init);
    return [answer.status, answer.headers.get('www-authenticate')];
  };
  const readonly = 'Basic realm="mesos-agent-readonly"';
  for (const path of ['/state', '/slave(1)/state', '/slave%281%29/containers', '/metrics', '/metrics/snapshot'])
    expect([path, ...(await get(path))]).toEqual([path, 401, readonly]);
  expect(await get('/api/v1')).toEqual([401, 'Basic realm="mesos-agent-readwrite"']);
  for (const path of ['/health', '/version', '/-/ready']) expect([path, (await get(path))[0]]).toEqual([path, 200]);
  for (const wrong of [basic('ann:wrong'), basic('eve:secret'), basic('ann'), 'Bearer x', 'Basic !'])
    expect([wrong, (await get('/state', wrong))[0]]).toEqual([wrong, 401]);
  expect((await get('/state', basic('ann:secret')))[0]).toBe(200);
  expect((await get('/api/v1', basic('ann:secret')))[0]).toBe(400); // no body: it was let in
  for (const path of ['/files/browse?path=x', '/slave(1)/files/browse', '/slave/files/browse/'])
    expect([path, (await get(path, basic('ann:secret')))[0]]).toEqual([path, 403]);
});

describe('the flags', () => {
  it.each([
    [{ authenticate_http_readonly: true }, /need --http_credentials/],
    [{ http_credentials: '/no/such/file' }, undefined],
    [
      { http_credentials: '/no/such/file', authenticate_http_readonly: true },
      /--http_credentials: ENOENT: no such file or directory, open '\/no\/such\/file'/,
    ],
    [
      { http_credentials: '{"credentials":[{"principal":"x"}]}', authenticate_http_readonly: true },
      /credentials\[0\] needs a principal and a secret/,
    ],
    [{ credential: '{"principal":"x"}' }, /--credential: credentials\[0\] needs/],
    [{ firewall_rules: '{"disabled_endpoints":{"paths":"all"}}' }, /--firewall_rules: expected a list/],
    [{ domain: '{"fault_domain":{}}' }, /--domain: /],
    [{ isolation: 'magic' }, /the isolator magic is not here/],
  ])('%o', async (options, fault) => {
    const outcome = await bed.open(options).then(
      () => 'started',
      (error: Error) => error.message,
    );
    expect(outcome).toMatch(fault ?? /\/no\/such\/file/);
  });
});

it('a credential is shown to the master, and the domain told', async () => {
  await bed.open({
    credential: '{"principal":"agent","secret":"s"}',
    domain: '{"fault_domain":{"region":{"name":"north"},"zone":{"name":"n1"}}}',
  });
  expect(bed.master.headers[0]?.authorization).toBe(basic('agent:s'));
  const hello = await bed.master.until((message) => (message.type === 'REGISTER' ? message : undefined));
  expect(hello.agent_info.domain?.fault_domain?.zone.name).toBe('n1');
});
