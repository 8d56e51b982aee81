/** The common shape of receivers that are one JSON request: text rendered, body built, answer judged. */
import type { HttpConfig } from '../config/http-config.ts';
import type { ReceiverData } from '../nflog.ts';
import { type BuildContext, httpClient, jsonHeaders } from './context.ts';
import { goJson } from './go-json.ts';
import type { HttpAnswer, HttpClient } from './http-client.ts';
import { type Integration, type Notification, NotifyError } from './integration.ts';
import type { TemplateData } from './template.ts';

export interface Rendering {
  readonly notification: Notification;
  readonly data: TemplateData;
  /** A configured text, or the named default template. */
  readonly text: (template: string | undefined, fallback?: string) => string;
  readonly html: (template: string | undefined, fallback?: string) => string;
  readonly isFiring: boolean;
}

export interface JsonCall {
  readonly url: string;
  readonly body: unknown;
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Sender {
  readonly client: HttpClient;
  /** One request with a JSON body; the answer is returned whatever its status. */
  readonly send: (call: JsonCall) => Promise<HttpAnswer>;
}

interface Settings {
  readonly send_resolved: boolean;
  readonly http_config?: HttpConfig;
  readonly timeout?: number;
}

export function createReceiver(
  kind: string,
  config: Settings,
  context: BuildContext,
  work: (rendering: Rendering, sender: Sender) => Promise<ReceiverData | undefined | void>,
): Integration {
  const client = httpClient(context, config.http_config);
  const { templates } = context;
  return {
    kind,
    index: context.index,
    sendResolved: config.send_resolved,
    async notify(notification) {
      const data = templates.data(notification);
      const rendering: Rendering = {
        notification,
        data,
        text: (template, fallback) => templates.text(template ?? (fallback === undefined ? '' : use(fallback)), data),
        html: (template, fallback) => templates.html(template ?? (fallback === undefined ? '' : use(fallback)), data),
        isFiring: data.Status === 'firing',
      };
      const sender: Sender = {
        client,
        send: ({ url, body, method = 'POST', headers = {} }) => {
          if (!URL.canParse(url)) throw new NotifyError('the URL to send to is not a URL', { isRetryable: false, reason: 'clientError' });
          return client.send(url, {
            method,
            headers: { ...jsonHeaders, ...headers },
            ...(method === 'GET' ? {} : { body: goJson(body) }),
            signal: notification.signal,
            timeoutMs: config.timeout ?? 0,
          });
        },
      };
      return (await work(rendering, sender)) ?? undefined;
    },
    close: () => client.close(),
  };
}

function use(name: string): string {
  return `{{ template "${name}" . }}`;
}

/** A JSON answer, or a retryable fault. */
export function parseAnswer(answer: HttpAnswer): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(answer.text) as unknown;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new NotifyError(`could not parse the answer as JSON: ${answer.text.slice(0, 200)}`, { isRetryable: true, reason: 'other' });
}

export function refused(message: string): NotifyError {
  return new NotifyError(message, { isRetryable: false, reason: 'clientError' });
}
