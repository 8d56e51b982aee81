/**
 * Counts words of a byte stream in typed arrays: hot (bench/wordcount.ts). A word is a run of bytes other than space, TAB, LF, VT, FF, CR;
 * its exact bytes are kept, valid UTF-8 or not.
 *
 * Most words are short, so a word of at most 8 bytes *is* its table entry: two 32-bit integers of its bytes, compared in one step each.
 * Longer words live in an arena beside. Both tables are open addressing with linear probing, grown at ⅔ full. No JS object per word.
 * Feeding 64 MiB slices costs the same as one of 1 GiB; a word that is cut by a slice's end is carried over.
 */

/** Words of up to 8 bytes: key is (low, high, length); the length is needed because a word may hold NUL bytes. */
const SHORT_LIMIT = 8;
const FIRST_SLOTS = 1 << 15;

const isSpace = new Uint8Array(256);
for (const byte of [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20]) isSpace[byte] = 1;

export class WordTable {
  #shortSlots = FIRST_SLOTS;
  /** Four per slot: low, high, length, count. A count of 0 is an empty slot. Counts have 32 bits: whoever feeds it flushes before 4 · 10⁹ words. */
  #short = new Uint32Array(FIRST_SLOTS * 4);
  #shortUsed = 0;

  #longSlots = FIRST_SLOTS;
  /** Four per slot: hash, offset into the arena, length, count. */
  #long = new Uint32Array(FIRST_SLOTS * 4);
  #longUsed = 0;
  #arena = new Uint8Array(1 << 16);
  #arenaUsed = 0;

  #carry = new Uint8Array(64);
  #carryUsed = 0;
  #words = 0;

  /** Words counted so far. */
  get words(): number {
    return this.#words;
  }

  /** Distinct words. */
  get size(): number {
    return this.#shortUsed + this.#longUsed;
  }

  /** Bytes of the tables: what `size` costs. */
  get memoryBytes(): number {
    return this.#short.byteLength + this.#long.byteLength + this.#arena.byteLength;
  }

  /** Bytes `start` to `end` (exclusive). A word that reaches the end waits for the next call or for `endOfWords`. */
  add(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    if (this.#carryUsed > 0) {
      while (at < end && isSpace[bytes[at] as number] === 0) at++;
      this.#keep(bytes, start, at);
      if (at === end) return;
      this.endOfWords();
    }
    // A word that touches the end is carried; everything before the last space is complete.
    let last = end;
    while (last > at && isSpace[bytes[last - 1] as number] === 0) last--;
    this.#count(bytes, at, last);
    this.#keep(bytes, last, end);
  }

