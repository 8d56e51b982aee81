/**
 * Before every test file: property tests draw from one seed, so that a run can be repeated and a change is judged by the same cases as
 * the tree before it. `PRONOIA_SEED=7 npm test` draws others; `npm run fuzz` draws for as long as there is time.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['PRONOIA_SEED'] ?? 1) });
