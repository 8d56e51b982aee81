/**
 * Queries from a grammar, for Debian's prometheus (2.42) and for us, and the data they are about. What 3.x does otherwise than 2.42 by
 * design, and how the grammar keeps clear of it, since we follow 3.x:
 * - windows and lookbacks begin behind their first moment (left-open since 3.0): samples lie off the grid of every time that is asked
 *   for, and the range of a subquery is no multiple of its step;
 * - counters extrapolated over gaps (the order of two bounds has changed): counters have no gaps, and there is no rate over subqueries;
 * - a lone NaN or infinity in stddev and stdvar, quantiles among NaN, dates of NaN: what has NaN and gaps (`s`) is not asked for those;
 * - which of several equal samples topk and bottomk take after an aggregation, whose groups had no order in 2.42: only over `g`, whose values all differ;
 * - equality, roundings to whole numbers, and remainders, of what was computed: they make of the last bit of 3.x's other sums and means a
 *   difference of one; likewise quantiles that fall on the edge of a bucket of rates;
 * - powers to NaN and infinity, where a one and what is one but for its last bit part;
 * - subqueries pinned by `@` inside of pinned subqueries, which 2.42 evaluates at the outer one's first step;
 * - ambiguous matches, which 2.42 looked for only among the pairs that a comparison let through;
 * - `cosh` and `sinh` near the largest number, where Go's assembler gives up early;
 * - `atan2`, which kept the name of the metric;
 * - `holt_winters`, which is `double_exponential_smoothing` now;
 * - words that 2.42 has not: every function and modifier of the spec's table that is newer, native histograms (another feature then),
 *   `mad_over_time`, `limitk`, `info`, duration expressions, quoted names, `fill`, `anchored`, `smoothed`.
 */
export type Random = () => number;

/** mulberry32: 0 ≤ x < 1. */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const originMs = 1_700_006_400_000 - (1_700_006_400_000 % 7_200_000);
export const queryStartMs = originMs + 3_600_000 + 1231;
export const queryEndMs = queryStartMs + 2_400_000;

export interface TestSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** `stale`: the marker. Ascending in time. */
  readonly samples: readonly { readonly tMs: number; readonly value: number | 'stale' }[];
}

/** Three hours by 15 s, the first begins before any window of the queries does: counters that start anew, gauges, buckets, and series that come and go, with NaN and infinities. */
export function testSeries(random: Random): TestSeries[] {
  const list: TestSeries[] = [];
  const bounds = ['0.1', '1', '5', '+Inf'];
  for (const name of ['c_total', 'g', 'h_bucket', 's']) {
    for (let i = 0; i < 8; i++) {
      for (const [b, le] of (name === 'h_bucket' ? bounds : ['']).entries()) {
        let v = 0;
        let isThere = true;
        const samples: { tMs: number; value: number | 'stale' }[] = [];
        for (let k = 0; k < 720; k++) {
          const tMs = originMs - 3_600_000 + 137 + k * 15_000 + (i % 2) * 4000;
          if (name === 's') {
            const wasThere = isThere;
            if (random() < 0.03) isThere = !isThere;
            if (wasThere && !isThere && random() < 0.7) samples.push({ tMs, value: 'stale' });
            if (!isThere) continue;
            v =
              random() < 0.02
                ? ([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][Math.floor(random() * 3)] as number)
                : Math.round(random() * 50);
          } else if (name === 'g') v = Math.round((random() * 100 - 30) * 1000) / 1000 + i / 1e6;
          else if (random() < 0.02) v = 0;
          else v += Math.round(random() * 10) * (b + 1);
          samples.push({ tMs, value: v });
        }
        list.push({ labels: { __name__: name, host: `h${i % 3}`, ...(le === '' ? {} : { le }), pod: `p${i}` }, samples });
      }
    }
  }
  return list;
}

export interface TestQuery {
  readonly text: string;
  /** 0: instant, at `queryEndMs`. */
  readonly stepMs: number;
}

