/** Identifiers: how the master makes them and which ones a client may choose (mesos.md §1.7). */

/** `<master id>-0007`: at least four digits. */
export const frameworkId = (masterId: string, count: number): string => `${masterId}-${String(count).padStart(4, '0')}`;
export const agentId = (masterId: string, count: number): string => `${masterId}-S${count}`;
export const offerId = (masterId: string, count: number): string => `${masterId}-O${count}`;

const idLimit = 255;
const containerIdLimit = 242;

/** Why this text may not name a framework, task, executor, agent or volume; undefined when it may. */
export function idFault(id: string): string | undefined {
  if (id === '') return 'ID must not be empty';
  if (id.length > idLimit) return `ID must not be longer than ${idLimit} characters, found ${id.length}`;
  if (id === '.' || id === '..') return `'${id}' is not a valid ID`;
  const fault = firstForbidden(id, '/\\');
  return fault === undefined ? undefined : `'${printable(id)}' contains ${fault}`;
}

/** The same for container ids, which also become file names with suffixes. */
export function containerIdFault(id: string): string | undefined {
  if (id.length > containerIdLimit) return `container ID must not be longer than ${containerIdLimit} characters, found ${id.length}`;
  const fault = idFault(id) ?? firstForbidden(id, '. ');
  return fault;
}

function firstForbidden(text: string, forbidden: string): string | undefined {
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return `a control character (U+${code.toString(16).toUpperCase().padStart(4, '0')})`;
    if (forbidden.includes(char)) return `the character '${char}'`;
  }
  return undefined;
}

const printable = (text: string): string => JSON.stringify(text).slice(1, -1);

/** A random 16-byte version 4 UUID from a source of numbers in [0, 1), so that simulations repeat. */
export function uuidBytes(random: () => number): Buffer {
  const bytes = Buffer.alloc(16);
  for (let i = 0; i < 16; i += 4) bytes.writeUInt32BE(Math.floor(random() * 0x1_0000_0000), i);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes;
}

/** As text, `8-4-4-4-12` hexadecimal digits. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export const uuidText = (random: () => number): string => formatUuid(uuidBytes(random));
/** As the wire's `bytes` in JSON. */
export const uuidBase64 = (random: () => number): string => uuidBytes(random).toString('base64');
