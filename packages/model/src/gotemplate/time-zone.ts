/** Zones of Go's time.Location: UTC, the host's, an IANA name, or a fixed offset as read from a timestamp. */
export interface Zone {
  /** `UTC`, `Local`, `Europe/Berlin`, or `` for a bare offset. */
  readonly name: string;
  /** Minutes are not enough for old zones: seconds east of UTC at that moment, and the abbreviation then. */
  at(unixMs: number): { readonly offsetSeconds: number; readonly abbreviation: string };
}

export const utcZone: Zone = { name: 'UTC', at: () => ({ offsetSeconds: 0, abbreviation: 'UTC' }) };

/** An offset that came with a timestamp; Go shows it as `+0200` where a zone's abbreviation is asked for. */
export function fixedZone(offsetSeconds: number, abbreviation = ''): Zone {
  return { name: abbreviation, at: () => ({ offsetSeconds, abbreviation }) };
}

const zonesByName = new Map<string, Zone>();

/** Throws with Go's words when there is no such zone. */
export function loadZone(name: string): Zone {
  if (name === '' || name === 'UTC') return utcZone;
  const known = zonesByName.get(name);
  if (known !== undefined) return known;
  const timeZone = name === 'Local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : name;
  let parts: Intl.DateTimeFormat;
  let names: Intl.DateTimeFormat;
  try {
    if (name !== 'Local' && !/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) throw new Error(name);
    const fields = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
    parts = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', era: 'short', ...fields });
    names = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'short' });
  } catch {
    throw new Error(`unknown time zone ${name}`);
  }
  const zone: Zone = {
    name,
    at: (unixMs) => ({ offsetSeconds: offsetAt(parts, unixMs), abbreviation: abbreviationAt(names, timeZone, unixMs) }),
  };
  if (zonesByName.size < 1000) zonesByName.set(name, zone);
  return zone;
}

function offsetAt(format: Intl.DateTimeFormat, unixMs: number): number {
  const read: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(unixMs)) read[type] = value;
  const year = read['era'] === 'BC' ? 1 - Number(read['year']) : Number(read['year']);
  const local = new Date(0);
  local.setUTCFullYear(year, Number(read['month']) - 1, Number(read['day']));
  local.setUTCHours(Number(read['hour']), Number(read['minute']), Number(read['second']));
  return Math.round((local.getTime() - Math.floor(unixMs / 1000) * 1000) / 1000);
}

/**
 * ICU knows short names in its locale's own regions only (en-US: EST, but GMT+1 for Berlin); the European ones are filled
 * in here, and what remains is shown as Go shows zones without a name.
 */
function abbreviationAt(format: Intl.DateTimeFormat, timeZone: string, unixMs: number): string {
  const name = format.formatToParts(unixMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const gmt = /^GMT(?:([+-])(\d+)(?::(\d+))?)?$/.exec(name);
  if (gmt === null) return name;
  if (gmt[1] === undefined) return timeZone === 'UTC' || timeZone === 'Etc/UTC' ? 'UTC' : 'GMT';
  const hours = Number(gmt[2]);
  const european =
    /^(?:Europe|Africa\/(?:Ceuta|Tunis|Algiers|Cairo|Johannesburg|Tripoli)|Atlantic)\//.test(timeZone) || timeZone === 'Africa/Cairo';
  if (european && gmt[1] === '+') {
    const base = standardOffset(timeZone);
    const summer = hours * 60 > base;
    const known = { 0: ['WET', 'WEST'], 60: ['CET', 'CEST'], 120: ['EET', 'EEST'] }[base];
    if (timeZone === 'Europe/London' || timeZone === 'Europe/Belfast') return 'BST';
    if (timeZone === 'Europe/Dublin') return 'IST';
    if (timeZone === 'Europe/Moscow') return 'MSK';
    if (known !== undefined) return known[summer ? 1 : 0] as string;
  }
  const known: Readonly<Record<string, string>> = {
    'Asia/Tokyo': 'JST',
    'Asia/Seoul': 'KST',
    'Asia/Kolkata': 'IST',
    'Asia/Shanghai': 'CST',
    'Asia/Hong_Kong': 'HKT',
  };
  return known[timeZone] ?? `${gmt[1]}${String(hours).padStart(2, '0')}${gmt[3] ?? ''}`;
}

function standardOffset(timeZone: string): number {
  const minutes = (month: number): number => {
    const name =
      new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
        .formatToParts(Date.UTC(2026, month, 1))
        .find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const match = /GMT(?:([+-])(\d+):(\d+))?/.exec(name);
    const size = Number(match?.[2] ?? 0) * 60 + Number(match?.[3] ?? 0);
    return match?.[1] === '-' ? -size : size;
  };
  return Math.min(minutes(0), minutes(6));
}
