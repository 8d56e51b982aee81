/** info(): joins the labels of info series onto the series of a vector (promql.md §9.12). */
import { createMatcher, Labels, type Matcher } from '@pronoia/model';
import { QueryError } from '../query-error.ts';
import type { CallExpr, Expr, TimeModifiers, VectorSelector } from '../syntax/ast.ts';
import type { Evaluation, ReferenceTimes } from './evaluation.ts';
import type { Frame } from './frame.ts';
import { labelText } from './label-text.ts';
import { mergeSeries } from './merge-series.ts';
import { selectInstants } from './selector.ts';
import { absent, isFloat, StepSeries } from './step-series.ts';

/** These decide which info series belongs to a series. */
const identifying: ReadonlySet<string> = new Set(['instance', 'job']);

interface InfoSelector {
  readonly names: readonly Matcher[];
  readonly data: readonly Matcher[];
}

export async function evaluateInfo(ev: Evaluation, call: CallExpr, frame: Frame): Promise<StepSeries[]> {
  const [baseArg, selectorArg] = call.args as [Expr, VectorSelector | undefined];
  const base = await ev.vector(baseArg, frame);
  const selector = readSelector(selectorArg);
  const isInfoItself = ({ labels }: StepSeries): boolean => selector.names.every((matcher) => matcher.matches(labels.get('__name__')));
  const needsInfo = base.some((series) => !isInfoItself(series) && signature(series.labels) !== '');
  const infos = needsInfo ? await readInfos(ev, selector, infoTimes(ev, baseArg, frame), frame) : [];

  const bySignature = new Map<string, InfoSeries[]>();
  for (const info of infos) {
    const key = signature(info.series.labels);
    const list = bySignature.get(key);
    if (list === undefined) bySignature.set(key, [info]);
    else list.push(info);
  }
  const mustMatch = selector.data.some((matcher) => !matcher.matches(''));
  const results: StepSeries[] = [];
  for (const series of base) {
    if (isInfoItself(series)) {
      results.push(series);
      continue;
    }
    const key = signature(series.labels);
    const candidates = key === '' ? [] : (bySignature.get(key) ?? []);
    const outs = new Map<string, StepSeries>();
    for (let step = 0; step < frame.count; step++) {
      if (series.kinds[step] === absent) continue;
      const chosen = newestPerMetric(candidates, step);
      if (chosen.length === 0 && mustMatch) continue;
      const labels = enriched(series.labels, chosen, selector);
      const outKey = labels.key();
      let out = outs.get(outKey);
      if (out === undefined) {
        out = new StepSeries(labels, series.dropName, frame.count);
        outs.set(outKey, out);
      }
      out.copyFrom(series, step);
    }
    results.push(...outs.values());
    if (ev.budget.due(frame.count * (1 + candidates.length))) await ev.budget.pause();
  }
  return mergeSeries(ev.budget, results);
}

function readSelector(selector: VectorSelector | undefined): InfoSelector {
  const names = selector?.matchers.filter(({ name }) => name === '__name__') ?? [];
  const data = selector?.matchers.filter(({ name }) => name !== '__name__') ?? [];
  if (names.length === 0) return { names: [createMatcher('=', '__name__', 'target_info')], data };
  const onlyNegative = names.every(({ type }) => type === '!=' || type === '!~');
  return { names: onlyNegative ? [...names, createMatcher('=~', '__name__', '.+_info')] : names, data };
}

function signature(labels: Labels): string {
  return labels.only(identifying).key();
}

/** When the samples of the first selector are looked up, the info series are looked up too. */
function infoTimes(ev: Evaluation, baseArg: Expr, frame: Frame): ReferenceTimes {
  let { firstMs, stepMs } = { firstMs: frame.startMs, stepMs: frame.stepMs };
  for (const modifiers of pathToSelector(baseArg) ?? []) {
    const atMs = ev.atMs(modifiers);
    if (atMs !== undefined) {
      firstMs = atMs;
      stepMs = 0;
    }
    firstMs -= ev.durationMs(modifiers.offset);
  }
  return { firstMs, stepMs, lastMs: firstMs + (frame.count - 1) * stepMs };
}

