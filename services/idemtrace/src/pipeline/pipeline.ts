/** The pipeline in one process: log, detector and, where there is a place for it, lineage; the latter two in threads of their own. */
import type { StartFrom } from '@idemtrace/detector';
import { EmbeddedEngineError } from '@idemtrace/lineage/embedded';
import type { EmittedEvent } from '@idemtrace/sdk';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { recordsOf } from './append.ts';
import { lagOf } from './lag.ts';
import { type LineageStore, openLineage } from './lineage.ts';
import type { Part } from './part.ts';
import { startDetectorPart, startSinkPart } from './parts.ts';
import { openStore, type Store } from './store.ts';

export interface Logger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface PipelineOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Nothing of it need survive a power cut. */
  readonly throwAway?: boolean;
  /** Where the detector's group starts, if it never committed. */
  readonly from?: StartFrom;
}

/** Lineage runs, or why it does not. */
export type Lineage =
  | { readonly on: true; readonly store: LineageStore; readonly sink: Part<'lineage sink'> }
  | { readonly on: false; readonly why: string };

export interface Pipeline {
  readonly store: Store;
  readonly detector: Part<'detector'>;
  readonly lineage: Lineage;
  append(events: readonly EmittedEvent[]): Promise<void>;
  /** Events in the log that are not judged yet. */
  lag(): Promise<number>;
  /** Resolves once all that was in the log at the call is judged and, where lineage runs, stored. Rejects with what stopped a part. */
  drained(onProgress?: (lag: number) => void): Promise<void>;
  close(): Promise<void>;
  /** Rejects with the fault that stopped a part of it. */
  readonly failed: Promise<never>;
}

const POLL_MS = 10;

export async function openPipeline({ config, logger, throwAway = false, from }: PipelineOptions): Promise<Pipeline> {
  const { topics, groups } = config;
  const store = await openStore(config, { throwAway });
  const part = { config, logger, throwAway };
  const engine = await startEngine(config, store, logger);
  const [detector, lineage] = await Promise.all([
    startDetectorPart({ ...part, from, samples: engine.on ? engine.store.address : undefined }),
    startSink(engine, (address) => startSinkPart({ ...part, address })),
  ]);
  const failed = lineage.on ? Promise.race([detector.failed, lineage.sink.failed]) : detector.failed;
  failed.catch(() => {});
  const { log, codec } = store;

  const lag = () => lagOf(log, topics.events, groups.detector);
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
      await Promise.all([detector.close(), lineage.on && lineage.sink.close()]);
      if (lineage.on) await lineage.store.close();
      await store.close();
    },
  };
}

type Engine = { readonly on: true; readonly store: LineageStore } | { readonly on: false; readonly why: string };

async function startEngine(config: Config, { log }: Store, logger: Logger): Promise<Engine> {
  if (config.lineage.mode === 'off') return { on: false, why: 'lineage is off (lineage.mode)' };
  try {
    const store = await openLineage(config, {
      onExit: (exit) => logger.warn({ ...exit }, 'the lineage engine ended and is started again'),
    });
    return { on: true, store };
  } catch (error) {
    if (!(error instanceof EmbeddedEngineError)) throw error;
    if (error.code === 'engine_unavailable' && config.lineage.mode === 'auto') return { on: false, why: error.message };
    await log.close();
    throw new CommandError(error.code === 'engine_in_use' ? 'data_in_use' : 'engine_unavailable', error.message, { cause: error });
  }
}

async function startSink(engine: Engine, start: (address: LineageStore['address']) => Promise<Part<'lineage sink'>>): Promise<Lineage> {
  return engine.on ? { ...engine, sink: await start(engine.store.address) } : engine;
}
