/** Storage for tests: takes samples as the real one would and writes them down as lines that are easy to compare. */
import type { Appendable, Appender, AppendOptions, FloatHistogram, Labels, Rejection, SeriesRef } from '@pronoia/model';

interface Recorded {
  readonly ref: SeriesRef;
  readonly labels: Labels;
  readonly tMs: number;
  /** `stale` for a staleness marker. */
  readonly value: string;
}

export class Recorder implements Appendable {
  readonly #refByKey = new Map<string, SeriesRef>();
  readonly #last = new Map<SeriesRef, Recorded>();
  #committed: Recorded[] = [];
  /** Makes the next commits fail. */
  failure: Error | undefined;
  readonly #labelsByRef: Labels[] = [];
  readonly #hasFastLane: boolean;

  /** With a fast lane appenders have `appendMany`, as the database's do. */
  constructor(hasFastLane = false) {
    this.#hasFastLane = hasFastLane;
  }

  /** What was committed since the last call, as `name{labels} value @time`, in order of appending. */
  take(fromMs = 0): string[] {
    const lines = this.#committed.map(({ labels, value, tMs }) => `${labels.toString()} ${value} @${tMs - fromMs}`);
    this.#committed = [];
    return lines;
  }

  appender(): Appender {
    const pending = new Map<SeriesRef, Recorded>();
    const list: Recorded[] = [];
    const add = (ref: SeriesRef, labels: Labels, tMs: number, value: string): void => {
      const sample = { ref, labels, tMs, value };
      pending.set(ref, sample);
      list.push(sample);
    };
    const appendMany: NonNullable<Appender['appendMany']> = (refs, times, values, from, to) => {
      for (let i = from; i < to; i++) {
        const ref = refs[i] as number;
        const tMs = times[i] as number;
        const labels = this.#labelsByRef[ref];
        const last = pending.get(ref) ?? this.#last.get(ref);
        if (labels === undefined || (last !== undefined && tMs <= last.tMs)) return i - from;
        const isStale = new BigUint64Array(values.buffer, values.byteOffset + 8 * i, 1)[0] === 0x7ff0000000000002n;
        add(ref, labels, tMs, textOf(values[i] as number, { stale: isStale }));
      }
      return to - from;
    };
    return {
      ...(this.#hasFastLane ? { appendMany } : {}),
      append: (_ref, labels, tMs, value, options): SeriesRef | Rejection => {
        const ref = this.#refOf(labels);
        const text = textOf(value, options);
        const last = pending.get(ref) ?? this.#last.get(ref);
        if (last !== undefined && tMs < last.tMs) return 'out_of_order';
        if (last !== undefined && tMs === last.tMs) return last.value === text ? ref : 'duplicate_timestamp';
        add(ref, labels, tMs, text);
        return ref;
      },
      appendExemplar: (ref) => ref,
      commit: async () => {
        if (this.failure !== undefined) throw this.failure;
        for (const [ref, sample] of pending) this.#last.set(ref, sample);
        this.#committed.push(...list);
      },
      rollback() {},
    };
  }

  #refOf(labels: Labels): SeriesRef {
    const key = labels.key();
    const ref = this.#refByKey.get(key) ?? this.#refByKey.size + 1;
    this.#refByKey.set(key, ref);
    this.#labelsByRef[ref] = labels;
    return ref;
  }
}

function textOf(value: number | FloatHistogram, options: AppendOptions | undefined): string {
  if (options?.stale === true) return 'stale';
  return typeof value === 'number' ? String(value) : 'histogram';
}
