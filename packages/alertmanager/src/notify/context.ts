/** What every receiver is built with. */
import type { Config } from '../config/config.ts';
import { defaultHttpConfig, type HttpConfig } from '../config/http-config.ts';
import { HttpClient } from './http-client.ts';
import type { Templates } from './template.ts';

export interface BuildContext {
  readonly config: Config;
  readonly templates: Templates;
  /** Index among the receiver's configurations of its kind. */
  readonly index: number;
}

/** A receiver's `http_config` replaces the global one whole. */
export function httpClient({ config }: BuildContext, own: HttpConfig | undefined): HttpClient {
  return new HttpClient(own ?? config.global.http_config ?? defaultHttpConfig, config.file);
}

export const jsonHeaders = { 'content-type': 'application/json' } as const;
