import { describe, expect, it } from 'vitest';
import { inSlices, SharedAnswer } from './slices.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an answer in slices', () => {
  it('is the pieces in order, texts and bytes', async () => {
    const long = 'ä'.repeat(100_000);
    const buffers = await inSlices(['a', 'b', Buffer.from('c'), long, 'd', long, ''], () => 0);
    expect(Buffer.concat(buffers).toString()).toBe(`abc${long}d${long}`);
  });

  it('lets others in whenever a slice has taken its time', async () => {
    let nowMs = 0;
    const seen: string[] = [];
    function* pieces(): Generator<string> {
      for (let i = 0; i < 4; i++) {
        nowMs += 5;
        seen.push(`piece ${i}`);
        yield 'x';
      }
    }
    setImmediate(() => void seen.push('other'));
    await inSlices(pieces(), () => nowMs);
    expect(seen).toEqual(['piece 0', 'piece 1', 'other', 'piece 2', 'piece 3']);
  });
});

describe('a shared answer', () => {
  it('is made once for all who ask before it begins, and anew for who asks while it is made', async () => {
    let makings = 0;
    let truth = 'old';
    const answer = new SharedAnswer(
      () => {
        makings++;
        const atBegin = truth;
        return (function* (): Generator<string> {
          yield `${atBegin} `;
          yield atBegin;
        })();
      },
      (() => {
        let nowMs = 0;
        return () => (nowMs += 1000);
      })(),
    );
    const text = async (): Promise<string> => Buffer.concat(await answer.get()).toString();
    const first = [text(), text()];
    await turn();
    await turn();
    truth = 'new';
    const second = [text(), text()];
    expect(await Promise.all([...first, ...second])).toEqual(['old old', 'old old', 'new new', 'new new']);
    expect(makings).toBe(2);
    expect([await text(), makings]).toEqual(['new new', 3]);
  });

  it('that fails fails for its own askers only', async () => {
    let isBroken = true;
    const answer = new SharedAnswer(
      () => {
        if (isBroken) throw new Error('broken');
        return ['whole'];
      },
      () => 0,
    );
    const first = answer.get();
    await expect(first).rejects.toThrow('broken');
    isBroken = false;
    expect(Buffer.concat(await answer.get()).toString()).toBe('whole');
  });
});
