import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Labels } from '@pronoia/model';
import { describe, expect, it } from 'vitest';
import { Alert, momentAt, readTime } from '../alert.ts';
import type { Notification } from './integration.ts';
import { Templates } from './template.ts';

const nowMs = Date.UTC(2026, 10, 24, 9, 30, 0);

function notification(changes: Partial<Notification> = {}): Notification {
  const alert = (labels: Record<string, string>, isResolved: boolean): Alert =>
    new Alert({
      labels: Labels.from(labels),
      annotations: Labels.from({ summary: 'It is <b>down</b>', runbook: 'http://wiki/x' }),
      startsAt: readTime('2026-11-24T09:00:00.5+01:00') ?? momentAt(0),
      endsAt: momentAt(isResolved ? nowMs - 1000 : nowMs + 1000),
      generatorUrl: 'http://prom/graph',
      updatedAt: momentAt(nowMs),
      isTimeout: false,
    });
  return {
    alerts: [alert({ alertname: 'Down', job: 'db', b: 'x' }, false), alert({ alertname: 'Down', job: 'web', b: 'x' }, true)],
    receiver: 'team.x',
    groupKey: '{}:{}',
    groupLabels: Labels.from({ alertname: 'Down' }),
    routeLabels: {},
    reason: 'first notification',
    receiverData: {},
    nowMs,
    signal: new AbortController().signal,
    ...changes,
  };
}

function render(text: string, changes: Partial<Notification> = {}, files: readonly string[] = []): string {
  const templates = new Templates(files, 'http://am.example.org', () => nowMs);
  return templates.text(text, templates.data(notification(changes)));
}

describe('a notification template sees', () => {
  it.each([
    [
      '{{ .Receiver }} {{ .Status }} {{ .ExternalURL }} {{ .NotificationReason }}',
      'team\\.x firing http://am.example.org first notification',
    ],
    ['{{ .Alerts | len }} {{ len .Alerts.Firing }} {{ .Alerts.Resolved | len }}', '2 1 1'],
    [
      '{{ .GroupLabels.alertname }}|{{ .CommonLabels.b }}|{{ .CommonLabels.job }}|{{ .CommonAnnotations.runbook }}',
      'Down|x||http://wiki/x',
    ],
    ['{{ (index .Alerts 0).Labels.job }} {{ (index .Alerts 1).Status }}', 'db resolved'],
    ['{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}', 'alertname=Down;b=x;'],
    [
      '{{ .CommonLabels.SortedPairs.Names | join "," }} {{ .CommonLabels.Names | join "," }} {{ .CommonLabels.Values | join "," }}',
      'alertname,b alertname,b Down,x',
    ],
    ['{{ (.CommonLabels.Remove (stringSlice "b")).SortedPairs.Values | join "," }}', 'Down'],
    [
      '{{ with index .Alerts 0 }}{{ .StartsAt.Format "15:04:05.0 -07:00" }} {{ .StartsAt.Unix }} {{ .Fingerprint | len }}{{ end }}',
      '09:00:00.5 +01:00 1795507200 16',
    ],
    ['{{ range .Alerts.Firing }}{{ .EndsAt.IsZero }}{{ end }}', 'false'],
    ['{{ template "__subject" . }}', '[FIRING:1] Down (x)'],
    ['{{ template "slack.default.titlelink" . }}', 'http://am.example.org/#/alerts?receiver=team%5C.x'],
    ['{{ .CommonLabels }} {{ .GroupLabels.SortedPairs }}', 'alertname=Down, b=x alertname=Down'],
    ['{{ .CommonAnnotations.summary }}', 'It is <b>down</b>'],
  ])('%s', (template, expected) => {
    expect(render(template)).toBe(expected);
  });
});

