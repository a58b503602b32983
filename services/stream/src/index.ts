export { LogError, type LogErrorCode } from './errors.ts';
export { type Mask, maskedLog } from './masking.ts';
export { murmur2, partitionOf } from './partitioner.ts';
export type * from './port.ts';
