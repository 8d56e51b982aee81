// AssemblyScript: the kernels of the monitor, compiled by `npm run kernels`.
export * from './number-text';