/** The subqueries around the first selector, from outside in, and the selector; undefined when there is none. */
function pathToSelector(expr: Expr): TimeModifiers[] | undefined {
  switch (expr.kind) {
    case 'selector':
      return [expr];
    case 'matrix':
      return [expr.selector];
    case 'subquery': {
      const inner = pathToSelector(expr.expr);
      return inner === undefined ? undefined : [expr, ...inner];
    }
    case 'paren':
    case 'unary':
      return pathToSelector(expr.expr);
    case 'aggregate':
      return pathToSelector(expr.expr) ?? (expr.param === undefined ? undefined : pathToSelector(expr.param));
    case 'binary':
      return pathToSelector(expr.left) ?? pathToSelector(expr.right);
    case 'call':
      for (const arg of expr.args) {
        const path = pathToSelector(arg);
        if (path !== undefined) return path;
      }
      return undefined;
    case 'number':
    case 'string':
      return undefined;
  }
}

interface InfoSeries {
  readonly series: StepSeries;
  /** When the sample at each step was taken. */
  readonly sampleMs: Float64Array;
}

async function readInfos(ev: Evaluation, selector: InfoSelector, times: ReferenceTimes, frame: Frame): Promise<InfoSeries[]> {
  const matchers = [...selector.names, ...selector.data];
  const info: VectorSelector = { kind: 'selector', name: '', matchers, window: 'plain', span: { start: 0, end: 0 } };
  const sampleTimes = new Map<StepSeries, Float64Array>();
  const list = await selectInstants(ev, info, times, frame.count, 'info', (_columns, at, _tMs, series, step) => {
    if (at.isHistogram) throw new QueryError('execution', `info sample should be float, but ${labelText(series.labels)} has a histogram`);
    series.setFloat(step, 1);
    let sampleMs = sampleTimes.get(series);
    if (sampleMs === undefined) {
      sampleMs = new Float64Array(frame.count);
      sampleTimes.set(series, sampleMs);
    }
    sampleMs[step] = at.timeMs;
  });
  return list.map((series) => ({ series, sampleMs: sampleTimes.get(series) ?? new Float64Array(frame.count) }));
}

/** One for each info metric. Throws QueryError when two of one metric are equally new. */
function newestPerMetric(candidates: readonly InfoSeries[], step: number): Labels[] {
  const chosen = new Map<string, InfoSeries>();
  for (const info of candidates) {
    if (info.series.kinds[step] !== isFloat) continue;
    const name = info.series.labels.get('__name__');
    const known = chosen.get(name);
    const tMs = info.sampleMs[step] as number;
    const knownMs = known?.sampleMs[step] ?? Number.NEGATIVE_INFINITY;
    if (known !== undefined && knownMs === tMs) {
      const [existing, found] = [labelText(known.series.labels), labelText(info.series.labels)];
      const message = `found duplicate series for info metric: existing ${existing} @ ${knownMs}, new ${found} @ ${tMs}`;
      throw new QueryError('execution', message);
    }
    if (tMs > knownMs) chosen.set(name, info);
  }
  return [...chosen.values()].map(({ series }) => series.labels);
}

/** Labels that the series has already are never overwritten. */
function enriched(base: Labels, infos: readonly Labels[], { data }: InfoSelector): Labels {
  if (infos.length === 0) return base;
  const wanted = new Set(data.map(({ name }) => name));
  const added = new Map<string, string>();
  for (const info of infos) {
    for (const [name, value] of info) {
      if (name === '__name__' || (wanted.size > 0 && !wanted.has(name))) continue;
      const known = added.get(name);
      if (known !== undefined && known !== value) throw new QueryError('execution', `conflicting label: ${name}`);
      if (!base.has(name)) added.set(name, value);
    }
  }
  return Labels.fromPairs([...base, ...added]);
}
