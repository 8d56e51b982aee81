/** The alerting verbs beside Debian's amtool, against one server: the same output. Skipped, and said so, where amtool is not installed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../user-error.ts';
import { addAlertingVerbs, alertmanagerVerb } from './verbs.ts';

const amtoolPath = '/usr/bin/amtool';
const hasAmtool = existsSync(amtoolPath);
if (!hasAmtool)
  process.stderr.write(`SKIPPED: ${amtoolPath} is not installed (apt-get install prometheus-alertmanager); no comparison with it\n`);

const program = join(import.meta.dirname, '../../dist/main.js');
let folder: string;
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'alerting-'));
  // Nobody's own configuration files.
  vi.stubEnv('HOME', folder);
  writeFileSync(
    join(folder, 'am.yml'),
    `route:
  receiver: default
  routes:
    - { receiver: batch, matchers: [play=batch], continue: true }
    - { receiver: all, matchers: ['play=~"b.*"'], routes: [{ receiver: deep, matchers: ['deep!=""', 'x!~"y"'] }] }
    - { matchers: [play=none] }
    - { receiver: batch, match: { a: b }, match_re: { c: 'd|e' } }
receivers: [{ name: default }, { name: batch }, { name: all }, { name: deep }]
inhibit_rules: [{ source_matchers: [a=b], target_matchers: [c=d] }]
templates: ['*.tmpl']
`,
  );
  writeFileSync(join(folder, 'a.tmpl'), '{{ define "x" }}{{ .Status }}{{ end }}');
  writeFileSync(join(folder, 'bad.yml'), 'route: {}\n');
  server = spawn(
    process.execPath,
    [
      program,
      'alertmanager',
      `--config.file=${join(folder, 'am.yml')}`,
      `--storage.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--cluster.listen-address=',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  url = await new Promise<string>((resolve, reject) => {
    let told = '';
    server.stderr?.on('data', (part: Buffer) => {
      told += part.toString();
      const address = /Listening on.*address=(\S+)/.exec(told)?.[1];
      if (address !== undefined) resolve(`http://${address}`);
    });
    server.once('exit', () => reject(new Error(told)));
  });
}, 20_000);
afterAll(() => {
  vi.unstubAllEnvs();
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, TZ: 'UTC' } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
  });
}

/** In this process, as the command would: sixty starts of Node.js would be most of the time. */
async function pronoia(...args: string[]): Promise<Outcome> {
  const command = args[0] === 'alertmanager' ? alertmanagerVerb(args.slice(1)) : addAlertingVerbs(new Command('pronoia'));
  let stdout = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  try {
    await command?.parseAsync([...(args[0] === 'alertmanager' ? args.slice(1) : args), '--alertmanager.url', url], { from: 'user' });
    return { code: 0, stdout, stderr: '' };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { code: 1, stdout, stderr: `${error.message}\n` };
  } finally {
    write.mockRestore();
  }
}
const amtool = (...args: string[]): Promise<Outcome> => run(amtoolPath, ['--alertmanager.url', url, '--no-version-check', ...args]);

/** What 0.25 does not know it does not pass on. */
function jsonOf(stdout: string): unknown {
  const strip = ({ annotations, status, ...rest }: Record<string, unknown>): unknown => {
    const { mutedBy: _newer, ...state } = status as Record<string, unknown>;
    return { ...rest, status: state, ...('labels' in rest ? { annotations } : {}) };
  };
  return (JSON.parse(stdout) as Record<string, unknown>[]).map(strip);
}

