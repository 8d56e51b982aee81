/** The verbs that speak to an alertmanager, with amtool's names and flags. Each is loaded when it is called. */
import { userInfo } from 'node:os';
import { Command } from 'commander';
import type { AcknowledgeFlags, AlertAddFlags, AlertQueryFlags, HistoryFlags } from './alerts.ts';
import type { RenderFlags } from './config.ts';
import { addConnectionFlags, type ConnectionFlags } from './connection.ts';
import type { RoutesFlags, RoutesTestFlags } from './routes.ts';
import type { SilenceAddFlags, SilenceImportFlags, SilenceQueryFlags, SilenceUpdateFlags } from './silences.ts';

const many = (one: string, before?: string[]): string[] => [...(before ?? []), one];
const verb = (parent: Command, name: string, description: string, isDefault = false): Command =>
  addConnectionFlags(parent.command(name, { isDefault }).description(description));

export function addAlertingVerbs(program: Command): Command {
  const alerts = () => import('./alerts.ts');
  const alert = program.command('alert').description("look at an alertmanager's alerts, or add one (amtool alert)");
  verb(alert, 'query', 'list alerts; only active ones unless asked otherwise', true)
    .argument('[matchers...]', 'name=value, name=~regex, …; the first may be the name of an alert')
    .option('-i, --inhibited', 'show inhibited alerts')
    .option('-s, --silenced', 'show silenced alerts')
    .option('-a, --active', 'show active alerts')
    .option('-u, --unprocessed', 'show unprocessed alerts')
    .option('-r, --receiver <regex>', 'only alerts of these receivers')
    .action(async (words: string[], flags: AlertQueryFlags) => (await alerts()).queryAlerts(words, flags));
  verb(alert, 'add', 'add an alert')
    .argument('[labels...]', 'name=value; the first may be the name of the alert')
    .option('--annotation <name=value>', 'may be repeated', many)
    .option('--start <time>', 'RFC 3339; default now')
    .option('--end <time>', 'RFC 3339')
    .option('--generator-url <url>', 'where it comes from')
    .action(async (words: string[], flags: AlertAddFlags) => (await alerts()).addAlert(words, flags));
  verb(alert, 'explain', 'say what became of one alert, and why')
    .argument('<fingerprint>')
    .action(async (fingerprint: string, flags: ConnectionFlags) => (await alerts()).explainAlert(fingerprint, flags));
  verb(alert, 'acknowledge', 'take alerts on: they are neither repeated nor passed on')
    .argument('<fingerprints...>')
    .option('-a, --author <name>', 'who; default: you')
    .option('-c, --comment <text>')
    .option('--withdraw', 'give them back')
    .action(async (fingerprints: string[], flags: AcknowledgeFlags) => (await alerts()).acknowledgeAlert(fingerprints, flags, user()));
  verb(alert, 'history', 'what happened, newest first')
    .argument('[matchers...]', 'only events of these alerts')
    .option('--start <time>')
    .option('--end <time>')
    .option('--limit <count>', 'at most so many', '100')
    .option('--event <name>', 'firing, resolved, notified, suppressed, …; may be repeated', many)
    .option('-r, --receiver <name>')
    .action(async (words: string[], flags: HistoryFlags) => (await alerts()).showHistory(words, flags));

  const silences = () => import('./silences.ts');
  const silence = program.command('silence').description('look at silences, add, change, end, import them (amtool silence)');
  verb(silence, 'query', 'list silences', true)
    .argument('[matchers...]', 'only silences that hold these matchers')
    .option('--expired', 'show expired silences instead')
    .option('-q, --quiet', 'only ids')
    .option('--created-by <name>')
    .option('--id <id>')
    .option('--within <duration>', 'only those that end, or have ended, within this time')
    .action(async (words: string[], flags: SilenceQueryFlags) => (await silences()).querySilences(words, flags));
  verb(silence, 'add', 'add a silence; prints its id')
    .argument('[matchers...]')
    .option('-a, --author <name>', 'who; default: you')
    .option('-c, --comment <text>')
    .option('-d, --duration <duration>', 'how long', '1h')
    .option('--start <time>')
    .option('--end <time>', 'instead of a duration')
    .option('--annotation <name=value>', 'may be repeated', many)
    .action(async (words: string[], flags: SilenceAddFlags) => (await silences()).addSilence(words, flags, user()));
  verb(silence, 'expire', 'end silences')
    .argument('[ids...]')
    .action(async (ids: string[], flags: ConnectionFlags) => (await silences()).expireSilences(ids, flags));
  verb(silence, 'update', 'change silences')
    .argument('[ids...]')
    .option('-q, --quiet', 'only ids')
    .option('-d, --duration <duration>', 'how long, from its start')
    .option('--start <time>')
    .option('--end <time>', 'instead of a duration')
    .option('-c, --comment <text>')
    .action(async (ids: string[], flags: SilenceUpdateFlags) => (await silences()).updateSilences(ids, flags));
  verb(silence, 'import', 'add silences from JSON, as silence query -o json writes it')
    .argument('[file]', 'default: the standard input')
    .option('-f, --force', 'as new ones, with ids of their own')
    .option('-w, --worker <count>', 'so many at once', '8')
    .action(async (file: string | undefined, flags: SilenceImportFlags) => (await silences()).importSilences(file, flags));

  const routes = () => import('./routes.ts');
  const route = program.command('routes').description('show the routes of an alertmanager, or try labels on them (amtool config routes)');
  verb(route, 'show', 'draw the tree of routes', true)
    .option('--config.file <file>', 'instead of a running alertmanager')
    .action(async (flags: RoutesFlags) => (await routes()).showRoutes(flags));
  verb(route, 'test', 'print the receivers of an alert with these labels')
    .argument('[labels...]', 'name=value')
    .option('--config.file <file>', 'instead of a running alertmanager')
    .option('--tree', 'draw the routes that it takes')
    .option('--verify.receivers <names>', 'exit code 1 unless these are they, in this order')
    .action(async (words: string[], flags: RoutesTestFlags) => (await routes()).testRoutes(words, flags));
  return program;
}

