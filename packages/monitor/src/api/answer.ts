/** The one place that knows the API's envelope: what handlers are given, what they return, and the JSON around it (prometheus-server.md §6.1). */
import type { CodedError } from '@pronoia/server';
import { errors } from '../errors.ts';

export interface ApiRequest {
  /** Query string and form body together. */
  readonly params: URLSearchParams;
  /** Parts of the path, decoded. */
  readonly path: Readonly<Record<string, string>>;
  /** Fires when the client is gone. */
  readonly signal: AbortSignal;
}

export interface ApiAnswer {
  /** Plain data, or JSON that is written while it is sent; undefined: done, and nothing to say (204). */
  readonly data: unknown;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

/** Throws a CodedError whose code is one of the API's error types. */
export type ApiHandler = (request: ApiRequest) => Promise<ApiAnswer> | ApiAnswer;

export interface ApiRoute {
  readonly methods: readonly ('GET' | 'POST' | 'PUT')[];
  /** Below `/api/v1`. */
  readonly path: string;
  readonly handle: ApiHandler;
}

/** JSON in slices: large answers are never whole in memory and never hold the event loop for long. */
export class JsonSlices {
  readonly slices: () => Generator<string | Uint8Array>;

  constructor(slices: () => Generator<string | Uint8Array>) {
    this.slices = slices;
  }
}

/** The whole body of a success, in slices. */
export function* encodeAnswer(answer: ApiAnswer): Generator<string | Uint8Array> {
  yield '{"status":"success","data":';
  if (answer.data instanceof JsonSlices) yield* answer.data.slices();
  else yield JSON.stringify(answer.data);
  yield encodeNotes('warnings', answer.warnings, 'warning');
  yield encodeNotes('infos', answer.infos, 'info');
  yield '}';
}

const maxNotes = 10;

function encodeNotes(key: string, notes: readonly string[] = [], kind: string): string {
  if (notes.length === 0) return '';
  const shown = notes.slice(0, maxNotes);
  if (notes.length > maxNotes) shown.push(`${notes.length - maxNotes} more ${kind} annotations omitted`);
  return `,"${key}":${JSON.stringify(shown)}`;
}

const errorTypes = new Set(['bad_data', 'execution', 'canceled', 'timeout', 'internal', 'unavailable', 'not_found', 'not_acceptable']);

/** The body of a failure. @param code ours or the HTTP floor's; what is no error type of the API becomes the one that fits the status. */
export function encodeError(status: number, code: string, message: string): string {
  const errorType = errorTypes.has(code) ? code : typeOfStatus(status);
  return JSON.stringify({ status: 'error', errorType, error: message });
}

function typeOfStatus(status: number): string {
  if (status === 404) return 'not_found';
  if (status === 406) return 'not_acceptable';
  return status >= 500 ? 'internal' : 'bad_data';
}

/** Where the original names no parameter. */
export function badRequest(reason: string): CodedError {
  return errors.fail('bad_data', { reason });
}

export function badParameter(name: string, reason: string): CodedError {
  return badRequest(`invalid parameter "${name}": ${reason}`);
}
