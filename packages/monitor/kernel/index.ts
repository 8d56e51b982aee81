// AssemblyScript: the kernels of the monitor, compiled by `npm run kernels`.
export { snappyUncompress } from '../../tsdb/kernel/snappy';
export * from './number-text';
export { learn, readSeries, rebuild } from './remote-write';
