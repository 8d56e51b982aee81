// Appends a batch of samples to the open chunks of the head. Its twin, and the way memory is laid out, is `src/head/open-chunks.ts`; the
// format of the bit stream is explained in `src/chunk/xor.ts`.

// State: see `src/head/open-chunks.ts`.
const stateMinMs: usize = 0;
const stateMaxMs: usize = 8;
const stateRangeMs: usize = 16;
const stateSamplesPerChunk: usize = 24;
const stateMaxChunkBytes: usize = 28;
const stateNext: usize = 32;
const statePages: usize = 36;
const stateAppended: usize = 40;
const stateCutCount: usize = 44;
const stateCuts: usize = 48;
const stateFree: usize = 64;

const maxCuts: u32 = 1024;
const recordBytes: usize = 64;
const pageShift: usize = 12;
const pageMask: usize = 4095;
const noWindow: u32 = 0xff;
const noSlot: u32 = 0xffffffff;
/** The worst case of one sample, and eight bytes that are written at a time. */
const roomBytes: u32 = 28;
const classes: i32 = 9;

function blockBytes(sizeClass: i32): u32 {
  // 64, 128, 192, 256, 384, 512, 768, 1024, 1536.
  if (sizeClass < 4) return (<u32>(sizeClass + 1)) << 6;
  const doubled = <u32>(sizeClass >> 1);
  return (sizeClass & 1) == 0 ? (<u32>96) << doubled : (<u32>64) << (doubled + 1);
}

function allocate(state: usize, sizeClass: i32): usize {
  const list = state + stateFree + ((<usize>sizeClass) << 2);
  const free = <usize>load<u32>(list);
  if (free != 0) {
    store<u32>(list, load<u32>(free));
    return free;
  }
  const at = <usize>load<u32>(state + stateNext);
  store<u32>(state + stateNext, <u32>at + blockBytes(sizeClass));
  return at;
}

/** A larger block with the same content. */
function growBlock(state: usize, record: usize, used: u32): usize {
  const old = <usize>load<u32>(record, 48);
  const oldClass = <i32>load<u8>(record, 55);
  let sizeClass = 0;
  while (blockBytes(sizeClass) < used + roomBytes) sizeClass++;
  const block = allocate(state, sizeClass);
  if (old != 0) {
    memory.copy(block, old, <usize>used + 1);
    const list = state + stateFree + ((<usize>oldClass) << 2);
    store<u32>(old, load<u32>(list));
    store<u32>(list, <u32>old);
  }
  store<u32>(record, <u32>block, 48);
  store<u8>(record, <u8>sizeClass, 55);
  return block;
}

/** The low `count` bits of `value`, at most 56, behind the bit `bit` of the block. What follows is zeros. */
function write(block: usize, bit: u32, value: u64, count: u32): u32 {
  const at = block + <usize>(bit >> 3);
  const used = <u64>(bit & 7);
  const before = used == 0 ? <u64>0 : (<u64>load<u8>(at)) << 56;
  store<u64>(at, bswap<u64>(before | ((value << (64 - <u64>count)) >> used)));
  return bit + count;
}

function writeUvarint(block: usize, from: u32, value: u64): u32 {
  let left = value;
  let bit = from;
  for (; left >= 0x80; left >>= 7) bit = write(block, bit, (left & 0x7f) | 0x80, 8);
  return write(block, bit, left, 8);
}

function writeDifference(block: usize, bit: u32, dod: i64): u32 {
  if (dod == 0) return write(block, bit, 0, 1);
  if (dod >= -8191 && dod <= 8192) return write(block, bit, 0x8000 | (<u64>dod & 0x3fff), 16);
  if (dod >= -65535 && dod <= 65536) return write(block, bit, 0xc0000 | (<u64>dod & 0x1ffff), 20);
  if (dod >= -524287 && dod <= 524288) return write(block, bit, 0xe00000 | (<u64>dod & 0xfffff), 24);
  const next = write(block, bit, 0xf, 4);
  return write(block, write(block, next, <u64>dod >> 32, 32), <u64>dod & 0xffffffff, 32);
}

function writeValue(block: usize, from: u32, record: usize, difference: u64): u32 {
  if (difference == 0) return write(block, from, 0, 1);
  let bit = from;
  let leading = <u32>min<u64>(31, clz(difference));
  let trailing = <u32>ctz(difference);
  const windowLeading = <u32>load<u8>(record, 53);
  const windowTrailing = <u32>load<u8>(record, 54);
  if (windowLeading != noWindow && leading >= windowLeading && trailing >= windowTrailing) {
    leading = windowLeading;
    trailing = windowTrailing;
    bit = write(block, bit, 2, 2);
  } else {
    store<u8>(record, <u8>leading, 53);
    store<u8>(record, <u8>trailing, 54);
    bit = write(block, bit, (3 << 11) | ((<u64>leading) << 6) | <u64>((64 - leading - trailing) & 63), 13);
  }
  const width = 64 - leading - trailing;
  const significant = difference >> <u64>trailing;
  if (width <= 56) return write(block, bit, significant, width);
  bit = write(block, bit, significant >> 32, width - 32);
  return write(block, bit, significant & 0xffffffff, 32);
}

