import { Labels } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { AlertTemplate } from './alert-template.ts';

async function expand(text: string, value = 1): Promise<string> {
  const { text: expanded } = await new AlertTemplate('A', text).expand(
    { labels: Labels.from({ instance: 'web-1.example.org:80', job: 'api' }), value },
    {
      nowMs: 1_643_114_203_000,
      externalLabels: Labels.from({ zone: 'eu' }),
      externalUrl: 'http://mon:9090/prom',
      query: async (query) => {
        if (query === 'boom') throw new Error('no such query');
        return query === 'none'
          ? []
          : [2, 1].map((n) => ({
              labels: new Map([
                ['n', String(n)],
                ['q', query],
              ]),
              value: n,
            }));
      },
    },
  );
  return expanded;
}

describe('an alert template', () => {
  it.each<[string, number, string]>([
    ['plain', 1, 'plain'],
    ['{{ $labels.instance }} is {{ $value }}', 0.5, 'web-1.example.org:80 is 0.5'],
    ['{{ .Labels.nope }}|{{ $externalLabels.zone }}|{{ $externalURL }}', 1, '|eu|http://mon:9090/prom'],
    ['{{ $value }}', 1_048_576, '1.048576e+06'],
    ['{{ humanize $value }}', 1_234_567, '1.235M'],
    ['{{ humanize $value }}', 0.0012, '1.2m'],
    ['{{ $value | humanize1024 }}', 2048, '2ki'],
    ['{{ $value | humanizeDuration }}', 93_784, '1d 2h 3m 4s'],
    ['{{ $value | humanizeDuration }}', 12.345, '12.35s'],
    ['{{ $value | humanizeDuration }}', 0.1353, '135.3ms'],
    ['{{ $value | humanizePercentage }}', 0.95899, '95.9%'],
    ['{{ $value | humanizeTimestamp }}', 1_643_114_203, '2022-01-25 12:36:43 +0000 UTC'],
    ['{{ "1.5" | humanize }}', 1, '1.5'],
    ['{{ query "up" | first | value }}', 1, '2'],
    ['{{ range query "up" | sortByLabel "n" }}{{ .Labels.n }}={{ .Value }} {{ end }}', 1, '1=1 2=2 '],
    ['{{ query "up" | first | label "q" }}{{ query "down" | first | label "q" }}', 1, 'updown'],
    ['{{ with query "none" }}some{{ else }}none{{ end }}', 1, 'none'],
    ['{{ reReplaceAll "(.*):.*" "$1" $labels.instance }}', 1, 'web-1.example.org'],
    ['{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ stripPort "[::1]:9" }}', 1, 'web-1.example.org web-1:80 ::1'],
    ['{{ if match "web.*" $labels.instance }}yes{{ end }}', 1, 'yes'],
    ['{{ title "hello world" }} {{ toUpper "a" }} {{ toLower "B" }}', 1, 'Hello World A b'],
    ['{{ graphLink "up{a=\\"b\\"}" }} {{ tableLink "up" }}', 1, '/graph?g0.expr=up%7Ba%3D%22b%22%7D&g0.tab=0 /graph?g0.expr=up&g0.tab=1'],
    [
      '{{ pathPrefix }} {{ externalURL }} {{ parseDuration "-1m30s" }} {{ toTime $value }}',
      0,
      '/prom http://mon:9090/prom -90 1970-01-01 00:00:00 +0000 UTC',
    ],
    ['{{ with args 1 "b" }}{{ .arg1 }}{{ end }}', 1, 'b'],
  ])('%s of %d is %s', async (text, value, expected) => {
    expect(await expand(text, value)).toBe(expected);
  });

  it.each(['{{ query "none" | first }}', '{{ query "boom" }}', '{{ humanize "x" }}', '{{ reReplaceAll "(" "" "" }}'])(
    '%s says in its text what is wrong',
    async (text) => {
      expect(await expand(text)).toMatch(/^<error expanding template: .+>$/);
    },
  );

  it('is refused when it does not parse', () => {
    expect(() => new AlertTemplate('A', '{{ nope }}')).toThrow('nope');
    expect(() => new AlertTemplate('A', '{{ if }}')).toThrow('missing value for if');
  });
});
