export { alertOf } from './alert.ts';
export type { DetectorCodec } from './batch.ts';
export { type DetectorCounters, newCounters } from './counters.ts';
export {
  type Detector,
  DetectorError,
  type DetectorOptions,
  type DetectorStatus,
  rebuildMs,
  type StartFrom,
  startDetector,
} from './detector.ts';
export { type JudgedRule, type ReservedRule, RULES } from './domain/judge.ts';
export { isCut, type JudgeAgainOptions, judgeAgain, type Stretch } from './judge-again.ts';
export type { BatchReport, DetectorObserver } from './observer.ts';
export { MemoryWindows, type MemoryWindowsOptions } from './windows/memory/memory-windows.ts';
export type { Marker, WindowBatch, WindowStore, WindowView } from './windows/port.ts';
