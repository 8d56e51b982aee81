/** What `npm run fuzz -- promql` plays for each seed: random queries, the fast evaluator against the literal one. */
import fc from 'fast-check';
import { fastEqualsLiteral } from './random-queries.ts';

export const unit = 'queries';

/** How many queries agreed; throws with the smallest one found that does not. */
export async function play(seed: number): Promise<number> {
  const details = await fc.check(fastEqualsLiteral(), { seed, numRuns: 100, includeErrorInReport: true });
  if (details.failed) throw new Error(await fc.asyncDefaultReportMessage(details));
  return details.numRuns;
}
