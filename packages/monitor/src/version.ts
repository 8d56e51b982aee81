import { readFileSync } from 'node:fs';

/** Our own version, from package.json beside `src` or `dist`. */
export const version = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;

/** Targets and Alertmanagers of the original look at the name before the slash. */
export const userAgent = `Prometheus/${version} (pronoia)`;