  /** What was carried is a whole word: the stream, or a file of it, ends here. */
  endOfWords(): void {
    if (this.#carryUsed === 0) return;
    const used = this.#carryUsed;
    this.#carryUsed = 0;
    const padded = new Uint8Array(used + 1);
    padded.set(this.#carry.subarray(0, used));
    padded[used] = 0x20;
    this.#count(padded, 0, used + 1);
  }

  /** Every word with its count, in no order. `key` is valid during the call only. */
  forEach(visit: (bytes: Uint8Array, start: number, end: number, count: number) => void): void {
    const scratch = new Uint8Array(SHORT_LIMIT);
    const short = this.#short;
    for (let slot = 0; slot < short.length; slot += 4) {
      const count = short[slot + 3] as number;
      if (count === 0) continue;
      const length = short[slot + 2] as number;
      let value = short[slot] as number;
      for (let i = 0; i < length; i++) {
        if (i === 4) value = short[slot + 1] as number;
        scratch[i] = value & 0xff;
        value >>>= 8;
      }
      visit(scratch, 0, length, count);
    }
    const long = this.#long;
    for (let slot = 0; slot < long.length; slot += 4) {
      const count = long[slot + 3] as number;
      if (count === 0) continue;
      const offset = long[slot + 1] as number;
      visit(this.#arena, offset, offset + (long[slot + 2] as number), count);
    }
  }

  clear(): void {
    this.#short.fill(0);
    this.#long.fill(0);
    this.#shortUsed = 0;
    this.#longUsed = 0;
    this.#arenaUsed = 0;
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    if (this.#carryUsed + length > this.#carry.length) {
      const larger = new Uint8Array(Math.max(this.#carry.length * 2, this.#carryUsed + length));
      larger.set(this.#carry.subarray(0, this.#carryUsed));
      this.#carry = larger;
    }
    this.#carry.set(bytes.subarray(start, end), this.#carryUsed);
    this.#carryUsed += length;
  }

  /** All words in [start, end); the byte before `end` is a space unless the range is empty. */
  #count(bytes: Uint8Array, start: number, end: number): void {
    let short = this.#short;
    let mask = this.#shortSlots - 1;
    let room = Math.floor((this.#shortSlots * 2) / 3) - this.#shortUsed;
    let used = 0;
    let words = 0;
    let at = start;
    while (at < end) {
      let byte = bytes[at] as number;
      // Nearly every byte is above 32 or is the one space between two words.
      if (byte <= 0x20 && isSpace[byte] === 1) {
        at++;
        continue;
      }
      const wordStart = at;
      let low = 0;
      let high = 0;
      // Unrolled by the shift: the first four bytes fill `low`, the next four `high`.
      let shift = 0;
      do {
        low |= byte << shift;
        shift += 8;
        byte = bytes[++at] as number;
      } while (shift < 32 && (byte > 0x20 || isSpace[byte] === 0));
      if (byte > 0x20 || isSpace[byte] === 0) {
        shift = 0;
        do {
          high |= byte << shift;
          shift += 8;
          byte = bytes[++at] as number;
        } while (shift < 32 && (byte > 0x20 || isSpace[byte] === 0));
      }
      words++;
      if (byte > 0x20 || isSpace[byte] === 0) {
        while (byte > 0x20 || isSpace[byte] === 0) byte = bytes[++at] as number;
        this.#countLong(bytes, wordStart, at);
        continue;
      }
      const length = at - wordStart;
      low >>>= 0;
      high >>>= 0;
      let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) ^ length;
      hash ^= hash >>> 15;
      let slot = (hash & mask) << 2;
      for (;;) {
        if (short[slot] === low && short[slot + 1] === high && short[slot + 2] === length) {
          short[slot + 3] = (short[slot + 3] as number) + 1;
          break;
        }
        if (short[slot + 3] === 0) {
          short[slot] = low;
          short[slot + 1] = high;
          short[slot + 2] = length;
          short[slot + 3] = 1;
          if (++used >= room) {
            this.#shortUsed += used;
            used = 0;
            this.#growShort();
            short = this.#short;
            mask = this.#shortSlots - 1;
            room = Math.floor((this.#shortSlots * 2) / 3) - this.#shortUsed;
          }
          break;
        }
        slot = (slot + 4) & ((mask << 2) | 3);
      }
    }
    this.#shortUsed += used;
    this.#words += words;
  }

  #growShort(): void {
    const old = this.#short;
    const slots = this.#shortSlots * 2;
    const grown = new Uint32Array(slots * 4);
    const mask = slots - 1;
    for (let from = 0; from < old.length; from += 4) {
      if (old[from + 3] === 0) continue;
      const low = old[from] as number;
      const high = old[from + 1] as number;
      const length = old[from + 2] as number;
      let hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) ^ length;
      hash ^= hash >>> 15;
      let slot = (hash & mask) << 2;
      while (grown[slot + 3] !== 0) slot = (slot + 4) & ((mask << 2) | 3);
      grown[slot] = low;
      grown[slot + 1] = high;
      grown[slot + 2] = length;
      grown[slot + 3] = old[from + 3] as number;
    }
    this.#short = grown;
    this.#shortSlots = slots;
  }

  #countLong(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    hash = (hash ^ (hash >>> 15)) >>> 0;
    const long = this.#long;
    const mask = this.#longSlots - 1;
    let slot = (hash & mask) << 2;
    for (;;) {
      if (long[slot + 3] === 0) break;
      if (long[slot] === hash && long[slot + 2] === length && this.#arenaEquals(long[slot + 1] as number, bytes, start, length)) {
        long[slot + 3] = (long[slot + 3] as number) + 1;
        return;
      }
      slot = (slot + 4) & ((mask << 2) | 3);
    }
    if (this.#arenaUsed + length > this.#arena.length) {
      const larger = new Uint8Array(Math.max(this.#arena.length * 2, this.#arenaUsed + length));
      larger.set(this.#arena.subarray(0, this.#arenaUsed));
      this.#arena = larger;
    }
    this.#arena.set(bytes.subarray(start, end), this.#arenaUsed);
    long[slot] = hash;
    long[slot + 1] = this.#arenaUsed;
    long[slot + 2] = length;
    long[slot + 3] = 1;
    this.#arenaUsed += length;
    if (++this.#longUsed * 3 >= this.#longSlots * 2) this.#growLong();
  }

  #arenaEquals(offset: number, bytes: Uint8Array, start: number, length: number): boolean {
    const arena = this.#arena;
    for (let i = 0; i < length; i++) if (arena[offset + i] !== bytes[start + i]) return false;
    return true;
  }

  #growLong(): void {
    const old = this.#long;
    const slots = this.#longSlots * 2;
    const grown = new Uint32Array(slots * 4);
    const mask = slots - 1;
    for (let from = 0; from < old.length; from += 4) {
      if (old[from + 3] === 0) continue;
      let slot = ((old[from] as number) & mask) << 2;
      while (grown[slot + 3] !== 0) slot = (slot + 4) & ((mask << 2) | 3);
      grown.set(old.subarray(from, from + 4), slot);
    }
    this.#long = grown;
    this.#longSlots = slots;
  }
}
