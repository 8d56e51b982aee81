/** Columns as Go's tabwriter sets them: two blanks between, every cell padded, the last one too. */
import { readTime } from '@pronoia/alertmanager';
import { formatTime } from '@pronoia/model';

export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => lengthOf(row[i] ?? ''))));
  return rows.map((row) => row.map((cell, i) => cell + ' '.repeat((widths[i] as number) - lengthOf(cell) + 2)).join('')).join('\n');
}

/** In code points, as Go counts. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}

export function timeText(written: string, layout: string): string {
  const moment = readTime(written);
  return moment === undefined ? written : formatTime(moment, layout);
}
