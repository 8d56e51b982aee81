/** What the handlers of API v2 work on, and how they refuse. */
import { type Clock, CodedError } from '@pronoia/server';
import type { AlertStore } from '../alert-store.ts';
import type { Engine } from '../engine.ts';
import { type AlertMatcher, MatcherError, type MatcherMode, parseMatcher } from '../matcher.ts';
import type { ServerMetrics } from '../metrics.ts';
import type { Silences } from '../silence.ts';

export interface ApiContext {
  readonly engine: Engine;
  readonly store: AlertStore;
  readonly silences: Silences;
  readonly clock: Clock;
  readonly mode: MatcherMode;
  readonly metrics: ServerMetrics;
  readonly cluster: ClusterView;
  readonly startedAtMs: number;
}

export interface ClusterView {
  readonly status: 'ready' | 'settling' | 'disabled';
  readonly name?: string;
  readonly peers: readonly { readonly name: string; readonly address: string }[];
}

/** A refusal by the handler: its body is a bare JSON string. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A refusal by the framework, before the handler: `{code, message}`. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export function listParameter(query: Query, name: string): readonly string[] {
  const value = query[name];
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** The default when absent; garbage counts as false (go-openapi swag.ConvertBool). */
export function booleanParameter(query: Query, name: string): boolean {
  const value = listParameter(query, name).at(-1);
  return value === undefined || /^(?:true|1|yes|ok|y|on|selected|checked|t|enabled)$/i.test(value);
}

export function filterParameter(query: Query, mode: MatcherMode): AlertMatcher[] {
  return listParameter(query, 'filter').map((text) => {
    try {
      return parseMatcher(text, mode);
    } catch (error) {
      if (error instanceof MatcherError) throw new Refusal(400, error.message);
      throw error;
    }
  });
}

export function asRefusal(error: unknown): unknown {
  return error instanceof CodedError && error.status < 500 ? new Refusal(error.status, error.message) : error;
}
