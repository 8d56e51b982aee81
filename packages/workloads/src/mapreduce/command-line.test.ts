import { describe, expect, it } from 'vitest';
import { parseMapReduce } from './command-line.ts';
import { ProgressView } from './progress-view.ts';

const job = (...argv: string[]): unknown => {
  const parsed = parseMapReduce(argv);
  if (parsed.kind !== 'run') throw new Error('help was not expected');
  return parsed.job;
};

describe('parseMapReduce', () => {
  it.each([
    [['wordcount', '--input', 'a', '--output', 'o'], { kind: 'wordcount', input: ['a'], output: 'o', recursive: false }],
    [['wordcount', 'a', 'b', 'o'], { kind: 'wordcount', input: ['a', 'b'], output: 'o' }],
    [
      ['wordcount', '--input=a', '--input', 'b', 'c', '--output=o', '--reduces=3', '--recursive'],
      { input: ['a', 'b', 'c'], reduces: 3, recursive: true },
    ],
    [['wordcount', 'a', 'o', '--split-size', '2MB', '--map-cpus', '0.5', '--slots', '2'], { splitBytes: 2 ** 21, mapCpus: 0.5, slots: 2 }],
    [['-mapper', 'cat', '-reducer', 'uniq -c', '-input', 'a', '-output', 'o'], { kind: 'streaming', mapper: 'cat', reducer: 'uniq -c' }],
    [['streaming', '--mapper=m', '--input=a', '--output=o', '--program-metrics'], { kind: 'streaming', mapper: 'm', programMetrics: true }],
    [['-mapper', 'm', '-reducer', 'NONE', '-input', 'a', '-output', 'o'], { reduces: 0, mapper: 'm' }],
    [['-mapper', 'm', '-numReduceTasks', '0', '-input', 'a', '-output', 'o'], { reduces: 0 }],
    [['-file', 'x.py', 'y.py', '-file', 'z,w', '-mapper', 'm', '-input', 'a', '-output', 'o'], { files: ['x.py', 'y.py', 'z', 'w'] }],
    [
      ['-D', 'mapreduce.job.reduces=4', '-Dmy.own=v', '-cmdenv', 'A=b c=d', '-mapper', 'm', '-input', 'a', '-output', 'o'],
      { reduces: 4, environment: { my_own: 'v', A: 'b c=d' } },
    ],
    [
      ['-D', 'mapreduce.input.fileinputformat.input.dir.recursive=true', '-mapper', 'm', '-input', 'a', '-output', 'o'],
      { recursive: true },
    ],
  ])('%j', (argv, expected) => expect(job(...argv)).toMatchObject(expected));

  it.each([
    [['wordcount'], /^Required argument: -input/],
    [['wordcount', '--input', 'a'], /^Required argument: -output/],
    [['wordcount', 'a'], /^Usage: wordcount/],
    [['wordcount', 'a', 'o', '--mapper', 'x'], /for streaming jobs/],
    [['wordcount', 'a', 'o', '--reduces', '0'], /at least one reducer/],
    [['wordcount', 'a', 'o', '--reduces', 'x'], /expected a whole number/],
    [['wordcount', 'a', 'o', '--split-size', 'big'], /expected a size/],
    [['wordcount', 'a', 'o', '--json=yes'], /takes no value/],
    [['wordcount', 'a', 'o', '--outptu', 'x'], /^Unrecognized option: -outptu\nTry -help/],
    [['-mapper', 'm', '-input', 'a', '-output'], /^Missing argument/],
    [['-mapper', 'm', '-combiner', 'c', '-input', 'a', '-output', 'o'], /-combiner is not supported yet/],
    [['-input', 'a', '-output', 'o'], /needs -mapper or -reducer/],
    [['-D', 'x', '-mapper', 'm'], /expected name=value/],
    [['-cmdenv', 'x', '-mapper', 'm', '-input', 'a', '-output', 'o'], /expected name=value/],
    [['sort', 'a', 'b'], /unknown program sort/],
  ])('%j is refused', (argv, message) => expect(() => parseMapReduce(argv)).toThrow(message));

  it.each([[[]], [['--help']], [['wordcount', '-help']]])('%j shows help', (argv) => {
    const parsed = parseMapReduce(argv);
    expect(parsed.kind === 'help' ? parsed.text : '').toMatch(/^usage: pronoia mapreduce wordcount/);
  });

  it('finds the master', () => {
    const master = (argv: string[], env: Record<string, string>): string => {
      const parsed = parseMapReduce(['wordcount', 'a', 'o', ...argv], env);
      return parsed.kind === 'run' ? parsed.master : '';
    };
    expect([master([], {}), master([], { PRONOIA_MASTER: 'm:1' }), master(['--master=n:2'], { PRONOIA_MASTER: 'm:1' })]).toEqual([
      '127.0.0.1:5050',
      'm:1',
      'n:2',
    ]);
  });
});

describe('ProgressView', () => {
  const kind = (done: number, total: number, fraction: number): { total: number; done: number; running: number; fraction: number } => ({
    total,
    done,
    running: 0,
    fraction,
  });

  it('prints Hadoop lines where there is no terminal, each once', () => {
    let text = '';
    const view = new ProgressView({ write: (part) => (text += part) });
    view.show({ jobId: 'j', map: kind(0, 4, 0), reduce: kind(0, 1, 0) });
    view.show({ jobId: 'j', map: kind(1, 4, 0.3333), reduce: kind(0, 1, 0) });
    view.show({ jobId: 'j', map: kind(1, 4, 0.3334), reduce: kind(0, 1, 0) });
    view.show({ jobId: 'j', map: kind(4, 4, 1), reduce: kind(0, 1, 0.9999) });
    view.show({ jobId: 'j', map: kind(4, 4, 1), reduce: kind(1, 1, 1) });
    view.end();
    expect(text).toBe(' map 0% reduce 0%\n map 33% reduce 0%\n map 100% reduce 99%\n map 100% reduce 100%\n');
  });

  it('moves bars on a terminal', () => {
    let text = '';
    const view = new ProgressView({ isTTY: true, columns: 100, write: (part) => (text += part) });
    view.show({ jobId: 'j', map: kind(2, 4, 0.5), reduce: kind(0, 1, 0) });
    view.end();
    expect(text).toBe(`\rmap [${'#'.repeat(12)}${'.'.repeat(12)}] 2/4  reduce [${'.'.repeat(24)}] 0/1\u001b[K\n`);
  });
});
