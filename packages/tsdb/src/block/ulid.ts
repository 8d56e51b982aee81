/** Names of blocks: 48 bits of creation time and 80 random bits in Crockford's base 32, so that names sort by age. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `random` gives numbers in [0, 1). */
export function createUlid(nowMs: number, random: () => number): string {
  let time = '';
  for (let left = nowMs, i = 0; i < 10; i++) {
    time = alphabet[left % 32] + time;
    left = Math.floor(left / 32);
  }
  for (let i = 0; i < 16; i++) time += alphabet[Math.floor(random() * 32)];
  return time;
}

/** When it was made, in Unix milliseconds. */
export function ulidTimeMs(ulid: string): number {
  let time = 0;
  for (let i = 0; i < 10; i++) time = time * 32 + alphabet.indexOf(ulid[i] as string);
  return time;
}

export function isUlid(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}
