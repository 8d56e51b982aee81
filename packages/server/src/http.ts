import type { Registry } from '@pronoia/client';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from './log.ts';

/** What a refused or failed request tells its client. */
export interface HttpError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export interface HttpOptions {
  readonly log: Logger;
  readonly registry: Registry;
  /** Asked by `/-/ready`: true, or false, or the reason why not. Default: always ready. */
  readonly isReady?: () => boolean | string;
  /** Larger bodies are answered 413. Default 8 MiB. */
  readonly bodyLimitBytes?: number;
  /** All paths begin with this (`/prometheus`); default none. */
  readonly routePrefix?: string;
  /** The error envelope of an API; default `{"status":"error","code":…,"error":message}`. */
  readonly formatError?: (error: HttpError, request: FastifyRequest) => { contentType: string; body: string };
  /** `prometheus_` makes `prometheus_http_requests_total`; default `pronoia_`. */
  readonly metricPrefix?: string;
  /** Who `/-/healthy` says is healthy; default `Pronoia`. */
  readonly serverName?: string;
  /** Answers larger than 1 KiB are gzipped when the client accepts it; default false. Hijacked replies are never touched. */
  readonly compress?: boolean;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The flag that moves the port, for the message when it is taken. */
  readonly flag: string;
}

/** A server that runs. */
export interface Running {
  /** Without a trailing slash; a wildcard host appears as 127.0.0.1. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

export declare function createHttp(options: HttpOptions): FastifyInstance;
export declare function listen(app: FastifyInstance, options: ListenOptions): Promise<Running>;
