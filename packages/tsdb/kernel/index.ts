// The kernels of this room: what a module exports here is in `kernel.wasm`.

export { decodeSampleRecord, encodeSampleRecord } from './sample-record';
export { snappyCompress, snappyUncompress } from './snappy';
export { decodePieces } from './xor-decode';
