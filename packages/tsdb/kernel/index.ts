// The kernels of this room: what a module exports here is in `kernel.wasm`.

export { appendSamples } from './open-chunks';
export { decodeSampleRecord, encodeSampleRecord } from './sample-record';
export { snappyCompress, snappyUncompress } from './snappy';
export { decodePieces } from './xor-decode';
