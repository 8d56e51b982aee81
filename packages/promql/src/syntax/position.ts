/** Where in the text something is, as people and the original count: lines from 1, columns in bytes from 1. */

export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** `index` counts UTF-16 units; the column counts UTF-8 bytes since the last line feed. */
export function lineColumn(text: string, index: number): LineColumn {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) {
    line++;
    lineStart = at + 1;
  }
  return { line, column: byteLength(text.slice(lineStart, index)) + 1 };
}

/** How many UTF-8 bytes the text takes. */
export function byteLength(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}
