/** Numbers for people, as alert annotations print them (prometheus-server.md §7.7; common/helpers/templates). */
import { goSprintf } from '@pronoia/model';

const bigPrefixes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];
const binaryPrefixes = ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'];
const smallPrefixes = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y'];

function fourDigits(value: number): string {
  return goSprintf('%.4g', [value]);
}

/** 1234567 → `1.235M`, 0.0012 → `1.2m` */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return fourDigits(value);
  return Math.abs(value) >= 1 ? scaleDown(value, 1000, bigPrefixes) : scaleUp(value, '');
}

/** 2048 → `2ki` */
export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return fourDigits(value);
  return scaleDown(value, 1024, binaryPrefixes);
}

function scaleDown(value: number, step: number, prefixes: readonly string[]): string {
  let scaled = value;
  let prefix = '';
  for (const next of prefixes) {
    if (Math.abs(scaled) < step) break;
    prefix = next;
    scaled /= step;
  }
  return `${fourDigits(scaled)}${prefix}`;
}

function scaleUp(value: number, unit: string): string {
  let scaled = value;
  let prefix = '';
  for (const next of smallPrefixes) {
    if (Math.abs(scaled) >= 1) break;
    prefix = next;
    scaled *= 1000;
  }
  return `${fourDigits(scaled)}${prefix}${unit}`;
}

/** Seconds: 93784 → `1d 2h 3m 4s`, 12.345 → `12.35s`, 0.1353 → `135.3ms` */
export function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return fourDigits(seconds);
  if (seconds === 0) return `${fourDigits(0)}s`;
  if (Math.abs(seconds) < 1) return scaleUp(seconds, 's');
  const sign = seconds < 0 ? '-' : '';
  const size = Math.abs(seconds);
  const whole = Math.floor(size);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${whole % 60}s`;
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${whole % 60}s`;
  if (minutes > 0) return `${sign}${minutes}m ${whole % 60}s`;
  return `${sign}${fourDigits(size)}s`;
}

/** 0.1234 → `12.34%` */
export function humanizePercentage(ratio: number): string {
  return `${fourDigits(ratio * 100)}%`;
}

/** Unix seconds → `2022-01-25 12:36:43 +0000 UTC`, with as many decimals as there are. */
export function humanizeTimestamp(seconds: number): string {
  if (!Number.isFinite(seconds)) return fourDigits(seconds);
  return goTimeText(Math.round(seconds * 1000));
}

/** Go's time.Time as it prints itself. */
export function goTimeText(tMs: number): string {
  const date = new Date(tMs);
  if (Number.isNaN(date.getTime())) return String(tMs);
  const [day, time] = date.toISOString().split('T') as [string, string];
  const [clock, ms] = time.slice(0, -1).split('.') as [string, string];
  const fraction = ms.replace(/0+$/, '');
  return `${day} ${clock}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`;
}
