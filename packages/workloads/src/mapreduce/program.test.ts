import { describe, expect, it } from 'vitest';
import { keyEndOf, Program, programEnvironment, splitCommand } from './program.ts';

describe('splitCommand', () => {
  it.each([
    ['cat', ['cat']],
    ['python3  mapper.py -x', ['python3', 'mapper.py', '-x']],
    ["sh -c 'a | b'", ['sh', '-c', 'a | b']],
    [`a'b c'd`, ['a', 'b c', 'd']],
    [`"it's" '' ""`, ["it's"]],
    ['$HOME * \\n', ['$HOME', '*', '\\n']],
    ['', []],
  ])('%j is %j', (command, expected) => expect(splitCommand(command)).toEqual(expected));
});

describe('keyEndOf', () => {
  it.each([
    ['a\tb', 1],
    ['a\tb\tc', 1],
    ['abc', 3],
    ['\tb', 0],
    ['', 0],
  ])('%j ends its key at %d', (line, expected) => {
    const bytes = Buffer.from(`##${line}\t\t`);
    expect(keyEndOf(bytes, 2, 2 + line.length) - 2).toBe(expected);
  });
});

describe('Program', () => {
  const run = async (command: string, input: readonly Buffer[]): Promise<{ out: string; counters: string[] }> => {
    let out = '';
    const counters: string[] = [];
    const program = new Program(
      command,
      { PATH: process.env['PATH'] ?? '' },
      {
        onStdout: (chunk) => (out += chunk.toString('latin1')),
        onCounter: (group, name, by) => counters.push(`${group}/${name}=${by}`),
      },
    );
    for (const chunk of input) await program.write(chunk);
    await program.end();
    return { out, counters };
  };

  it('feeds and reads at the same time, without end to what may wait', async () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    expect(
      (
        await run(
          'cat',
          Array.from({ length: 20 }, () => chunk),
        )
      ).out.length,
    ).toBe(20 << 20);
  });

  it.each([
    ['false', /false: exited with status 1/],
    [`sh -c 'echo oops >&2; exit 4'`, /exited with status 4; its last words:\noops/],
    [`sh -c 'kill -9 $$'`, /killed by SIGKILL/],
    ['no-such-program-here', /no such program here or in PATH/],
    ['no-such | wc', /there is no shell: say sh -c/],
  ])('%s is a failure', async (command, message) => {
    await expect(run(command, [Buffer.from('x\n')])).rejects.toThrow(message);
  });

  it('that stops reading has failed, even with exit 0', async () => {
    const chunk = Buffer.alloc(1 << 20, 'x');
    await expect(
      run(
        'true',
        Array.from({ length: 20 }, () => chunk),
      ),
    ).rejects.toThrow(/stopped reading|ended early/);
  });

  it('that has ended takes no more, and nobody waits for it', async () => {
    const program = new Program('true', { PATH: process.env['PATH'] ?? '' }, { onStdout: () => undefined, onCounter: () => undefined });
    await program.end();
    await expect(program.write(Buffer.from('x'))).rejects.toThrow(/ended early/);
  });

  it('reports counters on stderr', async () => {
    const command = `sh -c 'echo reporter:counter:g,n,3 >&2; echo reporter:counter:bad >&2; echo reporter:status:fine >&2; cat'`;
    expect((await run(command, [])).counters).toEqual(['g/n=3']);
  });

  it('sees the job under new and deprecated names', () => {
    const environment = programEnvironment(
      {
        jobId: 'job_1',
        taskId: 'task_1',
        attemptId: 'attempt_1',
        index: 7,
        isMap: true,
        maps: 9,
        reduces: 2,
        outputFolder: undefined,
        input: { file: '/f', start: 1, length: 2 },
      },
      { MINE: 'x' },
    );
    expect(environment).toMatchObject({
      mapreduce_job_id: 'job_1',
      mapred_job_id: 'job_1',
      mapred_task_id: 'attempt_1',
      mapreduce_task_partition: '7',
      mapreduce_task_ismap: 'true',
      map_input_file: '/f',
      mapred_reduce_tasks: '2',
      MINE: 'x',
    });
  });
});
