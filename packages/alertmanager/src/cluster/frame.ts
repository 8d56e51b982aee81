/**
 * What goes between members of a cluster over TCP: `length u32 | crc32 u32 | JSON`, little-endian. Ours alone: the original's members
 * speak memberlist, and the two do not mix.
 */
import { crc32 } from 'node:zlib';

const headerBytes = 8;
/** State travels in slices far below; more than this is no frame of ours. */
const maxFrameBytes = 64 * 1024 * 1024;

export function encodeFrame(json: string): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + Buffer.byteLength(json));
  frame.write(json, headerBytes);
  frame.writeUInt32LE(frame.length - headerBytes, 0);
  frame.writeUInt32LE(crc32(frame.subarray(headerBytes)), 4);
  return frame;
}

/** Takes any cut of the stream. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  #needed = headerBytes;

  /** The messages that are now whole. Throws when the stream is not one of ours: nothing after that can be trusted. */
  push(chunk: Buffer): unknown[] {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const messages: unknown[] = [];
    while (this.#bytes >= this.#needed) {
      const all = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
      this.#parts = [all];
      const length = all.readUInt32LE(0);
      if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes: the other end does not speak our protocol`);
      this.#needed = headerBytes + length;
      if (all.length < this.#needed) break;
      const payload = all.subarray(headerBytes, this.#needed);
      if (crc32(payload) !== all.readUInt32LE(4)) throw new Error(`the checksum of a frame of ${length} bytes does not fit`);
      messages.push(JSON.parse(payload.toString()));
      this.#parts = [all.subarray(this.#needed)];
      this.#bytes -= this.#needed;
      this.#needed = headerBytes;
    }
    return messages;
  }
}