/** `pronoia alertmanager <word> …` that is no server to run. Undefined: it is one. */
export function alertmanagerVerb(argv: readonly string[]): Command | undefined {
  const config = () => import('./config.ts');
  const program = new Command('pronoia alertmanager').showHelpAfterError();
  program
    .command('check-config')
    .description('check configuration files and their templates')
    .argument('<files...>')
    .action(async (files: string[]) => (await config()).checkConfigs(files));
  verb(program, 'show-config', 'the configuration of a running alertmanager').action(async (flags: ConnectionFlags) =>
    (await config()).showConfig(flags),
  );
  verb(program, 'show-cluster', 'the members of a cluster').action(async (flags: ConnectionFlags) => (await config()).showCluster(flags));
  verb(program, 'test-receiver', 'send a sample alert to a receiver')
    .argument('<receiver>')
    .argument('[labels...]')
    .action(async (receiver: string, words: string[], flags: ConnectionFlags) => (await config()).testReceiver(receiver, words, flags));
  verb(program, 'render', 'render a template with a sample alert and the definitions of a running alertmanager')
    .argument('<template>', '\'{{ template "slack.default.title" . }}\'')
    .argument('[labels...]', "the sample's labels; the first may be its name")
    .option('--annotation <name=value>', 'may be repeated', many)
    .option('--html', 'with HTML escaping')
    .option('--resolved', 'as if it were over')
    .action(async (template: string, words: string[], flags: RenderFlags) => (await config()).renderTemplate(template, words, flags));
  verb(program, 'dry-run', 'say which alerts of this moment another configuration would send elsewhere')
    .argument('<file>')
    .action(async (file: string, flags: ConnectionFlags) => (await config()).dryRun(file, flags));
  return program.commands.some((command) => command.name() === argv[0]) ? program : undefined;
}

function user(): string {
  return userInfo().username;
}