/** Hands the full chunk over to the list of cuts. */
function cut(state: usize, slot: u32, record: usize): void {
  const count = load<u32>(state + stateCutCount);
  const entry = <usize>load<u32>(state + stateCuts) + ((<usize>count) << 5);
  const block = <usize>load<u32>(record, 48);
  store<u8>(block, 0);
  store<u8>(block, load<u8>(record, 52), 1);
  store<f64>(entry, load<f64>(record, 16));
  store<f64>(entry, load<f64>(record), 8);
  store<u32>(entry, slot, 16);
  store<u32>(entry, <u32>block, 20);
  store<u32>(entry, (load<u32>(record, 44) + 7) >> 3, 24);
  store<u32>(entry, <u32>load<u8>(record, 55), 28);
  store<u32>(state + stateCutCount, count + 1);
  store<u32>(record, 0, 48);
  store<u8>(record, 0, 52);
}

function rangeEnd(tMs: f64, rangeMs: f64): f64 {
  return floor(tMs / rangeMs) * rangeMs + rangeMs;
}

/**
 * Samples that are not newer than the last one of their series are passed over, and those without a slot. Stops when the list of cuts
 * is full, and before a sample of a series whose open chunk holds histograms. Returns the index reached. There is memory for a new
 * block for every sample.
 */
export function appendSamples(state: usize, slots: usize, times: usize, values: usize, from: i32, to: i32, commit: f64): i32 {
  const pages = <usize>load<u32>(state + statePages);
  const rangeMs = load<f64>(state + stateRangeMs);
  const samplesPerChunk = load<u32>(state + stateSamplesPerChunk);
  const maxChunkBytes = load<u32>(state + stateMaxChunkBytes);
  const quarter = samplesPerChunk / 4;
  let minMs = load<f64>(state + stateMinMs);
  let maxMs = load<f64>(state + stateMaxMs);
  let appended: u32 = 0;
  let i = from;
  for (; i < to; i++) {
    const slot = load<u32>(slots + ((<usize>i) << 2));
    if (slot == noSlot) continue;
    const record = <usize>load<u32>(pages + ((<usize>slot >> pageShift) << 2)) + (<usize>slot & pageMask) * recordBytes;
    const tMs = load<f64>(times + ((<usize>i) << 3));
    const lastMs = load<f64>(record);
    if (tMs <= lastMs) continue;
    if (load<u8>(record, 56) != 0) break;
    let count = <u32>load<u8>(record, 52);
    if (count == 0) {
      store<f64>(record, rangeEnd(tMs, rangeMs), 8);
    } else {
      let nextAt = load<f64>(record, 8);
      if (count == quarter) {
        const start = load<f64>(record, 16);
        const chunks = floor((nextAt - start) / ((lastMs - start + 1) * 4));
        if (chunks > 1) {
          nextAt = floor(start + (nextAt - start) / chunks);
          store<f64>(record, nextAt, 8);
        }
      }
      if (tMs >= nextAt || count >= samplesPerChunk * 2 || (load<u32>(record, 44) + 7) >> 3 > maxChunkBytes) {
        if (load<u32>(state + stateCutCount) == maxCuts) break;
        cut(state, slot, record);
        store<f64>(record, rangeEnd(tMs, rangeMs), 8);
        count = 0;
      }
    }
    const bits = load<u64>(values + ((<usize>i) << 3));
    let block = <usize>load<u32>(record, 48);
    let bit: u32;
    if (count == 0) {
      store<f64>(record, tMs, 16);
      store<u8>(record, noWindow, 53);
      block = growBlock(state, record, 0);
      const t = <i64>tMs;
      bit = writeUvarint(block, 16, <u64>((t << 1) ^ (t >> 63)));
      bit = write(block, bit, bits >> 32, 32);
      bit = write(block, bit, bits & 0xffffffff, 32);
    } else {
      bit = load<u32>(record, 44);
      const used = (bit + 7) >> 3;
      if (used + roomBytes > blockBytes(<i32>load<u8>(record, 55))) block = growBlock(state, record, used);
      const delta = <i64>(tMs - lastMs);
      bit = count == 1 ? writeUvarint(block, bit, <u64>delta) : writeDifference(block, bit, delta - <i64>load<u32>(record, 40));
      store<u32>(record, <u32>delta, 40);
      bit = writeValue(block, bit, record, bits ^ load<u64>(record, 24));
    }
    store<u32>(record, bit, 44);
    store<u64>(record, bits, 24);
    store<u8>(record, <u8>(count + 1), 52);
    store<f64>(record, tMs);
    store<f64>(record, commit, 32);
    if (tMs > maxMs) maxMs = tMs;
    if (tMs < minMs) minMs = tMs;
    appended++;
  }
  store<f64>(state + stateMinMs, minMs);
  store<f64>(state + stateMaxMs, maxMs);
  store<u32>(state + stateAppended, load<u32>(state + stateAppended) + appended);
  return i;
}
