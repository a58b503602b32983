/** The embedded pipeline: log, detector and, where its engine is installed, lineage, in one process. */
import { type Detector, MemoryWindows, startDetector } from '@idemtrace/detector';
import type { PolicySource } from '@idemtrace/detector/policy';
import { createLineageSink, type LineageSink, type SinkLogger } from '@idemtrace/lineage';
import { EmbeddedEngineError } from '@idemtrace/lineage/embedded';
import type { EmittedEvent } from '@idemtrace/sdk';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { recordsOf } from './append.ts';
import { type LineageStore, openLineage } from './lineage.ts';
import { openStore, type Store } from './store.ts';

export interface Logger extends SinkLogger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface PipelineOptions {
  readonly config: Config;
  readonly policy: PolicySource;
  readonly logger: Logger;
  readonly throwAway?: boolean;
}

/** Lineage runs, or why it does not. */
export type Lineage =
  | { readonly on: true; readonly store: LineageStore; readonly sink: LineageSink }
  | { readonly on: false; readonly why: string };

export interface Pipeline {
  readonly store: Store;
  readonly detector: Detector;
  readonly lineage: Lineage;
  append(events: readonly EmittedEvent[]): Promise<void>;
  /** Events in the log that are not judged yet. */
  lag(): Promise<number>;
  /** Resolves once all that was in the log at the call is judged and, where lineage runs, stored. Rejects with what stopped the detector. */
  drained(onProgress?: (lag: number) => void): Promise<void>;
  close(): Promise<void>;
  /** Rejects with the fault that stopped a part of it. */
  readonly failed: Promise<never>;
}

const POLL_MS = 10;

export async function openPipeline({ config, policy, logger, throwAway = false }: PipelineOptions): Promise<Pipeline> {
  const store = await openStore(config, { throwAway });
  const lineage = await startLineage(config, store, logger);
  const { log, codec } = store;
  const { topics, groups, window, batch } = config;
  const detector = await startDetector({
    log,
    codec,
    windows: new MemoryWindows({ windowMs: window.length }),
    policy: () => policy.current(),
    topics,
    group: groups.detector,
    windowMs: window.length,
    maxRecords: batch.maxRecords,
    report: (message) => logger.warn({}, message),
  });
  const failed = detector.done.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});

  const lag = async () => {
    const [bounds, committed] = await Promise.all([log.bounds(topics.events), log.committed(topics.events, groups.detector)]);
    return bounds.reduce((sum, { high }, partition) => sum + high - (committed[partition] ?? 0), 0);
  };
  const judged = async (onProgress?: (lag: number) => void) => {
    for (let left = await lag(); left > 0; left = await lag()) {
      onProgress?.(left);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };

  return {
    store,
    detector,
    lineage,
    failed,
    lag,
    async append(events) {
      if (events.length > 0) await log.append(topics.events, recordsOf(events, codec));
    },
    async drained(onProgress) {
      await Promise.race([judged(onProgress), failed]);
      if (lineage.on) await lineage.sink.drain();
    },
    async close() {
      await detector.close();
      if (lineage.on) {
        await lineage.sink.close();
        await lineage.store.close();
      }
      await store.close();
    },
  };
}

async function startLineage(config: Config, { log, codec }: Store, logger: Logger): Promise<Lineage> {
  if (config.lineage.mode === 'off') return { on: false, why: 'lineage is off (lineage.mode)' };
  try {
    const store = await openLineage(config, {
      onExit: (exit) => logger.warn({ ...exit }, 'the lineage engine ended and is started again'),
    });
    const { events, alerts, deadLetters } = config.topics;
    const topics = { events, alerts, deadLetters };
    const sink = createLineageSink({ log, codec, client: store.client, topics, group: config.groups.lineage, logger });
    return { on: true, store, sink };
  } catch (error) {
    if (!(error instanceof EmbeddedEngineError)) throw error;
    if (error.code === 'engine_unavailable' && config.lineage.mode === 'auto') return { on: false, why: error.message };
    await log.close();
    throw new CommandError(error.code === 'engine_in_use' ? 'data_in_use' : 'engine_unavailable', error.message, { cause: error });
  }
}