describe('a notification template can call', () => {
  it.each([
    [
      '{{ "aBc dEF" | toUpper }} {{ "ABC" | toLower }} {{ "hELLO wORLD-x" | title }} [{{ "  x " | trimSpace }}]',
      'ABC DEF abc Hello World-X [x]',
    ],
    [
      '{{ match "^a+$" "aaa" }} {{ match "b" "aaa" }} {{ reReplaceAll "(a)(b)?" "<$1${2}>" "abxa" }} {{ reReplaceAll "x*" "-" "ab" }}',
      'true false <ab>x<a> -a-b-',
    ],
    ['{{ reReplaceAll "(?P<first>[a-z]+)@.*" "$first" "ann@example.org" }}', 'ann'],
    ['{{ date "2006-01-02 15:04 MST" (index .Alerts 0).StartsAt }}', '2026-11-24 09:00 +0100'],
    ['{{ tz "America/New_York" (index .Alerts 0).StartsAt | date "15:04 MST" }}', '03:00 EST'],
    ['{{ since (index .Alerts 0).StartsAt }} {{ since (index .Alerts 0).StartsAt | humanizeDuration }}', '1h29m59.5s 1h 29m 59s'],
    [
      '{{ humanizeDuration 90061 }} {{ humanizeDuration 0.0005 }} {{ humanizeDuration "61" }} {{ humanizeDuration 1.5 }} {{ humanizeDuration 0 }}',
      '1d 1h 1m 1s 500us 1m 1s 1.5s 0s',
    ],
    [
      '{{ toJson .CommonLabels }} {{ toJson (index .Alerts 0).Labels.job }} {{ toJson "<&>" }}',
      '{"alertname":"Down","b":"x"} "db" "\\u003c\\u0026\\u003e"',
    ],
    [
      '{{ list 1 "a" | toJson }} {{ append (list 1) 2 | toJson }} {{ (dict "k" 1 "l" "m").l }} {{ dict "b" 1 "a" true | toJson }}',
      '[1,"a"] [1,2] m {"a":true,"b":1}',
    ],
    [
      '{{ now.Format "2006-01-02" }} {{ (toDate "2006-01-02" "2026-02-03").Weekday }} {{ (toDate "2006" "x").IsZero }}',
      '2026-11-24 Tuesday true',
    ],
    ['{{ "a?b>" | base64encode }} {{ "YT9iPg==" | base64decode }} {{ "a%20b+c" | urlUnescape }}', 'YT9iPg== a?b> a b c'],
    ['{{ "<b>" | safeHtml }} {{ "x" | safeUrl }}', '<b> x'],
  ])('%s', (template, expected) => {
    expect(render(template)).toBe(expected);
  });

  it.each([
    ['{{ match "(" "x" }}', /error calling match: error parsing regexp: missing closing \)/],
    ['{{ mustToDate "2006" "x" }}', /error calling mustToDate: parsing time "x" as "2006"/],
    ['{{ tz "Nowhere" (index .Alerts 0).StartsAt }}', /unknown time zone Nowhere/],
    ['{{ "x" | base64decode }}', /illegal base64 data/],
    ['{{ .Nothing }}', /can't evaluate field Nothing in type \*template\.Data/],
    ['{{ template "none" . }}', /template "none" not defined/],
  ])('%s fails for good', (template, message) => {
    expect(() => render(template)).toThrow(
      expect.objectContaining({ isRetryable: false, message: expect.stringMatching(message) as string }) as Error,
    );
  });
});

describe('templates of the user', () => {
  it('redefine ours, and HTML is escaped where text is not', () => {
    const folder = mkdtempSync(join(tmpdir(), 'templates-'));
    const file = join(folder, 'x.tmpl');
    writeFileSync(file, '{{ define "__subject" }}mine {{ .CommonAnnotations.summary }}{{ end }}');
    expect(render('{{ template "slack.default.title" . }}', {}, [file])).toBe('mine It is <b>down</b>');
    const templates = new Templates([file], 'http://am', () => nowMs);
    expect(templates.html('<p>{{ template "__subject" . }}</p>', templates.data(notification()))).toBe(
      '<p>mine It is &lt;b&gt;down&lt;/b&gt;</p>',
    );
    writeFileSync(file, '{{ define "x" }}');
    expect(() => new Templates([file], 'http://am', () => nowMs)).toThrow(`template: ${file}:1: unexpected EOF`);
    rmSync(folder, { recursive: true });
  });
});

describe('route labels', () => {
  const render2 = (routeLabels: Record<string, string>, text: string): string => render(text, { routeLabels });
  it.each([
    [{ tier: 'gold' }, '{{ .RouteLabels.tier }} {{ routeLabels "tier" }} {{ routeLabels "none" }}', 'gold gold '],
    [{ a: '{{ routeLabels "b" }}!', b: '{{ .GroupLabels.alertname }}' }, '{{ .RouteLabels.a }}', 'Down!'],
    [{ why: '{{ .NotificationReason }}' }, '{{ .RouteLabels.why }} {{ .NotificationReason }}', 'unknown first notification'],
  ])('%j in %s', (labels, text, expected) => {
    expect(render2(labels as Record<string, string>, text)).toBe(expected);
  });

  it('that speak of themselves are an error', () => {
    expect(() => render2({ a: '{{ routeLabels "b" }}', b: '{{ routeLabels "a" }}' }, 'x')).toThrow(
      /route label "a" refers to itself: a → b → a/,
    );
  });
});
