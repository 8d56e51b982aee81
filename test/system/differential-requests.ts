/**
 * Requests that ours and Debian's prometheus (2.42) must answer alike: status, kind of error, its text with positions, and data. Left out,
 * because 3.x says it otherwise: durations (they are numbers since, so their errors name numbers), regular expressions (2.42 shows the
 * pattern with its anchors around it), quoted names, label names of any characters, NaN as a parameter of topk, warnings, the order of the
 * two series of a many-to-many error (sorted since), the prefix `invalid parameter "query"` on range queries, and errors of times, which begin
 * in lower case. Times beyond 285,000 years, NaN and infinity are refused here and wrap around there.
 */
import { queryEndMs, queryStartMs } from './differential-queries.ts';

const [start, end] = [queryStartMs / 1000, queryEndMs / 1000];

/** Not PromQL. */
const unparsable = [
  ...String.raw`1 +
*1
(1
1)
foo{a="b"
foo{a b}
foo{a=b}
foo{a="b" c="d"}
foo{:}
{}
foo{__name__="bar"}
rate(foo)
sum(foo[5m])
topk(foo)
sum()
topk("a",foo)
foo(1)
floor()
floor(a,b)
hour(a,b)
label_join(a)
foo[5m] + 1
1 == 1
1 + bool 2
a and 1
a and on(x) group_left b
a + on(x) group_left(x) b
1 + on(x) b
foo[5m] offset 1m offset 1m
1 offset 1m
foo @ 1 @ 2
foo @ Inf
sum(a)[5m]
foo[5m][5m:]
-"a"
-foo[1m]
sum by (a,,b) (x)
"abc
foo @
1 !~ 1
1 =~ 1
}
foo + group_left(x) bar
foo[5m1h]
a b
sum(a,b)
sum by a (b)
'a
"\c"
foo{a="b",,}
foo{a=~"*"}
foo{a=~"a{1001}"}
foo{a=~"[b-a]"}
foo{a=~"\\8"}
foo{a=~"a**"}
foo{a=~"x{2,1}"}
foo{a=~"\\pX"}
absent(1)
vector(foo)
time(1)
scalar(1)
quantile(foo)
label_replace(foo, "a", "$1", "b")
count_values(1, foo)
foo offset 1m[5m]
foo @ 1[5m]
(foo)[5m]
foo[5m:1m][1m]
a or 1
1 unless 1
a > bool b bool c
sum without(a) by (b) (x)
foo{bar}
foo{=~"x"}
foo{a!"x"}
a!b
#
a[1h] @ start(
a @ foo
sum(a) b
on(a) b
a + 
rate(a[5m]
{a="b"
a{b="c"}}
fooé
é
sum(foo) by (
sum by (foo
a ^
a == bool
clamp(a,1)
histogram_quantile(a)
time()[5m]
5 5
"a" "b"
foo{a="b"} {c="d"}`.split('\n'),
  '',
  ' ',
  '`a',
  'a\nb c',
  '\n\n  sum(',
];

/** Evaluated, or refused while evaluated. */
const evaluated = String.raw`g + on (host) group_left () nope
c_total{pod="p1"} + on (pod) g
label_replace(g,"pod","x","pod",".*")
label_replace(g,"a","x","pod","(")
topk(1e30, g)
rate({__name__=~"c_total|g"}[5m])
abs({__name__=~"c_total|g"})
clamp(g, 5, 1)
1
vector(NaN)
{__name__=~".+"}
sum(g) by (host) > 1e9
topk(0,g)
topk(-1,g)
g{host="h1"} or s
absent(g)
absent(nope{a="x",b=~"y",a="z"})
absent(sum(nope))
absent(nope{a="x"} + 1)
absent(sum(nope{a="x"}))
absent_over_time(nope{a="x"}[5m])
absent(rate(nope{a="x"}[5m]))
absent(nope{a!="x",c="d"})
absent(nope{a=""})
absent({__name__="nope"})
absent(nope{a="x"} or nope{b="y"})
absent_over_time({__name__=~"nope",b="c"}[1m:])
absent(-nope{a="x"})
absent((nope{a="x"}))
absent(((nope{a="x"} offset 1m)))
g + on(pod) c_total
scalar(g)
g and on () vector(1)`.split('\n');

const query = (path: string, parameters: Readonly<Record<string, string | number>>): string =>
  `${path}?${new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)])).toString()}`;

/** As they are asked for. */
const metadata = `/query
/query_range
/format_query
/format_query?query=sum(a)by(b)%2B1
/format_query?query=sum(
/series
/series?match[]=
/series?match[]={}
/series?match[]=g{
/series?match[]=g&start=5&end=1
/series?match[]=g{host="h1"}
/series?match[]=sum(g)
/series?match[]=g[5m]
/series?match[]=nope
/series?match[]=g&start=1&end=2
/series?match[]=s&start=${start}&end=${start + 10}
/labels
/labels?match[]=g
/labels?match[]={}
/labels?match[]=g{
/labels?start=5&end=1
/labels?start=1&end=2
/labels?start=${start}&end=${end}
/label/host/values
/label/nope/values
/label/__name__/values
/label/host/values?match[]=g{pod="p1"}
/label/host/values?match[]={}
/label/host/values?start=5&end=1
/label/pod/values?match[]=nope
/label/pod/values?match[]=g&match[]=s
/query_exemplars
/query_exemplars?query=g
/query_exemplars?query=g{
/query_exemplars?query=1
/query_exemplars?query=g&start=5&end=1
/metadata
/metadata?limit=x
/metadata?limit=-1
/targets/metadata
/targets/metadata?limit=x
/targets/metadata?match_target={
/rules?type=x
/alerts
/alertmanagers`.split('\n');

export const sameRequests: readonly string[] = [
  ...[...unparsable, ...evaluated, 'g[5m]', 'g[5m:]', '"x"'].map((text) => query('/query', { query: text, time: end })),
  ...evaluated.map((text) => query('/query_range', { query: text, start, end, step: 300 })),
  ...['0.0001', '-1', '0', '1h1m1s', '1m1h', '1e10', '1e20', ''].map((step) => query('/query_range', { query: '1', start, end, step })),
  query('/query_range', { query: '1', start: 0, end: 11_000, step: 1 }),
  query('/query_range', { query: '1', start: 0, end: 11_000.001, step: 1 }),
  query('/query_range', { query: '1', start: 0, end: 11_001, step: 1 }),
  query('/query_range', { query: '1', start: '', end, step: 1 }),
  query('/query_range', { query: '1', start, end: '', step: 1 }),
  query('/query_range', { query: '1', start: end, end: start, step: 1 }),
  query('/query_range', { query: 'time()', start: -1, end: 0, step: 1 }),
  query('/query_range', { query: 'time()', start: 0.0005, end: 1.0005, step: 0.5 }),
  ...['1.5', '-1.5', '0', '0.001', '1e3', '2020-01-01T00:00:00.123456Z', '2020-02-29T23:59:59+01:00'].map((time) =>
    query('/query', { query: '1', time }),
  ),
  ...['x', '1m1h'].map((timeout) => query('/query', { query: '1', timeout })),
  ...metadata,
];
