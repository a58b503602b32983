/** For the project's own simulation. No promise of stability. */
export type { Insert, InsertCall } from './sink/insert.ts';
export { type SinkOptions, startSink } from './sink/sink.ts';
