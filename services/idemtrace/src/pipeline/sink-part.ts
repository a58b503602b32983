/** The lineage sink in its thread: adapters, telemetry and samples around it. */
import { connectLineage, createLineageSink, operatorSequenceGaps } from '@idemtrace/lineage';
import { startTelemetry } from '../telemetry/index.ts';
import { openCodec } from './adapters.ts';
import type { PartSpec } from './part-protocol.ts';
import type { Logger } from './pipeline.ts';
import { openLogOfPart, type Running, reporting, startSamples } from './running.ts';

type SinkSpec = Extract<PartSpec, { kind: 'lineage sink' }>;

const POLL_MS = 10;
/** Gaps are looked for among what came of late, ms. */
const RECENT_MS = 10 * 60_000;
const MOST_GAPS = 10_000;

export async function runSink(spec: SinkSpec, logger: Logger): Promise<Running> {
  const { topics, group, address } = spec;
  const telemetry = await startTelemetry({ part: 'lineage-sink', env: process.env, logger });
  const measures = telemetry?.sink();
  const codec = await openCodec(spec.registry);
  const log = await openLogOfPart(spec, codec, { pollIntervalMs: POLL_MS, report: reporting(logger) });
  const client = connectLineage(address);
  const sink = createLineageSink({
    log,
    codec,
    client,
    topics,
    group,
    logger,
    ...(measures !== undefined && { onInsert: measures.onInsert }),
  });
  measures?.read({
    status: () => sink.status(),
    backlog: () => sink.backlog(),
    missingEvents: async () => {
      const gaps = await operatorSequenceGaps(client, { from: Date.now() - RECENT_MS, limit: MOST_GAPS });
      return gaps.reduce((sum, { missing }) => sum + missing, 0);
    },
  });
  const samples = startSamples(address, 'lineage-sink', async () => {
    const { inserted, refused } = sink.status();
    return [
      { metric: 'backlog', value: await sink.backlog() },
      { metric: 'rows_inserted', value: Object.values(inserted).reduce((sum, rows) => sum + rows, 0) },
      { metric: 'rows_refused', value: refused },
    ];
  });
  return {
    status: () => sink.status(),
    drain: () => sink.drain(),
    done: new Promise(() => {}),
    async close() {
      await sink.close();
      await samples?.close();
      await telemetry?.shutdown();
      await client.close();
      await log.close();
    },
  };
}
