/**
 * The snappy block format, reading (google/snappy format_description.txt): a length, then literals and copies from what was written
 * before. Trusts nothing: every length is checked against what remains and against the limit that the caller states.
 */
export class SnappyError extends Error {
  override readonly name = 'SnappyError';
}

export function decodeSnappy(input: Uint8Array, limitBytes: number): Uint8Array {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input[at++];
    if (byte === undefined || shift > 28) throw new SnappyError('the length at the start is damaged');
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (length > limitBytes) throw new SnappyError(`${length} bytes uncompressed are more than the limit of ${limitBytes}`);
  // An honest block cannot grow by more than a factor of 64: a copy of 64 bytes takes at least two.
  if (length > input.length * 64) throw new SnappyError(`${input.length} bytes cannot hold ${length}`);
  const output = new Uint8Array(length);
  let written = 0;
  while (at < input.length) {
    const tag = input[at++] as number;
    const kind = tag & 3;
    if (kind === 0) {
      let size = tag >> 2;
      if (size >= 60) {
        const bytes = size - 59;
        if (at + bytes > input.length) throw new SnappyError(`a literal is cut off at ${at}`);
        size = 0;
        for (let i = 0; i < bytes; i++) size += (input[at + i] as number) * 2 ** (8 * i);
        at += bytes;
      }
      size++;
      if (size > input.length - at || size > length - written) throw new SnappyError(`a literal of ${size} bytes at ${at} is too long`);
      output.set(input.subarray(at, at + size), written);
      at += size;
      written += size;
      continue;
    }
    const extra = kind === 1 ? 1 : kind === 2 ? 2 : 4;
    if (at + extra > input.length) throw new SnappyError(`a copy is cut off at ${at}`);
    let size: number;
    let offset: number;
    if (kind === 1) {
      size = 4 + ((tag >> 2) & 7);
      offset = ((tag & 0xe0) << 3) | (input[at] as number);
    } else {
      size = (tag >> 2) + 1;
      offset = 0;
      for (let i = 0; i < extra; i++) offset += (input[at + i] as number) * 2 ** (8 * i);
    }
    at += extra;
    if (offset === 0 || offset > written || size > length - written)
      throw new SnappyError(`a copy of ${size} from ${offset} back at ${at} is out of bounds`);
    // Byte by byte when the copy overlaps itself: that is how snappy writes runs.
    if (offset >= size) output.copyWithin(written, written - offset, written - offset + size);
    else for (let i = 0; i < size; i++) output[written + i] = output[written + i - offset] as number;
    written += size;
  }
  if (written !== length) throw new SnappyError(`${written} bytes came, ${length} were announced`);
  return output;
}
