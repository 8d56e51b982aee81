/** `pronoia routes show|test`: amtool's config routes, of a file or of a running alertmanager. */
import { loadConfig, parseConfig, printMatchers, Route } from '@pronoia/alertmanager';
import { Labels } from '@pronoia/model';
import { print } from '../terminal.ts';
import { UserError } from '../user-error.ts';
import { asUserError, type ConnectionFlags, connected } from './connection.ts';
import { labelWords } from './matchers.ts';

export interface RoutesFlags extends ConnectionFlags {
  readonly 'config.file'?: string;
}

async function rootOf(flags: RoutesFlags): Promise<Route> {
  const file = flags['config.file'];
  if (file !== undefined) return new Route(asUserError(() => loadConfig(file)).route, undefined, 0);
  let root: Route | undefined;
  await connected(flags, async (connection) => {
    const { config } = (await connection.call('GET', '/status')) as { config: { original: string } };
    root = new Route(asUserError(() => parseConfig(config.original, 'the running configuration')).route, undefined, 0);
  });
  return root as Route;
}

interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

export async function showRoutes(flags: RoutesFlags): Promise<void> {
  const nodeOf = (route: Route): Node => ({
    text: `${nameOf(route)}${route.continues ? '  continue: true' : ''}  receiver: ${route.options.receiver}`,
    children: route.children.map(nodeOf),
  });
  print(`Routing tree:\n.\n${drawn([nodeOf(await rootOf(flags))], '')}`);
}

export interface RoutesTestFlags extends RoutesFlags {
  readonly tree?: boolean;
  readonly 'verify.receivers'?: string;
}

export async function testRoutes(words: readonly string[], flags: RoutesTestFlags): Promise<void> {
  const labels = Labels.fromPairs(Object.entries(labelWords(words)));
  const root = await rootOf(flags);
  if (flags.tree === true) {
    const tree = matching(root, labels);
    print(`Matching routes:\n.\n${tree === undefined ? '' : drawn([tree], '')}\n`);
  }
  const receivers = root
    .match(labels)
    .map(({ options }) => options.receiver)
    .join(',');
  print(receivers);
  const wanted = flags['verify.receivers'];
  if (wanted !== undefined && wanted !== receivers) throw new UserError('WARNING: Expected receivers did not match resolved receivers.');
}

/** The routes that an alert goes through; the receiver stands at those where it stays. */
function matching(route: Route, labels: Labels): Node | undefined {
  if (!route.matchers.every((matcher) => matcher.matches(labels))) return undefined;
  const children: Node[] = [];
  for (const child of route.children) {
    const found = matching(child, labels);
    if (found === undefined) continue;
    children.push(found);
    if (!child.continues) break;
  }
  return { text: `${nameOf(route)}${children.length === 0 ? `  receiver: ${route.options.receiver}` : ''}`, children };
}

function nameOf({ matchers }: Route): string {
  return matchers.length === 0 ? 'default-route' : printMatchers(matchers);
}

function drawn(nodes: readonly Node[], indent: string): string {
  return nodes
    .map(({ text, children }, i) => {
      const isLast = i === nodes.length - 1;
      // No-break spaces: the original's tree, byte for byte.
      return `${indent}${isLast ? '└' : '├'}── ${text}\n${drawn(children, `${indent}${isLast ? '    ' : '│\u00a0\u00a0 '}`)}`;
    })
    .join('');
}
