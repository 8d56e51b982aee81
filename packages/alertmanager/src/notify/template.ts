/**
 * Notification templates: the data that users' templates see, and the engine that renders configuration strings against it.
 */
import { readFileSync } from 'node:fs';
import { compareBytes, type GoType, goMethod, goTime, type Labels, stringList, type Template, TemplateSet, Typed } from '@pronoia/model';
import type { Alert } from '../alert.ts';
import { defaultTemplates, emailTemplates } from './default-templates.ts';
import { type Notification, type NotificationReason, NotifyError } from './integration.ts';
import { templateFunctions } from './template-functions.ts';

const pairType: GoType = { name: 'template.Pair' };
const pairsType: GoType = {
  name: 'template.Pairs',
  text: (self) => pairsText(self),
  methods: {
    Names: goMethod([], (self) => stringList(pairsOf(self).map(({ Name }) => Name))),
    Values: goMethod([], (self) => stringList(pairsOf(self).map(({ Value }) => Value))),
    String: goMethod([], (self) => pairsText(self)),
  },
};

function pairsText(pairs: Typed): string {
  return pairsOf(pairs)
    .map(({ Name, Value }) => `${Name}=${Value}`)
    .join(', ');
}

function pairsOf(self: Typed): { Name: string; Value: string }[] {
  return (self.base as Typed[]).map((pair) => pair.base as { Name: string; Value: string });
}

/** Label sets and annotations. */
export const kvType: GoType = {
  name: 'template.KV',
  zero: '',
  text: (self) => pairsText(sortedPairs(self)),
  methods: {
    SortedPairs: goMethod([], sortedPairs),
    Names: goMethod([], (self) => stringList(pairsOf(sortedPairs(self)).map(({ Name }) => Name))),
    Values: goMethod([], (self) => stringList(pairsOf(sortedPairs(self)).map(({ Value }) => Value))),
    Remove: goMethod(['strings'], (self, names) => {
      const removed = new Set(names);
      return new Typed(kvType, new Map([...(self.base as Map<string, string>)].filter(([name]) => !removed.has(name))));
    }),
    String: goMethod([], (self) => pairsText(sortedPairs(self))),
  },
};

/** alertname first: it is what the alert is. */
function sortedPairs(self: Typed): Typed {
  const entries = [...(self.base as Map<string, string>)].sort(([a], [b]) => {
    if (a === 'alertname') return -1;
    return b === 'alertname' ? 1 : compareBytes(a, b);
  });
  return new Typed(
    pairsType,
    entries.map(([Name, Value]) => new Typed(pairType, { Name, Value })),
  );
}

export function kv(entries: Iterable<readonly [string, string]>): Typed {
  return new Typed(kvType, new Map(entries));
}

const alertType: GoType = {
  name: 'template.Alert',
  jsonNames: {
    Status: 'status',
    Labels: 'labels',
    Annotations: 'annotations',
    StartsAt: 'startsAt',
    EndsAt: 'endsAt',
    GeneratorURL: 'generatorURL',
    Fingerprint: 'fingerprint',
  },
};
const alertsType: GoType = {
  name: 'template.Alerts',
  methods: {
    Firing: goMethod([], (self) => withStatus(self, 'firing')),
    Resolved: goMethod([], (self) => withStatus(self, 'resolved')),
  },
};
const dataType: GoType = {
  name: '*template.Data',
  jsonNames: {
    Receiver: 'receiver',
    Status: 'status',
    Alerts: 'alerts',
    NotificationReason: 'notification_reason',
    GroupLabels: 'groupLabels',
    CommonLabels: 'commonLabels',
    CommonAnnotations: 'commonAnnotations',
    RouteLabels: 'routeLabels',
    ExternalURL: 'externalURL',
  },
};

function withStatus(self: Typed, status: string): Typed {
  return new Typed(
    alertsType,
    (self.base as Typed[]).filter((alert) => (alert.base as { Status: string }).Status === status),
  );
}

export interface TemplateAlert {
  readonly Status: 'firing' | 'resolved';
  readonly Labels: Typed;
  readonly Annotations: Typed;
  readonly StartsAt: Typed;
  readonly EndsAt: Typed;
  readonly GeneratorURL: string;
  readonly Fingerprint: string;
}

/** What a template's dot is. */
export interface TemplateData {
  readonly Receiver: string;
  readonly Status: 'firing' | 'resolved';
  readonly Alerts: Typed;
  readonly NotificationReason: NotificationReason;
  readonly GroupLabels: Typed;
  readonly CommonLabels: Typed;
  readonly CommonAnnotations: Typed;
  readonly RouteLabels: Typed;
  readonly ExternalURL: string;
}

function templateAlert(alert: Alert, nowMs: number): Typed {
  const fields: TemplateAlert = {
    Status: alert.isResolvedAt(nowMs) ? 'resolved' : 'firing',
    Labels: kv(alert.labels),
    Annotations: kv(alert.annotations),
    StartsAt: goTime(alert.startsAt),
    EndsAt: goTime(alert.endsAt),
    GeneratorURL: alert.generatorUrl,
    Fingerprint: alert.fingerprint,
  };
  return new Typed(alertType, fields);
}

