/** What the demonstration has seen with its own eyes, and what not. */
import pc from 'picocolors';
import { table } from './terminal.ts';

export interface Check {
  readonly what: string;
  readonly isSeen: boolean;
  /** What exactly was seen, or what was missing. */
  readonly detail: string;
}

export function checksTable(checks: readonly Check[]): string {
  return table(checks.map(({ what, isSeen, detail }) => [isSeen ? pc.green('✓') : pc.red('✗'), what, isSeen ? pc.dim(detail) : detail]));
}
