/** `pronoia alertmanager check-config|show-config|show-cluster|test-receiver|render|dry-run`: what is asked about a configuration. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { glob, loadConfig, Templates } from '@pronoia/alertmanager';
import { print } from '../terminal.ts';
import { UserError } from '../user-error.ts';
import { type ConnectionFlags, connected } from './connection.ts';
import { labelWords } from './matchers.ts';

export function checkConfigs(files: readonly string[]): void {
  for (const file of files) if (!existsSync(file)) throw new UserError(`path '${file}' does not exist`);
  let failed = 0;
  for (const file of files) {
    try {
      const config = loadConfig(file);
      print(`Checking '${file}'  SUCCESS\nFound:\n - global config\n - route\n - ${config.inhibit_rules.length} inhibit rules`);
      print(` - ${config.receivers.length} receivers\n - ${config.templates.length} templates`);
      if (config.templates.length > 0) {
        const found = config.templates.flatMap((pattern) => glob(pattern, dirname(file)));
        new Templates(found, 'http://alertmanager', () => 0);
        print('  SUCCESS');
      }
      print();
    } catch (error) {
      failed++;
      print(`Checking '${file}'  FAILED: ${(error as Error).message}\n`);
    }
  }
  if (failed > 0) throw new UserError(`failed to validate ${failed} file(s)`);
}

interface Status {
  readonly cluster: { readonly status: string; readonly name?: string; readonly peers: readonly { name: string; address: string }[] };
  readonly config: { readonly original: string };
  readonly versionInfo: Readonly<Record<string, string>>;
  readonly uptime: string;
}

export function showConfig(flags: ConnectionFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const status = (await connection.call('GET', '/status')) as Status;
    if (connection.output === 'json') return print(JSON.stringify(status));
    print(status.config.original);
    if (connection.output === 'extended')
      for (const [name, value] of Object.entries({ ...status.versionInfo, uptime: status.uptime })) print(`${name} ${value}`);
  });
}

export function showCluster(flags: ConnectionFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const { cluster } = (await connection.call('GET', '/status')) as Status;
    if (connection.output === 'json') return print(JSON.stringify(cluster));
    const rows = [
      ['Cluster Status:', cluster.status],
      ['Node Name:', cluster.name ?? ''],
    ];
    print(rows.map(([name, value]) => `${(name as string).padEnd(17)}${value}`).join('\n'));
    if (connection.output === 'extended') for (const { name, address } of cluster.peers) print(`${name}  ${address}`);
  });
}

export function testReceiver(receiver: string, words: readonly string[], flags: ConnectionFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const body = { receiver, ...(words.length === 0 ? {} : { labels: labelWords(words, true) }) };
    const answer = (await connection.call('POST', '/receivers/test', body)) as {
      integrations: readonly { integration: string; index: number; outcome: string; error?: string }[];
    };
    for (const { integration, index, outcome, error } of answer.integrations)
      print(`${integration}[${index}]  ${outcome}${error === undefined ? '' : `  ${error}`}`);
    if (answer.integrations.some(({ outcome }) => outcome !== 'sent')) throw new UserError('not every integration took the notification');
  });
}

export interface RenderFlags extends ConnectionFlags {
  readonly html?: boolean;
  readonly resolved?: boolean;
  readonly annotation?: readonly string[];
}

export function renderTemplate(template: string, words: readonly string[], flags: RenderFlags): Promise<void> {
  return connected(flags, async (connection) => {
    const body = {
      template,
      html: flags.html === true,
      resolved: flags.resolved === true,
      ...(words.length === 0 ? {} : { labels: labelWords(words, true) }),
      ...(flags.annotation === undefined ? {} : { annotations: labelWords(flags.annotation) }),
    };
    print(((await connection.call('POST', '/templates/render', body)) as { text: string }).text);
  });
}

export function dryRun(file: string, flags: ConnectionFlags): Promise<void> {
  return connected(flags, async (connection) => {
    let config: string;
    try {
      config = readFileSync(file, 'utf8');
    } catch (error) {
      throw new UserError((error as Error).message);
    }
    print(JSON.stringify(await connection.call('POST', '/config/dry-run', { config }), undefined, 2));
  });
}
