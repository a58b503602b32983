export {
  type EmbeddedEngine,
  EmbeddedEngineError,
  type EmbeddedEngineOptions,
  type EngineExit,
  startEmbeddedEngine,
} from './engine.ts';
export type { EngineErrorCode } from './protocol.ts';
