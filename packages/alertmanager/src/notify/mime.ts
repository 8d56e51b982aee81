/** A mail's headers and bodies as text (RFC 5322, 2045, 2047). */

/** Only what must be encoded is: Q-encoding of UTF-8, in words short enough for a line. */
export function encodeHeader(text: string): string {
  const clean = text.replace(/[\r\n]+/g, ' ');
  if (/^[\t\x20-\x7e]*$/.test(clean) && !clean.includes('=?')) return clean;
  const words: string[] = [];
  let word = '';
  for (const rune of clean) {
    const encoded =
      rune === ' ' ? '_' : /^[A-Za-z0-9!*+/-]$/.test(rune) ? rune : Buffer.from(rune).toString('hex').toUpperCase().replace(/../g, '=$&');
    if (word.length + encoded.length > 60) {
      words.push(word);
      word = '';
    }
    word += encoded;
  }
  words.push(word);
  return words.map((one) => `=?utf-8?q?${one}?=`).join('\r\n ');
}

/** RFC 2045 §6.7: lines of at most 76 characters. */
export function quotedPrintable(text: string): string {
  return text
    .split(/\r\n|\n/)
    .map((line) => {
      const pieces: string[] = [];
      for (const rune of line) {
        if (rune !== '=' && ((rune >= ' ' && rune <= '~') || rune === '\t')) pieces.push(rune);
        else for (const byte of Buffer.from(rune)) pieces.push(`=${byte.toString(16).toUpperCase().padStart(2, '0')}`);
      }
      const last = pieces.at(-1);
      // White space at a line's end would be lost on the way.
      if (last === ' ' || last === '\t') pieces[pieces.length - 1] = last === ' ' ? '=20' : '=09';
      let out = '';
      let length = 0;
      pieces.forEach((piece, i) => {
        const room = i === pieces.length - 1 ? 76 : 75;
        if (length + piece.length > room) {
          out += '=\r\n';
          length = 0;
        }
        out += piece;
        length += piece.length;
      });
      return out;
    })
    .join('\r\n');
}

export interface MailPart {
  readonly contentType: string;
  readonly text: string;
}

/** The whole message; `headers` in the order given. */
export function composeMail(headers: readonly (readonly [string, string])[], parts: readonly MailPart[], boundary: string): string {
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const body = parts
    .map(
      ({ contentType, text }) =>
        `--${boundary}\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: ${contentType}\r\n\r\n${quotedPrintable(text)}\r\n`,
    )
    .join('');
  return `${head}Content-Type: multipart/alternative;  boundary=${boundary}\r\nMIME-Version: 1.0\r\n\r\n${body}--${boundary}--\r\n`;
}

export interface Address {
  readonly name: string;
  readonly address: string;
}

/** `Ann <ann@example.org>, bob@example.org`. Throws when one is no address. */
export function parseAddresses(text: string): Address[] {
  const addresses: Address[] = [];
  const pattern = /\s*(?:("(?:[^"\\]|\\.)*"|[^",<>@]*?)\s*<\s*([^<>\s]+@[^<>\s]+)\s*>|([^",<>\s]+@[^",<>\s]+))\s*(?:,|$)/y;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) throw new Error(`parse address ${JSON.stringify(text)}: expected name <user@host> or user@host`);
    const [, name = '', inBrackets, bare] = match;
    addresses.push({ name: name.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1'), address: (inBrackets ?? bare) as string });
    at = pattern.lastIndex;
  }
  if (addresses.length === 0) throw new Error('parse address: no address');
  return addresses;
}
