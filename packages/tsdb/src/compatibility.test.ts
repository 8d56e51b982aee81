/**
 * With the original's own programs: what they read of ours, what we read of theirs.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from '@pronoia/client';
import { createMatcher, formatFloat, Labels, type Queryable, SampleBatch } from '@pronoia/model';
import { afterEach, describe, expect, it } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { importOpenMetrics } from './import-openmetrics.ts';
import { openReadOnly } from './read-only.ts';
import { open, type Tsdb } from './tsdb.ts';
import { compressSnappy } from './wal/compression.ts';

const hour = 3_600_000;
const start = Math.floor(1_700_000_000_000 / (2 * hour)) * 2 * hour;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsdb-compat-'));
  folders.push(folder);
  return folder;
}

/** `labels value time`, one line a sample, as `promtool tsdb dump` prints it. */
async function dump(tsdb: Queryable): Promise<string[]> {
  const querier = tsdb.querier(-Infinity, Infinity);
  const { series } = await querier.select([createMatcher('=~', '__name__', '.*')]);
  const lines: string[] = [];
  const batch = new SampleBatch();
  for (const { labels, samples } of series.map((one) => ({ labels: one.labels, samples: one.samples() }))) {
    const text = `{${[...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
    for (let count = samples.read(batch); count > 0; count = samples.read(batch)) {
      for (let i = 0; i < count; i++) {
        const value = batch.stale[i] === 1 ? 'NaN' : formatFloat(batch.values[i] as number);
        lines.push(`${text} ${value} ${batch.times[i]}`);
      }
    }
  }
  querier.close();
  return lines;
}

/** The original prints numbers with Go's `g`; here both sides have one form. */
function promtoolDump(folder: string): string[] {
  const text = execFileSync('/usr/bin/promtool', ['tsdb', 'dump', folder], { maxBuffer: 1e9 }).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, labels, value, time] = /^(\{.*\}) (\S+) (-?\d+)$/.exec(line) as unknown as [string, string, string, string];
      return `${labels} ${value === 'NaN' || value.includes('Inf') ? value : formatFloat(Number(value))} ${time}`;
    });
}

async function fill(tsdb: Tsdb, hours: number, stepMs: number): Promise<void> {
  const series = Array.from({ length: 12 }, (_, i) => Labels.from({ __name__: `metric_${i % 3}`, instance: `host-${i}`, text: 'ü "\\' }));
  for (let tMs = start; tMs < start + hours * hour; tMs += stepMs) {
    const appender = tsdb.appender();
    for (const [i, labels] of series.entries()) {
      const value = i % 3 === 0 ? tMs / 1000 : i % 3 === 1 ? Math.sin(tMs / 1e6) : (tMs / stepMs) % 50 === 0 ? NaN : 5;
      appender.append(0, labels, tMs + i, value, i === 7 && (tMs / stepMs) % 97 === 0 ? { stale: true } : {});
    }
    await appender.commit();
    if ((tMs - start) % hour === 0) await tsdb.maintain();
  }
}

interface WrittenHistogram {
  readonly tMs: number;
  readonly count: number;
  readonly sum: number;
  readonly zeroCount: number;
  readonly deltas: readonly number[];
  readonly isFloat: boolean;
}

/** A remote write request (prometheus.WriteRequest) with one histogram per series. */
function writeRequest(series: readonly { name: string; histogram: WrittenHistogram }[]): Uint8Array {
  const message = (write: (out: ByteWriter) => void): Uint8Array => {
    const out = new ByteWriter();
    write(out);
    return out.view();
  };
  const bytes = (out: ByteWriter, field: number, content: Uint8Array): void => {
    out.uvarint(field * 8 + 2);
    out.uvarint(content.length);
    out.bytes(content);
  };
  const double = (out: ByteWriter, field: number, value: number): void => {
    out.uvarint(field * 8 + 1);
    out.bytes(doubleBytes(value));
  };
  const integer = (out: ByteWriter, field: number, value: number): void => {
    out.uvarint(field * 8);
    out.uvarint(value);
  };
  return message((request) => {
    for (const { name, histogram } of series) {
      const { tMs, count, sum, zeroCount, deltas, isFloat } = histogram;
      const one = message((out) => {
        bytes(
          out,
          1,
          message((label) => {
            bytes(label, 1, Buffer.from('__name__'));
            bytes(label, 2, Buffer.from(name));
          }),
        );
        bytes(
          out,
          4,
          message((h) => {
            if (isFloat) double(h, 2, count);
            else integer(h, 1, count);
            double(h, 3, sum);
            h.uvarint(4 * 8);
            h.varint(2);
            double(h, 5, 0.001);
            if (isFloat) double(h, 7, zeroCount);
            else integer(h, 6, zeroCount);
            bytes(
              h,
              11,
              message((span) => {
                span.uvarint(1 * 8);
                span.varint(-1);
                integer(span, 2, deltas.length);
              }),
            );
            let total = 0;
            if (isFloat) bytes(h, 13, Buffer.concat(deltas.map((delta) => doubleBytes((total += delta)))));
            else
              bytes(
                h,
                12,
                message((packed) => {
                  for (const delta of deltas) packed.varint(delta);
                }),
              );
            integer(h, 15, tMs);
          }),
        );
      });
      bytes(request, 1, one);
    }
  });
}

/** Protobuf's byte order. */
function doubleBytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Asks a process of its own kind until it answers yes. */
async function until(isReady: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await isReady().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('not ready after ten seconds');
}

const hasOriginal = existsSync('/usr/bin/promtool') && existsSync('/usr/bin/prometheus');
if (!hasOriginal) process.stderr.write('SKIPPED: comparison with the original: prometheus and promtool are not installed\n');

describe.skipIf(!hasOriginal)('the original', { timeout: 60_000 }, () => {
  it('reads our blocks and our log, sample for sample', async () => {
    const folder = newFolder();
    const tsdb = await open(folder, { registry: new Registry() });
    await fill(tsdb, 21, 60_000);
    await tsdb.maintain();
    await tsdb.deleteSeries([createMatcher('=', 'instance', 'host-4')], start + hour, start + 3 * hour);
    const ours = await dump(tsdb);
    const blocks = tsdb.blocks();
    await tsdb.close();
    expect(blocks.map(({ compaction }) => compaction.level)).toContain(2);
    expect(promtoolDump(folder)).toEqual(ours);

    const list = execFileSync('/usr/bin/promtool', ['tsdb', 'list', folder]).toString().trim().split('\n').slice(1);
    expect(list.map((line) => line.split(/\s+/)[0])).toEqual(blocks.map(({ ulid }) => ulid));
    const analysis = execFileSync('/usr/bin/promtool', ['tsdb', 'analyze', '--extended', folder, blocks[0]?.ulid ?? ''], {
      stdio: ['ignore', 'pipe', 'pipe'],
    }).toString();
    expect(analysis).toMatch(/^(Total )?Series: 12$/m);
    expect(analysis).toContain(`Block ID: ${blocks[0]?.ulid}`);
  });

  it('reads a snapshot with the head in it', async () => {
    const folder = newFolder();
    const tsdb = await open(folder, { registry: new Registry() });
    await fill(tsdb, 5, 60_000);
    const ours = await dump(tsdb);
    const name = await tsdb.snapshot(true);
    await tsdb.close();
    const copy = await open(`${folder}/snapshots/${name}`, { registry: new Registry() });
    expect(await dump(copy)).toEqual(ours);
    await copy.close();
    expect(promtoolDump(`${folder}/snapshots/${name}`)).toEqual(ours);
  });

  it('makes the same blocks of an OpenMetrics page', async () => {
    const folder = newFolder();
    const lines = ['# TYPE m gauge'];
    for (let i = 0; i < 4; i++)
      for (let k = 0; k < 700; k++)
        lines.push(`m{i="${i}"} ${k % 90 === 0 ? 'NaN' : Math.cos(k * i)} ${(start - 4_000_000 + k * 30_000) / 1000}`);
    const page = `${lines.join('\n')}\n# EOF\n`;
    writeFileSync(join(folder, 'page'), page);
    execFileSync('/usr/bin/promtool', ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'page'), join(folder, 'theirs')], {
      stdio: 'ignore',
    });
    const blocks = await importOpenMetrics(Buffer.from(page), join(folder, 'ours'));
    const theirs = await openReadOnly(join(folder, 'theirs'));
    const ours = await openReadOnly(join(folder, 'ours'));
    expect(await dump(ours)).toEqual(await dump(theirs));
    // The original cuts its blocks to the samples in them; ours cover their whole two hours.
    expect(ours.blocks().map(({ meta }) => meta.stats.numSamples)).toEqual(theirs.blocks().map(({ meta }) => meta.stats.numSamples));
    expect(ours.blocks().map(({ meta }) => meta)).toEqual(blocks);
    theirs.close();
    ours.close();
  });

  it('writes blocks that we read', async () => {
    const folder = newFolder();
    const lines = ['# TYPE m gauge'];
    for (let i = 0; i < 6; i++)
      for (let k = 0; k < 400; k++) lines.push(`m{i="${i}",k="x${i % 2}"} ${Math.cos(k * i)} ${(start + k * 30_000) / 1000}`);
    writeFileSync(join(folder, 'page'), `${lines.join('\n')}\n# EOF\n`);
    execFileSync('/usr/bin/promtool', ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'page'), join(folder, 'data')], {
      stdio: 'ignore',
    });
    const tsdb = await open(join(folder, 'data'), { registry: new Registry() });
    const ours = await dump(tsdb);
    const querier = tsdb.querier(-Infinity, Infinity);
    expect(await querier.labelValues('i', [createMatcher('=', 'k', 'x1')])).toEqual(['1', '3', '5']);
    expect(
      (await querier.select([createMatcher('=', '__name__', 'm'), createMatcher('!~', 'i', '[1-4]')])).series.map(({ labels }) =>
        labels.get('i'),
      ),
    ).toEqual(['0', '5']);
    querier.close();
    await tsdb.close();
    expect(ours.length).toBe(2400);
    expect(promtoolDump(join(folder, 'data'))).toEqual(ours);
  });

  it('stores histograms that we read from its log and its head chunks', async () => {
    const folder = newFolder();
    const data = join(folder, 'data');
    writeFileSync(join(folder, 'prometheus.yml'), '{}\n');
    const flags = [
      '--web.enable-remote-write-receiver',
      '--enable-feature=native-histograms',
      '--storage.tsdb.min-block-duration=1h',
      '--storage.tsdb.max-block-duration=1h',
    ];
    const port = await freePort();
    const server = spawn(
      '/usr/bin/prometheus',
      [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`, ...flags],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => server.once('exit', resolve));
    try {
      await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
      const expected: string[] = [];
      for (let i = 0; i < 300; i++) {
        // Both kinds; a reset now and then; a layout that grows.
        const n = i % 70;
        const deltas = i < 150 ? [n, 2, -1] : [n, 2, -1, 3];
        const absolute = deltas.map((_, k) => deltas.slice(0, k + 1).reduce((sum, delta) => sum + delta));
        const tMs = start + i * 30_000;
        const count = (i % 3) + absolute.reduce((sum, bucket) => sum + bucket);
        const histogram = { tMs, count, sum: n * 1.5, zeroCount: i % 3, deltas, isFloat: false };
        const response = await fetch(`http://127.0.0.1:${port}/api/v1/write`, {
          method: 'POST',
          body: compressSnappy(
            writeRequest([
              { name: 'whole', histogram },
              { name: 'float', histogram: { ...histogram, isFloat: true } },
            ]),
          ) as Uint8Array<ArrayBuffer>,
        });
        expect([response.status, await response.text()]).toEqual([204, '']);
        expected.push(`${tMs} ${count} ${n * 1.5} ${i % 3} ${absolute.join(',')}`);
      }
      server.kill('SIGKILL');
      await ended;
      const tsdb = await open(data, { registry: new Registry() });
      const querier = tsdb.querier(-Infinity, Infinity);
      const { series } = await querier.select([createMatcher('=~', '__name__', 'whole|float')]);
      const batch = new SampleBatch();
      const found = series.map((one) => {
        const lines: string[] = [];
        const reader = one.samples();
        for (let count = reader.read(batch); count > 0; count = reader.read(batch)) {
          for (let i = 0; i < count; i++) {
            const histogram = batch.histograms[i];
            lines.push(
              `${batch.times[i]} ${histogram?.count} ${histogram?.sum} ${histogram?.zeroCount} ${histogram?.positiveBuckets.join(',')}`,
            );
          }
        }
        return lines;
      });
      querier.close();
      await tsdb.close();
      expect(found).toEqual([expected, expected]);
    } finally {
      server.kill('SIGKILL');
      await ended;
    }
  });

  it('and ours keep out of a folder that the other has open', async () => {
    const folder = newFolder();
    const data = join(folder, 'data');
    writeFileSync(join(folder, 'prometheus.yml'), '{}\n');
    // Upstream locks unless told not to; Debian's package has turned that round.
    const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${data}`, '--storage.tsdb.use-lockfile'];
    const tsdb = await open(data, { registry: new Registry() });
    const refused = spawnSync('/usr/bin/prometheus', [...flags, '--web.listen-address=127.0.0.1:0'], { encoding: 'utf8', timeout: 15_000 });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('lock DB directory: resource temporarily unavailable');
    await expect(open(data, { registry: new Registry() })).rejects.toMatchObject({ code: 'locked', fields: { pid: process.pid } });
    await tsdb.close();
    expect(existsSync(join(data, 'lock'))).toBe(false);

    const port = await freePort();
    const server = spawn('/usr/bin/prometheus', [...flags, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
    const ended = new Promise((resolve) => server.once('exit', resolve));
    try {
      await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok);
      await expect(open(data, { registry: new Registry() })).rejects.toMatchObject({ code: 'locked', fields: { pid: server.pid } });
    } finally {
      server.kill('SIGKILL');
      await ended;
    }
    await (await open(data, { registry: new Registry() })).close();
  });

  it('leaves a log and a head that we read, after being killed', async () => {
    const folder = newFolder();
    const data = join(folder, 'data');
    writeFileSync(
      join(folder, 'prometheus.yml'),
      'global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: [{job_name: self, static_configs: [{targets: ["127.0.0.1:1"]}]}]\nrule_files: [rules.yml]\n',
    );
    writeFileSync(
      join(folder, 'rules.yml'),
      `groups: [{name: g, interval: 100ms, rules: [${Array.from({ length: 20 }, (_, i) => `{record: "r${i}", expr: "time() * ${i + 1}"}`).join(', ')}]}]\n`,
    );
    const server = spawn(
      '/usr/bin/prometheus',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${data}`,
        '--web.listen-address=127.0.0.1:0',
        '--storage.tsdb.min-block-duration=10s',
        '--storage.tsdb.max-block-duration=30s',
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => server.once('exit', resolve));
    await new Promise((resolve) => setTimeout(resolve, 4000));
    server.kill('SIGKILL');
    await ended;
    const theirs = promtoolDump(data);
    const tsdb = await open(data, { registry: new Registry() });
    const ours = await dump(tsdb);
    await tsdb.close();
    expect(theirs.length).toBeGreaterThan(200);
    expect(ours).toEqual(theirs);
    expect(promtoolDump(data)).toEqual(theirs);
  });
});
