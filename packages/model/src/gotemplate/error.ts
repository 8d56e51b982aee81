/** Faults of a template, worded as Go words them, so that what users find on the web about them stays true. */

/** The text is no template: `template: NAME:LINE: what`. */
export class TemplateParseError extends Error {
  override readonly name = 'TemplateParseError';
}

/** Running failed: `template: NAME:LINE:COLUMN: executing "NAME" at <node>: what`. Output up to there is dropped. */
export class TemplateExecError extends Error {
  override readonly name = 'TemplateExecError';
}

/** Line (from 1) and byte column (from 0) of a UTF-16 offset. */
export function placeOf(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let i = 0; i < lineStart; i++) if (before.charCodeAt(i) === 10) line++;
  return { line, column: Buffer.byteLength(before.slice(lineStart)) };
}
