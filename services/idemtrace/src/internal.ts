/** For the project's own tests and benchmarks. No promise of stability. */
export { operatorCounts } from '@idemtrace/lineage';
export { simulate } from './company/simulate.ts';
export { COMPANY_POLICY, writeCompany } from './company/write.ts';
export { type Config, resolveConfig } from './config/index.ts';
export { dryRun } from './judge/dry-run.ts';
export { logTransport, recordsOf } from './pipeline/append.ts';
export { type LineageStore, openLineage, queryLineage } from './pipeline/lineage.ts';
export { YOUNG_GENERATION_MB } from './pipeline/part.ts';
export { type Logger, openPipeline, type Pipeline } from './pipeline/pipeline.ts';
export { openStore, type Store } from './pipeline/store.ts';
export { planRecording } from './recording/plan.ts';
export { readRecording, surveyRecording } from './recording/read.ts';
export { RecordedEvents } from './replay/recorded-events.ts';
