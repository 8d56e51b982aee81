/** Names, argument types and results of all functions (promql.md §9). What they compute is in `evaluate/`. */
import type { ValueType } from './ast.ts';

export interface FunctionSignature {
  readonly name: string;
  readonly argTypes: readonly ValueType[];
  /** 0: exactly the arguments listed. n: the last may be left out or given up to n times. −1: any number of times. */
  readonly variadic: number;
  readonly returnType: ValueType;
  readonly experimental: boolean;
}

const table = `
abs(V)V absent(V)V absent_over_time(M)V acos(V)V acosh(V)V asin(V)V asinh(V)V atan(V)V atanh(V)V avg_over_time(M)V
ceil(V)V changes(M)V clamp(VSS)V clamp_max(VS)V clamp_min(VS)V cos(V)V cosh(V)V count_over_time(M)V
day_of_month(V)1V day_of_week(V)1V day_of_year(V)1V days_in_month(V)1V deg(V)V delta(M)V deriv(M)V
double_exponential_smoothing(MSS)V* end()S* exp(V)V first_over_time(M)V floor(V)V
histogram_avg(V)V histogram_count(V)V histogram_fraction(SSV)V histogram_quantile(SV)V histogram_quantiles(VTSS)9V*
histogram_stddev(V)V histogram_stdvar(V)V histogram_sum(V)V hour(V)1V idelta(M)V increase(M)V info(VV)1V* irate(M)V
label_join(VTTT)-1V label_replace(VTTTT)V last_over_time(M)V ln(V)V log10(V)V log2(V)V
mad_over_time(M)V* max_of(SS)S* max_over_time(M)V min_of(SS)S* min_over_time(M)V minute(V)1V month(V)1V pi()S
predict_linear(MS)V present_over_time(M)V quantile_over_time(SM)V rad(V)V range()S* rate(M)V resets(M)V round(VS)1V
scalar(V)S sgn(V)V sin(V)V sinh(V)V sort(V)V sort_by_label(VT)-1V* sort_by_label_desc(VT)-1V* sort_desc(V)V sqrt(V)V
start()S* start_timestamp(V)V* stddev_over_time(M)V stdvar_over_time(M)V step()S* sum_over_time(M)V tan(V)V tanh(V)V
time()S timestamp(V)V ts_of_first_over_time(M)V* ts_of_last_over_time(M)V* ts_of_max_over_time(M)V* ts_of_min_over_time(M)V*
vector(S)V year(V)1V`;

const typeByLetter: Readonly<Record<string, ValueType>> = { V: 'vector', M: 'matrix', S: 'scalar', T: 'string' };

function readTable(text: string): Map<string, FunctionSignature> {
  const signatures = new Map<string, FunctionSignature>();
  for (const entry of text.trim().split(/\s+/)) {
    const match = /^(\w+)\((\w*)\)(-?\d)?([VS])(\*)?$/.exec(entry);
    if (match === null) throw new Error(`BUG: function table entry ${entry}`);
    const [, name, args, variadic, result, star] = match;
    signatures.set(name as string, {
      name: name as string,
      argTypes: (args as string).split('').map((letter) => typeByLetter[letter] as ValueType),
      variadic: Number(variadic ?? 0),
      returnType: typeByLetter[result as string] as ValueType,
      experimental: star !== undefined,
    });
  }
  return signatures;
}

export const functionTable: ReadonlyMap<string, FunctionSignature> = readTable(table);