export function testQuery(random: Random): TestQuery {
  const text = new Grammar(random).query(3);
  return { text, stepMs: random() < 0.6 ? ([13_000, 60_000, 137_000][Math.floor(random() * 3)] as number) : 0 };
}

class Grammar {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }

  /** A vector. */
  query(depth: number): string {
    const pick = <T>(list: readonly T[]): T => this.#pick(list);
    const inner = (): string => this.query(depth - 1);
    switch (Math.floor(this.#random() * (depth <= 0 ? 4 : 19))) {
      case 0:
        return this.#selector() + pick([this.#time(), this.#time(), ' offset 131m']);
      case 1:
        return `${pick(anyWindow)}(${pick(['s', 's{host!="h1"}', this.#selector()])}[${this.#range()}]${this.#time()})`;
      case 2:
        return `${pick(steadyWindow)}(${this.#steady()}[${this.#range()}]${this.#time()})`;
      case 3:
        return pick([
          () => `quantile_over_time(${pick(['0.3', '0.9', '2', '0', '1'])}, ${this.#steady()}[${this.#range()}])`,
          () => `predict_linear(${this.#steady()}[${this.#range()}], ${this.#scalar()})`,
          () => `holt_winters(${this.#steady()}[${this.#range()}], 0.3, 0.6)`,
        ])();
      case 4:
      case 5:
      case 6:
        return `${pick(['sum', 'avg', 'count', 'min', 'max', 'group'])}${this.#by()} (${inner()})`;
      case 7:
        return pick([
          () => `${pick(['stddev', 'stdvar'])}${this.#by()} (${this.#steady()})`,
          () =>
            `${pick(['topk', 'bottomk'])}${pick(['', ' by (host)', ' without (pod)'])} (${pick(['1', '2', '5', '0'])}, ${pick(['g', 'g{host!="h0"}'])})`,
          () => `quantile${this.#by()} (${pick(['0.4', '0.9', '-1', '1'])}, ${this.#steady()})`,
        ])();
      case 8:
      case 9:
        return `(${inner()}) ${this.#operator()}${this.#matching()} (${inner()})`;
      case 10:
        return `(${inner()}) ${pick(['and', 'or', 'unless'])}${pick(['', ' on (host)', ' on (pod)', ' ignoring (le)', ' on ()'])} (${inner()})`;
      case 11:
        return pick([
          () => `(${inner()}) ${this.#operator()} ${this.#scalar()}`,
          () => `(${inner()}) ^ ${pick(['2', '-1', '0.5', '0'])}`,
        ])();
      case 12:
        return pick([() => `${this.#scalar()} ${this.#operator()} (${inner()})`, () => `${pick(['2', '-1', '0.5'])} ^ (${inner()})`])();
      case 13:
        return pick([
          () => `${pick(ofOne)}(${inner()})`,
          () => `${pick(['ceil', 'floor', 'sgn', 'round'])}(${this.#selector()})`,
          () => `round(${this.#selector()}, ${pick(['5', '0.5', '10'])})`,
          () => `${pick(['cosh', 'sinh'])}(${pick(['g', 'g{host="h2"}'])})`,
          () => `${this.#steady()} % ${pick(['7.3', '-3.1'])}`,
          () => `floor(g) ${pick(['==', '!=', '== bool', '!= bool'])} on (host) group_left () (c_total{pod=~"p[0-2]"} % 7)`,
        ])();
      case 14:
        return `${pick(['sum_over_time', 'min_over_time', 'max_over_time', 'count_over_time', 'last_over_time', 'present_over_time', 'absent_over_time'])}((${inner()})[${this.#range()}:${pick(['', '1m'])}]${depth === 3 ? this.#time() : pick(['', ' offset 3m', ' offset -2m'])})`;
      case 15:
        return `label_replace(${inner()}, "${pick(['z', 'pod', '__name__'])}", "${pick(['$1', `x\${1}y`, ''])}", "pod", "${pick(['p(.*)', '(p)[12]', '.*', 'p(?P<n>[3-5])'])}")`;
      case 16:
        return pick([
          () => `histogram_quantile(${pick(['0.9', '0.1', '0.5', '-1', '1'])}, ${pick(['h_bucket', 'sum by (le) (h_bucket)'])})`,
          () => `histogram_quantile(${pick(['0.87', '0.13', '0.47'])}, sum by (le, host) (rate(h_bucket[${this.#range()}])))`,
        ])();
      case 17:
        return pick([
          () => `absent(${this.#selector().replace(/^[a-z_]+/, pick(['none', 'g']))})`,
          () => `vector(scalar(${this.#selector()}))`,
          () => `sum${this.#by()} (${inner()}) / count${this.#by()} (${inner()})`,
        ])();
      default:
        return pick([
          () => `clamp(${inner()}, 1, ${this.#scalar()})`,
          () => `${pick(['clamp_max', 'clamp_min'])}(${inner()}, ${this.#scalar()})`,
          () => `count_values("v", ceil(${this.#selector()}))`,
          () => `label_join(${inner()}, "j", "-", "host", "pod")`,
          () => `vector(${this.#scalar()})`,
          () => `${pick(dates)}(${pick(['c_total', 'timestamp(g)', 'vector(1709210096)', 'c_total * 86400'])})`,
        ])();
    }
  }

  #selector(): string {
    return this.#pick([this.#steady(), this.#steady(), 's', 's{pod=~"p[2-6]"}', '{__name__=~"s|g"}']);
  }

  /** Without gaps and NaN. */
  #steady(): string {
    return this.#pick([
      'c_total',
      'g',
      'h_bucket',
      'c_total{host="h1"}',
      'g{pod=~"p[0-4]"}',
      '{__name__=~"c_total|g",host!="h0"}',
      'g{host="h2"}',
      'g{pod!~"p1|p.*3"}',
    ]);
  }

  #time(): string {
    if (this.#random() < 0.7) return '';
    return this.#pick([' offset 3m', ' offset -2m', ` @ ${(originMs + 4_000_001) / 1000}`, ' @ end()', ' @ start() offset 1m']);
  }

  #range(): string {
    return this.#pick(['47s', '3m1s', '10m1s', '31m7s']);
  }

  #by(): string {
    return this.#pick(['', ' by (host)', ' by (host, pod)', ' without (pod)', ' without (le, pod)', ' by (none)', ' without ()']);
  }

  #scalar(): string {
    return this.#pick(['2', '0.5', '-1', '3', 'scalar(g{pod="p1"})', 'time()', '0', '1.5', 'pi()', '1e3', 'NaN', '-Inf', '(2 ^ 3 ^ 0.5)']);
  }

  #operator(): string {
    return this.#pick(['+', '-', '*', '/', '>', '<=', '<', '>= bool']);
  }

  #matching(): string {
    return this.#pick([
      '',
      ' on (host, pod)',
      ' ignoring (le)',
      ' on (pod) group_left (host)',
      ' on (host, pod) group_right (le)',
      ' ignoring (le, pod) group_left ()',
    ]);
  }
}

const overTime = ['sum', 'avg', 'min', 'max', 'count', 'last', 'present', 'absent'].map((name) => `${name}_over_time`);
const anyWindow = [...overTime, 'changes', 'resets', 'idelta', 'deriv'];
const steadyWindow = [...anyWindow, 'delta', 'stddev_over_time', 'stdvar_over_time', 'rate', 'increase', 'irate', 'rate', 'increase'];
const ofOne = 'abs absent timestamp - + sqrt exp ln log2 log10 sort sort_desc deg rad acos acosh asin asinh atan atanh tanh'.split(' ');
const dates = ['hour', 'minute', 'day_of_month', 'day_of_year', 'month', 'days_in_month', 'day_of_week', 'year'];

/** Our word for theirs. */
export function inOurWords(text: string): string {
  return text.replaceAll('holt_winters', 'double_exponential_smoothing');
}