/** Pairs that all have with the same value. */
function common(sets: readonly Labels[]): [string, string][] {
  const [first, ...rest] = sets;
  return first === undefined ? [] : [...first].filter(([name, value]) => rest.every((set) => set.has(name) && set.get(name) === value));
}

const maxParsed = 1000;

export class Templates {
  readonly #text: TemplateSet;
  readonly #html: TemplateSet;
  readonly #textByText = new Map<string, Template>();
  readonly #htmlByText = new Map<string, Template>();
  readonly #externalUrl: string;
  #routeLabel: (name: string) => string = () => '';

  /** `files` are paths that exist. Throws with the file's name when one does not parse. */
  constructor(files: readonly string[], externalUrl: string, nowMs: () => number) {
    const functions = templateFunctions({ nowMs, routeLabel: (name) => this.#routeLabel(name) });
    this.#text = new TemplateSet({ functions, missingKey: 'zero' });
    this.#html = new TemplateSet({ functions, missingKey: 'zero', html: true });
    this.#externalUrl = externalUrl;
    const sources: (readonly [string, string])[] = [
      ['default.tmpl', defaultTemplates],
      ['email.tmpl', emailTemplates],
      ...files.map((file) => [file, readFileSync(file, 'utf8')] as const),
    ];
    for (const [name, text] of sources) {
      this.#text.add(name, text);
      this.#html.add(name, text);
    }
  }

  data(notification: Notification): TemplateData {
    const { alerts, nowMs } = notification;
    const data = {
      Receiver: quoteMeta(notification.receiver),
      Status: alerts.some((alert) => !alert.isResolvedAt(nowMs)) ? 'firing' : 'resolved',
      Alerts: new Typed(
        alertsType,
        alerts.map((alert) => templateAlert(alert, nowMs)),
      ),
      NotificationReason: notification.reason,
      GroupLabels: kv(notification.groupLabels),
      CommonLabels: kv(common(alerts.map(({ labels }) => labels))),
      CommonAnnotations: kv(common(alerts.map(({ annotations }) => annotations))),
      RouteLabels: kv([]),
      ExternalURL: this.#externalUrl,
    } satisfies TemplateData as TemplateData;
    return { ...data, RouteLabels: kv(Object.entries(this.routeLabels(notification.routeLabels, data))) };
  }

  /** Route labels are templates themselves and may speak of each other. */
  routeLabels(templates: Readonly<Record<string, string>>, data: TemplateData): Readonly<Record<string, string>> {
    const rendered: Record<string, string> = {};
    const open = new Set<string>();
    const render = (name: string): string => {
      if (Object.hasOwn(rendered, name)) return rendered[name] as string;
      const text = Object.hasOwn(templates, name) ? (templates[name] as string) : '';
      if (open.has(name)) throw new Error(`route label ${JSON.stringify(name)} refers to itself: ${[...open, name].join(' → ')}`);
      open.add(name);
      const value = text.includes('{{')
        ? this.#text.parse('', text).execute(new Typed(dataType, { ...data, NotificationReason: 'unknown' }))
        : text;
      open.delete(name);
      rendered[name] = value;
      return value;
    };
    const before = this.#routeLabel;
    this.#routeLabel = render;
    try {
      for (const name of Object.keys(templates)) render(name);
    } finally {
      this.#routeLabel = before;
    }
    return rendered;
  }

  text(template: string, data: TemplateData): string {
    return this.#run(this.#text, template, data);
  }

  html(template: string, data: TemplateData): string {
    return this.#run(this.#html, template, data);
  }

  /** Configured texts are few and come again with every notification. */
  #parsed(set: TemplateSet, text: string): Template {
    const cache = set === this.#html ? this.#htmlByText : this.#textByText;
    let template = cache.get(text);
    if (template === undefined) {
      template = set.parse('', text);
      if (cache.size < maxParsed) cache.set(text, template);
    }
    return template;
  }

  #run(set: TemplateSet, template: string, data: TemplateData): string {
    if (template === '') return '';
    // Text without actions is itself, in HTML too.
    if (!template.includes('{{')) return template;
    const before = this.#routeLabel;
    const labels = data.RouteLabels.base as Map<string, string>;
    this.#routeLabel = (name) => labels.get(name) ?? '';
    try {
      return this.#parsed(set, template).execute(new Typed(dataType, data));
    } catch (error) {
      // Rendering the same data again would fail again.
      throw new NotifyError((error as Error).message, { isRetryable: false, reason: 'clientError', cause: error });
    } finally {
      this.#routeLabel = before;
    }
  }
}

/** Go regexp.QuoteMeta: the receiver's name goes into a filter of the page, which is a regular expression. */
function quoteMeta(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}
