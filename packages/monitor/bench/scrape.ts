/** What scraping a page of known series costs, by stages. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { type Appender, Labels, parseTextFormat } from '@pronoia/model';
import { open } from '@pronoia/tsdb';
import { ScrapeCache } from '../src/scrape/cache.ts';
import { type PageSettings, ScrapedPage } from '../src/scrape/page.ts';

const seriesCount = 50_000;
const rounds = 15;

const settings: PageSettings = {
  honorLabels: false,
  honorTimestamps: true,
  trackTimestampsStaleness: false,
  metricRules: [],
  sampleLimit: 0,
  labelLimit: 0,
  labelNameLengthLimit: 0,
  labelValueLengthLimit: 0,
  legacyNames: false,
  storesExemplars: false,
};

function page(round: number, shuffled: boolean): Buffer {
  const lines = Array.from({ length: seriesCount }, (_, i) => {
    const labels = `method="GET",path="/api/v1/resource/${i % 5000}",code="${200 + (i % 7)}",le="${i % 11}"`;
    return `http_request_duration_seconds_bucket_${i % 40}{${labels}} ${(i * 31 + round * 7) % 100_000}`;
  });
  if (shuffled) lines.sort((a, b) => ((a.length * 31 + a.charCodeAt(45)) % 97) - ((b.length * 31 + b.charCodeAt(45)) % 97));
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Takes everything and keeps nothing. */
const sink: Appender = { append: (ref) => (ref === 0 ? 1 : ref), appendExemplar: (ref) => ref, commit: async () => {}, rollback() {} };

/** Median nanoseconds of processor time a sample: others may use the machine. */
async function measure(run: (round: number) => Promise<void> | void): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    await run(round);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  return ((times[Math.floor(rounds / 2)] as number) * 1e6) / seriesCount;
}

export default async function benchScrape(): Promise<string> {
  const target = Labels.from({ job: 'bench', instance: 'localhost:9090' });
  const pages = Array.from({ length: rounds }, (_, round) => page(round, false));
  const bytes = (pages[0] as Buffer).length / seriesCount;
  let counted = 0;
  const parse = await measure((round) => parseTextFormat(pages[round] as Buffer, { sample: () => counted++ }));

  const known = new ScrapeCache();
  const scrapeInto = (cache: ScrapeCache, appender: Appender, body: Buffer, round: number): void => {
    const scraped = new ScrapedPage(appender, cache, target, settings, 1_700_000_000_000 + round * 1000);
    parseTextFormat(body, scraped);
    scraped.finish();
  };
  scrapeInto(known, sink, pages[0] as Buffer, 0);
  const predicted = await measure((round) => scrapeInto(known, sink, pages[round] as Buffer, round));
  const orders = [pages[0] as Buffer, page(0, true)];
  const unpredicted = await measure((round) => scrapeInto(known, sink, orders[round % 2] as Buffer, round));
  const first = await measure(() => scrapeInto(new ScrapeCache(), sink, pages[0] as Buffer, 0));

  const folder = await mkdtemp(join(tmpdir(), 'bench-scrape-'));
  const tsdb = await open(folder, { registry: new Registry() });
  const cache = new ScrapeCache();
  const store = async (round: number): Promise<void> => {
    const appender = tsdb.appender();
    scrapeInto(cache, appender, pages[round % rounds] as Buffer, round);
    await appender.commit();
  };
  await store(0);
  const stored = await measure((round) => store(round + 1));
  await tsdb.close();
  await rm(folder, { recursive: true });

  return `A page of ${seriesCount.toLocaleString('en')} series, ${bytes.toFixed(0)} bytes a line; medians of ${rounds}, nanoseconds a sample.

| stage | ns a sample |
| --- | --- |
| parse alone (${counted > 0 ? 'every line handed out' : ''}) | ${parse.toFixed(0)} |
| … and find each series, page in the order of last time | ${predicted.toFixed(0)} |
| … and find each series, order changed from page to page | ${unpredicted.toFixed(0)} |
| … and meet each series for the first time | ${first.toFixed(0)} |
| … and find each series, append to the database, commit to its log | ${stored.toFixed(0)} |`;
}
