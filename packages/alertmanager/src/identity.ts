/**
 * A label set that the server knows, with all that follows from it alone. Alerts come and change; their identity stays, so what was
 * worked out for it once (fingerprint, hash, JSON text, which silences match) is kept here and shared by all its alerts.
 */
import type { Labels } from '@pronoia/model';
import { alertHash, fingerprintOf } from './hash.ts';

const noIds: readonly string[] = [];

export class AlertIdentity {
  readonly labels: Labels;
  readonly fingerprint: string;
  /** As the API writes them. */
  readonly labelsJson: string;
  /** The label set as its sender writes it: the next report is known by this text without being parsed. */
  text: string;
  #hash: bigint | undefined;
  /** Written by the store alone: what it holds under this identity; typed there. */
  current: object | undefined = undefined;
  /** Written by the silences alone: those up to this version were tried, and these match. */
  silenceVersion = 0;
  silenceIds: readonly string[] = noIds;
  /** Written by the dispatcher alone: where it has put the alert. */
  placement: object | undefined = undefined;

  /** `json` must be `pairsJson(labels)`. The texts must not be pieces of a longer one, which they would keep alive. */
  constructor(labels: Labels, json = ownText(pairsJson(labels)), text = json) {
    this.labels = labels;
    this.fingerprint = fingerprintOf(labels);
    this.labelsJson = json;
    this.text = text === json ? json : text;
  }

  get name(): string {
    return this.labels.get('alertname');
  }

  /** What the notification log knows it by. */
  get hash(): bigint {
    this.#hash ??= alertHash(this.labels);
    return this.#hash;
  }
}

/** A copy that is not a piece of a longer text, or of several. */
export function ownText(text: string): string {
  return Buffer.from(text).toString();
}

/** A JSON object, members in the labels' order. */
export function pairsJson({ pairs }: Labels): string {
  if (pairs.length === 0) return '{}';
  let text = '';
  for (let i = 0; i < pairs.length; i += 2) text += `${i === 0 ? '{' : ','}${quote(pairs[i] as string)}:${quote(pairs[i + 1] as string)}`;
  return `${text}}`;
}

/** Most texts need no escape, and a look for one costs less than JSON.stringify. */
export function quote(text: string): string {
  return mayNeedEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const mayNeedEscape = /[\u0000-\u001f"\\\ud800-\udfff]/;
