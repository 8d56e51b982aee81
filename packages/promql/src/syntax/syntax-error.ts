import type { Span } from './ast.ts';

/** Thrown inside the parser, caught at its door: the first fault ends the work, as only the first is shown. */
export class SyntaxFault extends Error {
  readonly span: Span;

  constructor(message: string, span: Span) {
    super(message);
    this.span = span;
  }
}
