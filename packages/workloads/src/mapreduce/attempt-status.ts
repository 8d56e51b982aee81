/** What an attempt knows of its own progress: told to the job master twice a second, and to anybody who scrapes its `metrics` port. */
import { createServer, type Server } from 'node:http';
import type { Counters } from './attempt-protocol.ts';
import { type JobClient, ObsoleteError } from './job-client.ts';

const REPORT_MS = 500;

const FRAMEWORK = 'Map-Reduce Framework';

/** Counter names as Hadoop prints them. */
export const COUNTERS = {
  mapInputRecords: `${FRAMEWORK}/Map input records`,
  mapOutputRecords: `${FRAMEWORK}/Map output records`,
  mapOutputBytes: `${FRAMEWORK}/Map output materialized bytes`,
  combineInputRecords: `${FRAMEWORK}/Combine input records`,
  combineOutputRecords: `${FRAMEWORK}/Combine output records`,
  spilledRecords: `${FRAMEWORK}/Spilled Records`,
  reduceInputGroups: `${FRAMEWORK}/Reduce input groups`,
  reduceInputRecords: `${FRAMEWORK}/Reduce input records`,
  reduceOutputRecords: `${FRAMEWORK}/Reduce output records`,
  shuffleBytes: `${FRAMEWORK}/Reduce shuffle bytes`,
  shuffledMaps: `${FRAMEWORK}/Shuffled Maps`,
  failedShuffles: `${FRAMEWORK}/Failed Shuffles`,
  bytesRead: 'File Input Format Counters/Bytes Read',
  bytesWritten: 'File Output Format Counters/Bytes Written',
} as const;

const METRICS: readonly (readonly [string, string, string])[] = [
  ['mapreduce_input_records_total', COUNTERS.mapInputRecords, 'Records read by this attempt.'],
  ['mapreduce_input_bytes_total', COUNTERS.bytesRead, 'Bytes of input read by this attempt.'],
  ['mapreduce_output_bytes_total', COUNTERS.bytesWritten, 'Bytes of output written by this attempt.'],
  ['mapreduce_spilled_records_total', COUNTERS.spilledRecords, 'Records written to disk between map and reduce.'],
  ['mapreduce_shuffle_bytes_total', COUNTERS.shuffleBytes, 'Bytes of map output fetched by this attempt.'],
  ['mapreduce_fetch_failures_total', COUNTERS.failedShuffles, 'Fetches of map output that failed.'],
];

export class AttemptStatus {
  progress = 0;
  readonly #counters = new Map<string, number>();
  readonly #labels: string;
  #timer: NodeJS.Timeout | undefined;
  #server: Server | undefined;
  #onScrape: () => void = () => {};

  constructor(jobId: string, stage: 'map' | 'reduce') {
    this.#labels = `{job="${jobId}",stage="${stage}"}`;
  }

  add(counter: string, by: number): void {
    this.#counters.set(counter, (this.#counters.get(counter) ?? 0) + by);
  }

  get counters(): Counters {
    return Object.fromEntries(this.#counters);
  }

  /** `onObsolete` is called when the job master has given this attempt up. */
  report(client: JobClient, onObsolete: (error: Error) => void): void {
    const tell = async (): Promise<void> => {
      try {
        await client.progress({ progress: this.progress });
      } catch (error) {
        if (error instanceof ObsoleteError || this.#timer !== undefined) onObsolete(error as Error);
        return;
      }
      if (this.#timer !== undefined) this.#timer = setTimeout(() => void tell(), REPORT_MS);
    };
    this.#timer = setTimeout(() => void tell(), REPORT_MS);
  }

  /** A port that is taken costs the metrics, not the attempt. */
  serve(port: number): void {
    const server = createServer((request, response) => {
      if (request.url?.split('?')[0] !== '/metrics')
        response.writeHead(404, { 'content-type': 'text/plain' }).end('the metrics are at /metrics\n');
      else {
        response.once('finish', () => this.#onScrape());
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(this.#page());
      }
    });
    server.once('error', (error) => process.stderr.write(`no metrics: cannot listen on port ${port}: ${error.message}\n`));
    server.listen(port, '0.0.0.0');
    server.unref();
    this.#server = server;
  }

  /** The work is done and told; the last figures stay until they were scraped, `limitMs` at most. */
  async linger(limitMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (limitMs <= 0 || this.#server?.listening !== true) return;
    await new Promise<void>((resolve) => {
      this.#onScrape = resolve;
      setTimeout(resolve, limitMs);
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #page(): string {
    const lines: string[] = [];
    const metric = (name: string, type: string, help: string, value: number): void => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name}${this.#labels} ${value}`);
    };
    metric('mapreduce_attempt_progress_ratio', 'gauge', 'How much of this attempt is done, 0 to 1.', this.progress);
    for (const [name, counter, help] of METRICS) metric(name, 'counter', help, this.#counters.get(counter) ?? 0);
    const { user, system } = process.cpuUsage();
    metric('process_cpu_seconds_total', 'counter', 'CPU time of the attempt, without its programs.', (user + system) / 1e6);
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory of the attempt, without its programs.', process.memoryUsage.rss());
    return `${lines.join('\n')}\n`;
  }
}
