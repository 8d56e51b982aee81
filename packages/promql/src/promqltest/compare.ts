/** Whether an answer is the expected one, with the tolerance of the original's runner (appendix A, 4–6). */
import type { FloatHistogram } from '@pronoia/model';
import { labelText } from '../evaluate/label-text.ts';
import { printFloat } from '../syntax/print.ts';
import { compact } from '../value/histogram-buckets.ts';
import { histogramText } from '../value/histogram-text.ts';
import type { QueryValue } from '../value/query-result.ts';
import type { EvalCommand } from './script.ts';
import type { SequenceItem } from './series-text.ts';

/** Undefined when equal, else what was expected and got. */
export function compareValue(command: EvalCommand, value: QueryValue): string | undefined {
  if (command.string !== undefined) {
    const got = value.kind === 'string' ? JSON.stringify(value.value) : value.kind;
    return got === JSON.stringify(command.string) ? undefined : `expected string ${JSON.stringify(command.string)}, got ${got}`;
  }
  if (command.scalar !== undefined) {
    if (value.kind !== 'scalar') return `expected scalar ${command.scalar}, got a ${value.kind}`;
    return almostEqual(command.scalar, value.value) ? undefined : `expected ${command.scalar}, got ${value.value}`;
  }
  if (value.kind === 'vector') return compareVector(command, value);
  if (value.kind === 'matrix') return compareMatrix(command, value);
  return `expected series, got a ${value.kind}`;
}

function compareVector(command: EvalCommand, { samples }: QueryValue & { kind: 'vector' }): string | undefined {
  const expected = new Map(command.series.map(({ labels, items }, position) => [labels.key(), { labels, item: items[0], position }]));
  const seen = new Set<string>();
  for (const [position, sample] of samples.entries()) {
    const key = sample.labels.key();
    const want = expected.get(key);
    const got = sample.histogram === undefined ? printFloat(sample.value) : histogramText(sample.histogram);
    if (want === undefined) return `unexpected ${labelText(sample.labels)} ${got}`;
    if (seen.has(key)) return `twice: ${labelText(sample.labels)}`;
    seen.add(key);
    if (command.ordered && want.position !== position)
      return `${labelText(sample.labels)} at position ${position}, expected ${want.position}`;
    const fault = compareItem(want.item, sample.value, sample.histogram);
    if (fault !== undefined) return `${labelText(sample.labels)}: ${fault}`;
  }
  for (const [key, { labels }] of expected) if (!seen.has(key)) return `missing ${labelText(labels)}`;
  return undefined;
}

function compareMatrix(command: EvalCommand, { series }: QueryValue & { kind: 'matrix' }): string | undefined {
  const { startMs, stepMs } = command.rangeVector ?? command;
  const expected = new Map(command.series.map((line) => [line.labels.key(), line]));
  const seen = new Set<string>();
  for (const { labels, times, values, histogramTimes, histograms } of series) {
    const want = expected.get(labels.key());
    if (want === undefined)
      return `unexpected ${labelText(labels)} ${Array.from(values).join(' ')} ${histograms.map(histogramText).join(' ')}`;
    seen.add(labels.key());
    const points = new Map<number, { value: number; histogram: FloatHistogram | undefined }>();
    times.forEach((t, i) => points.set(t, { value: values[i] as number, histogram: undefined }));
    histogramTimes.forEach((t, i) => points.set(t, { value: 0, histogram: histograms[i] }));
    const shown = (): string =>
      [...points.keys()]
        .sort((a, b) => a - b)
        .map(
          (t) =>
            `${points.get(t)?.histogram === undefined ? points.get(t)?.value : histogramText(points.get(t)?.histogram as FloatHistogram)}@${t}`,
        )
        .join(' ');
    let found = 0;
    for (const [i, item] of want.items.entries()) {
      const point = points.get(startMs + i * stepMs);
      if (item.kind === 'gap') {
        if (point !== undefined) return `${labelText(labels)} step ${i}: expected nothing, got ${shown()}`;
        continue;
      }
      if (point === undefined) return `${labelText(labels)} step ${i}: missing, got ${shown()}`;
      found++;
      const fault = compareItem(item, point.value, point.histogram);
      if (fault !== undefined) return `${labelText(labels)} step ${i}: ${fault}; got ${shown()}`;
    }
    if (found !== points.size) return `${labelText(labels)}: ${points.size} samples, expected ${found}: ${shown()}`;
  }
  for (const [key, { labels, items }] of expected) {
    if (!seen.has(key) && items.some(({ kind }) => kind !== 'gap')) return `missing ${labelText(labels)}`;
  }
  return undefined;
}

function compareItem(want: SequenceItem | undefined, value: number, histogram: FloatHistogram | undefined): string | undefined {
  if (want === undefined || want.kind === 'gap' || want.kind === 'stale') return `expected ${want?.kind ?? 'nothing'}`;
  if (want.kind === 'float') {
    if (histogram !== undefined) return `expected ${want.value}, got ${histogramText(histogram)}`;
    return almostEqual(want.value, value) ? undefined : `expected ${want.value}, got ${value}`;
  }
  if (histogram === undefined) return `expected ${histogramText(want.histogram)}, got ${value}`;
  const fault = compareHistogram(want.histogram, histogram, want.hasHint);
  return fault === undefined ? undefined : `expected ${histogramText(want.histogram)}, got ${histogramText(histogram)} (${fault})`;
}

function compareHistogram(a: FloatHistogram, b: FloatHistogram, withHint: boolean): string | undefined {
  const [want, got] = [compact(a), compact(b)];
  if (withHint && want.counterResetHint !== got.counterResetHint) return `hint ${want.counterResetHint} against ${got.counterResetHint}`;
  if (want.schema !== got.schema) return `schema ${want.schema} against ${got.schema}`;
  if (want.zeroThreshold !== got.zeroThreshold) return `zero threshold ${want.zeroThreshold} against ${got.zeroThreshold}`;
  const spans = (h: FloatHistogram): string => JSON.stringify([h.positiveSpans, h.negativeSpans, h.customValues]);
  if (spans(want) !== spans(got)) return `layout ${spans(want)} against ${spans(got)}`;
  const numbers = (h: FloatHistogram): number[] => [h.count, h.sum, h.zeroCount, ...h.positiveBuckets, ...h.negativeBuckets];
  const other = numbers(got);
  const differs = numbers(want).findIndex((number, i) => !almostEqual(number, other[i] as number));
  return differs < 0 ? undefined : `number ${differs}`;
}

export function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (a === b) return true;
  const difference = Math.abs(a - b);
  const tolerance = 1e-6;
  if (a === 0 || b === 0 || Math.abs(a) + Math.abs(b) < 2 ** -1022) return difference < tolerance * 2 ** -1022;
  return difference / Math.min(Math.abs(a) + Math.abs(b), Number.MAX_VALUE) < tolerance;
}
