/**
 * prometheus.yml: the whole document (prometheus-server.md §2). The result is plain data with every default decided, so that two
 * configurations are the same exactly when their JSON is; whoever needs compiled rules compiles them.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { optional, readConfig, schema, withDefault } from '@pronoia/server';
import { errors } from '../errors.ts';
import { globLastPart } from '../glob.ts';
import { type AlertingConfig, alertingFields } from './alerting.ts';
import { type GlobalConfig, globalSchema } from './global.ts';
import { pathFrom } from './http-client.ts';
import { notImplemented } from './not-implemented.ts';
import { completeScrapeConfig, type ScrapeConfig, scrapeSchema } from './scrape.ts';
import { type StorageConfig, storageSchema } from './storage.ts';

export interface Config {
  readonly global: GlobalConfig;
  readonly rule_files: readonly string[];
  /** Patterns of files whose jobs were read too. */
  readonly scrape_config_files: readonly string[];
  readonly scrape_configs: readonly ScrapeConfig[];
  readonly alerting: AlertingConfig;
  readonly storage?: StorageConfig;
}

export interface LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Reads and checks a file; throws one error that says everything that is wrong with it. */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<Config> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw errors.fail('config_unreadable', { file, reason: (cause as Error).message }, cause);
  }
  return addJobFiles(parseConfig(text, file, options));
}

/** With the jobs of `scrape_config_files` behind its own. Throws for the first file that is wrong. */
async function addJobFiles(config: Config): Promise<Config> {
  const jobs = [...config.scrape_configs];
  const fileByJob = new Map(jobs.map((job) => [job.job_name, 'the main configuration file']));
  const files = (await Promise.all(config.scrape_config_files.map(globLastPart))).flat();
  for (const file of files) {
    const schemaOfFile = schema.refine(schema.nullable(schema.object({ scrape_configs: jobList(dirname(file)) })), (written, report) =>
      (written?.scrape_configs ?? []).map((job, index) => {
        const path = ['scrape_configs', index];
        const first = fileByJob.get(job.job_name);
        if (first !== undefined)
          report([...path, 'job_name'], `found multiple scrape configs with job name "${job.job_name}", first found in ${first}`);
        fileByJob.set(job.job_name, file);
        return completeScrapeConfig(job, config.global, report, path);
      }),
    );
    jobs.push(...readConfig(await readFile(file, 'utf8'), file, schemaOfFile));
  }
  return { ...config, scrape_configs: jobs };
}

/** As `loadConfig`, for text at hand; relative paths in it are meant from the folder of `file`. */
export function parseConfig(text: string, file: string, options: LoadOptions = {}): Config {
  return readConfig(text, file, configSchema(dirname(resolve(file)), options.env ?? {}));
}

function configSchema(directory: string, env: Readonly<Record<string, string | undefined>>) {
  const globalConfig = globalSchema(env);
  const ruleFile = schema.refine(pathFrom(directory), (path) => {
    if (!/^[^*]*(\*[^/]*)?$/.test(path)) throw new Error(`invalid rule file path "${path}"; at most one *, in the last part of the path`);
    return path;
  });
  const document = schema.object({
    global: withDefault(globalConfig, emptyGlobal(env)),
    /** Tuning of Go's garbage collector: taken and without effect. */
    runtime: withDefault(schema.object({ gogc: withDefault(schema.integer(), 75) }), { gogc: 75 }),
    rule_files: withDefault(schema.list(ruleFile), []),
    scrape_config_files: withDefault(schema.list(ruleFile), []),
    scrape_configs: jobList(directory),
    alerting: withDefault(schema.object(alertingFields(directory)), { alert_relabel_configs: [], alertmanagers: [] }),
    storage: optional(storageSchema),
    tracing: notImplemented('tracing'),
    remote_write: notImplemented('remote_write'),
    remote_read: notImplemented('remote_read'),
    otlp: notImplemented('otlp'),
  });
  return schema.refine(schema.nullable(document), (written, report): Config => {
    if (written === null)
      return {
        global: emptyGlobal(env),
        rule_files: [],
        scrape_config_files: [],
        scrape_configs: [],
        alerting: { alert_relabel_configs: [], alertmanagers: [] },
      };
    const { global, rule_files, scrape_config_files, alerting, storage } = written;
    const names = new Set<string>();
    const jobs = written.scrape_configs.map((job, index) => {
      if (names.has(job.job_name))
        report(
          ['scrape_configs', index, 'job_name'],
          `found multiple scrape configs with job name "${job.job_name}"; a name may be used once`,
        );
      names.add(job.job_name);
      return completeScrapeConfig(job, global, report, ['scrape_configs', index]);
    });
    return { global, rule_files, scrape_config_files, scrape_configs: jobs, alerting, ...(storage === undefined ? {} : { storage }) };
  });
}

function jobList(directory: string) {
  const job = schema.refine(schema.nullable(scrapeSchema(directory)), (written) => {
    if (written === null) throw new Error('empty or null scrape config section');
    return written;
  });
  return withDefault(schema.list(job), []);
}

function emptyGlobal(env: Readonly<Record<string, string | undefined>>): GlobalConfig {
  return readConfig('{}', 'global', globalSchema(env));
}
