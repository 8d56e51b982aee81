// The kernels of this room: what a module exports here is in `kernel.wasm`. Memory is laid out by `src/evaluate/arena.ts`.

export { change } from './change';
export { foldCount, foldExtreme, foldMean, foldSum } from './fold';
export { averageOverTime, extremeOverTime, pick, quantileOverTime, sumOverTime } from './over-time';
