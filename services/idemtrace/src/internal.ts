/** For the project's own tests and benchmarks. No promise of stability. */
export { type Config, resolveConfig } from './config/index.ts';
export { logTransport, recordsOf } from './pipeline/append.ts';
export { type LineageStore, openLineage, queryLineage } from './pipeline/lineage.ts';
export { type Logger, openPipeline, type Pipeline } from './pipeline/pipeline.ts';
export { openStore, type Store } from './pipeline/store.ts';
