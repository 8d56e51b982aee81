/** The configuration in effect as YAML, for `/api/v1/status/config`: defaults filled in, secrets hidden (prometheus-server.md §2.1). */
import { formatDuration } from '@pronoia/model';
import type { Config } from './config.ts';

const durationKeys = new Set([
  'scrape_interval',
  'scrape_timeout',
  'evaluation_interval',
  'rule_query_offset',
  'refresh_interval',
  'timeout',
  'out_of_order_time_window',
]);
const secretKeys = new Set(['password', 'credentials', 'bearer_token', 'key', 'secrets']);

export function printConfig(config: Config): string {
  return printMapping(config as unknown as Record<string, unknown>, 0);
}

function printMapping(record: Readonly<Record<string, unknown>>, indent: number): string {
  let text = '';
  for (const [key, value] of Object.entries(record)) {
    if (isEmpty(value)) continue;
    text += `${' '.repeat(indent)}${printString(key)}:${printBelow(key, value, indent)}`;
  }
  return text;
}

/** What follows `key:`, with its line end. */
function printBelow(key: string, value: unknown, indent: number): string {
  if (secretKeys.has(key)) return Array.isArray(value) ? ' ["<secret>"]\n' : ' <secret>\n';
  if (durationKeys.has(key) && typeof value === 'number') return ` ${formatDuration(value)}\n`;
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []\n';
    return `\n${value.map((item) => printItem(item, indent)).join('')}`;
  }
  if (typeof value === 'object' && value !== null) {
    return `\n${printMapping(value as Record<string, unknown>, indent + 2)}`;
  }
  return ` ${printScalar(value)}\n`;
}

function printItem(item: unknown, indent: number): string {
  const lead = ' '.repeat(indent);
  if (typeof item !== 'object' || item === null) return `${lead}- ${printScalar(item)}\n`;
  const body = printMapping(item as Record<string, unknown>, indent + 2);
  return body === '' ? `${lead}- {}\n` : `${lead}- ${body.slice(indent + 2)}`;
}

/** What says nothing is left out, except a value that differs from its default by being empty: a replacement that deletes. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function printScalar(value: unknown): string {
  return typeof value === 'string' ? printString(value) : String(value);
}

const plain = /^[A-Za-z_/.][\w./-]*$/;
const meansSomethingElse = /^(?:true|false|yes|no|on|off|null|y|n|~|\.inf|\.nan)$/i;

/** Plain where that cannot be misread, else in double quotes (JSON strings are YAML). */
function printString(text: string): string {
  const shown = text.replace(/^(\w+:\/\/[^/:@]*:)[^/@]*@/, '$1xxxxx@');
  return plain.test(shown) && !meansSomethingElse.test(shown) ? shown : JSON.stringify(shown);
}
