/** `pronoia query EXPR`: one question to a monitor (or any Prometheus), answered as lines. */
import { print, say } from './terminal.ts';
import { UserError } from './user-error.ts';

export interface QueryFlags {
  readonly url: string;
  readonly time?: string;
  readonly json?: boolean;
}

type Sample = readonly [number, string];
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: Sample;
  readonly values?: readonly Sample[];
}
interface Answer {
  readonly status: 'success' | 'error';
  readonly data?: { readonly resultType: 'vector' | 'matrix' | 'scalar' | 'string'; readonly result: readonly Series[] | Sample };
  readonly error?: string;
  readonly errorType?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

export async function query(expression: string, flags: QueryFlags): Promise<void> {
  const answer = await ask(flags.url, expression, flags.time);
  if (flags.json === true) {
    print(JSON.stringify(answer));
    return;
  }
  for (const warning of [...(answer.warnings ?? []), ...(answer.infos ?? [])]) say(warning);
  const { data } = answer;
  if (data === undefined) return;
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    print((data.result as Sample)[1]);
    return;
  }
  for (const series of data.result as readonly Series[]) {
    const values = series.values?.map(([time, value]) => `${value} @ ${time}`) ?? [series.value?.[1] ?? ''];
    print(`${seriesText(series.metric)} ${values.join('  ')}`);
  }
}

/** Series of an instant vector; [] when the expression matches nothing. */
export async function instantVector(url: string, expression: string): Promise<readonly Series[]> {
  const { data } = await ask(url, expression);
  return data?.resultType === 'vector' ? (data.result as readonly Series[]) : [];
}

async function ask(url: string, expression: string, time?: string): Promise<Answer> {
  const parameters = new URLSearchParams({ query: expression, ...(time === undefined ? {} : { time }) });
  let response: Response;
  try {
    response = await fetch(`${url.replace(/\/$/, '')}/api/v1/query`, {
      method: 'POST',
      body: parameters,
      signal: AbortSignal.timeout(120_000),
    });
  } catch (error) {
    const cause = (error as Error).cause as Error | undefined;
    throw new UserError(
      `${url} does not answer: ${cause?.message ?? (error as Error).message}; is the monitor running? --url names another`,
    );
  }
  const text = await response.text();
  let answer: Answer;
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    throw new UserError(`${url} answered ${response.status} with something else than a query's result: ${text.slice(0, 200)}`);
  }
  if (answer.status !== 'success') throw new UserError(`${answer.errorType ?? 'error'}: ${answer.error ?? `HTTP ${response.status}`}`);
  return answer;
}

/** `up{job="a"}`, as PromQL writes it. */
export function seriesText(metric: Readonly<Record<string, string>>): string {
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length > 0 || name === '' ? `${name}{${pairs.join(', ')}}` : name;
}