describe.runIf(hasAmtool)('beside amtool', () => {
  it('alerts', { timeout: 30_000 }, async () => {
    const times = ['--start=2026-01-01T00:00:00Z', '--end=2036-01-01T00:00:00Z'];
    expect(
      await pronoia(
        'alert',
        'add',
        'foo',
        'node=bar',
        'zone=a b',
        '--annotation=summary=hi',
        '--annotation=d="x y"',
        ...times,
        '--generator-url=http://x/y',
      ),
    ).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(
      (await pronoia('alert', 'add', 'alertname=ümlaut', '--start=2026-01-01T00:00:00+02:00', '--end=2036-01-01T00:00:00+02:00')).code,
    ).toBe(0);
    expect((await pronoia('alert', 'add', 'foo', 'bad')).stderr).toBe('bad matcher format: bad\n');
    expect((await pronoia('alert', 'add')).stderr).toContain('at least one label pair required');
    for (const args of [
      ['alert'],
      ['alert', 'query', 'foo'],
      ['alert', '-o', 'extended'],
      ['alert', 'query', 'alertname=~f.*', 'node!=x', '-o', 'extended'],
      ['alert', 'query', '-s'],
      ['alert', 'query', '--date.format=2006 Jan _2'],
    ])
      expect([args, await pronoia(...args)]).toEqual([args, await amtool(...args)]);
    expect(jsonOf((await pronoia('alert', '-o', 'json')).stdout)).toEqual(jsonOf((await amtool('alert', '-o', 'json')).stdout));
  });

  it('silences', { timeout: 60_000 }, async () => {
    const added = await pronoia('silence', 'add', 'foo', 'node=~"a|b"', '-c', 'why', '-a', 'me', '-d', '2h');
    expect(added.stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    const id = added.stdout.trim();
    await amtool('silence', 'add', '-c', 'x', '-a', 'you', '--start=2036-12-01T00:00:00Z', '--end=2036-12-02T00:00:00Z', 'b!=c', 'd!~e');
    expect((await pronoia('silence', 'add', 'foo')).stderr).toMatch(/^comment required by config/);
    expect((await pronoia('silence', 'add', '-c', 'x')).stderr).toBe('no matchers specified\n');
    const queries = [
      ['silence'],
      ['silence', '-o', 'extended'],
      ['silence', '-q'],
      ['silence', 'query', 'foo'],
      ['silence', 'query', '--within', '3h'],
      ['silence', 'query', '--expired'],
      ['silence', 'query', '--created-by=me', '-q'],
    ];
    for (const args of queries) expect([args, await pronoia(...args)]).toEqual([args, await amtool(...args)]);
    expect((await pronoia('silence', 'update', id, '-d', '3h', '-c', 'newer')).stdout).toMatch(
      new RegExp(`^ID .*\\n${id}  alertname="foo" node=~"a\\|b"  .* me +newer +\\n$`),
    );
    const kept = (await pronoia('silence', '-o', 'json')).stdout;
    expect(jsonOf(kept)).toEqual(jsonOf((await amtool('silence', '-o', 'json')).stdout));
    writeFileSync(join(folder, 'kept.json'), kept);
    expect(await pronoia('silence', 'expire', id)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await pronoia('silence', '--expired')).stdout).toBe((await amtool('silence', '--expired')).stdout);
    const imported = await pronoia('silence', 'import', '-f', join(folder, 'kept.json'));
    expect(imported.stderr).toBe('');
    expect(imported.stdout.trim().split('\n')).toHaveLength(2);
    writeFileSync(join(folder, 'bad.json'), '[{"matchers":[]}]');
    expect(await pronoia('silence', 'import', join(folder, 'bad.json'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("couldn't import 1 out of 1 silences"),
    });
    expect((await pronoia('silence', 'expire')).stderr).toBe('no silence IDs specified\n');
  });

  it('routes and configurations', { timeout: 60_000 }, async () => {
    const pairs: readonly (readonly [ours: readonly string[], theirs: readonly string[]])[] = [
      [['routes'], ['config', 'routes']],
      [
        ['routes', 'show', `--config.file=${join(folder, 'am.yml')}`],
        ['config', 'routes', 'show'],
      ],
      [
        ['routes', 'test', 'play=batch', 'deep=1'],
        ['config', 'routes', 'test', 'play=batch', 'deep=1'],
      ],
      [
        ['routes', 'test', '--tree', 'play=batch', 'deep=1'],
        ['config', 'routes', 'test', '--tree', 'play=batch', 'deep=1'],
      ],
      [
        ['routes', 'test', '--verify.receivers=batch,deep', 'play=batch', 'deep=1'],
        ['config', 'routes', 'test', '--verify.receivers=batch,deep', 'play=batch', 'deep=1'],
      ],
      [
        ['alertmanager', 'show-cluster'],
        ['cluster', 'show'],
      ],
    ];
    for (const [ours, theirs] of pairs) expect([ours, await pronoia(...ours)]).toEqual([ours, await amtool(...theirs)]);
    expect(await pronoia('routes', 'test', '--verify.receivers=batch', 'play=none')).toMatchObject({ code: 1, stdout: 'default\n' });
    const check = (file: string, args: readonly string[]): Promise<Outcome> => run(file, args);
    expect(await check(process.execPath, [program, 'alertmanager', 'check-config', 'am.yml'])).toEqual(
      await check(amtoolPath, ['check-config', 'am.yml']),
    );
    const bad = await check(process.execPath, [program, 'alertmanager', 'check-config', 'bad.yml', 'am.yml']);
    expect(bad).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^Checking 'bad.yml' {2}FAILED: bad\.yml:1:8: .*default receiver/),
    });
  });

  it('what only ours can', { timeout: 30_000 }, async () => {
    await pronoia('alert', 'add', 'mine', '--end=2036-01-01T00:00:00Z');
    const [{ fingerprint }] = JSON.parse((await pronoia('alert', 'query', 'mine', '-o', 'json')).stdout) as [{ fingerprint: string }];
    expect((await pronoia('alert', 'acknowledge', fingerprint, '-c', 'on it')).code).toBe(0);
    expect(JSON.parse((await pronoia('alert', 'explain', fingerprint)).stdout)).toMatchObject({ acknowledged: { comment: 'on it' } });
    expect((await pronoia('alert', 'history', 'mine')).stdout).toMatch(
      /^At +Event +Receiver +Why +Alerts +\n.* acknowledged .* mine +\n.* firing .* mine +\n$/,
    );
    expect((await pronoia('alertmanager', 'test-receiver', 'default')).code).toBe(0);
    expect(
      (
        await pronoia(
          'alertmanager',
          'render',
          '{{ template "x" . }} {{ .CommonLabels.team }} {{ .CommonAnnotations.b }}',
          'Disk',
          'team=<db>',
          '--annotation',
          'b=c',
          '--html',
        )
      ).stdout,
    ).toBe('firing &lt;db&gt; c\n');
    expect((await pronoia('alertmanager', 'render', '{{ nothing }}')).stderr).toMatch(/400: .*function "nothing" not defined/);
    expect(JSON.parse((await pronoia('alertmanager', 'dry-run', join(folder, 'am.yml'))).stdout)).toMatchObject({
      valid: true,
      changedCount: 0,
    });
    const nobody = await run(process.execPath, [program, 'alert', '--alertmanager.url=http://127.0.0.1:1']);
    expect(nobody.stderr).toMatch(/^http:\/\/127\.0\.0\.1:1 does not answer: .*; --alertmanager\.url names another\n$/);
  });
});
