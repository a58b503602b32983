export { LogError, type LogErrorCode } from './errors.ts';
export { murmur2, partitionOf } from './partitioner.ts';
export type * from './port.ts';
