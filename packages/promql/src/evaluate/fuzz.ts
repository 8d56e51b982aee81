/** What `npm run fuzz -- promql` plays for each seed: random queries, the columnar evaluator against the reference. */
import fc from 'fast-check';
import { evaluatorsAgree } from './random-queries.ts';

export const unit = 'queries';

/** How many queries agreed; throws with the smallest one found that does not. */
export async function play(seed: number): Promise<number> {
  const details = await fc.check(evaluatorsAgree(), { seed, numRuns: 100, includeErrorInReport: true });
  if (details.failed) throw new Error(await fc.asyncDefaultReportMessage(details));
  return details.numRuns;
}
