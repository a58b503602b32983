/** The detector in its thread: adapters, policy, telemetry and samples around it. */
import { startDetector } from '@idemtrace/detector';
import { formatMistakes, type PolicyChange } from '@idemtrace/detector/policy';
import type { Sample } from '@idemtrace/lineage';
import { startTelemetry } from '../telemetry/index.ts';
import { openCodec, openWindows } from './adapters.ts';
import { lagByPartition } from './lag.ts';
import type { PartSpec } from './part-protocol.ts';
import type { Logger } from './pipeline.ts';
import { openPolicy } from './policy.ts';
import { openLogOfPart, type Running, reporting, startSamples, Timings } from './running.ts';

type DetectorSpec = Extract<PartSpec, { kind: 'detector' }>;

/** What another thread appends is noticed this soon, ms. */
const POLL_MS = 10;

export async function runDetector(spec: DetectorSpec, logger: Logger): Promise<Running> {
  const { topics, group, windowMs, maxRecords, maxBytes, from } = spec;
  const telemetry = await startTelemetry({ part: 'detector', env: process.env, logger });
  const measures = telemetry?.detector();
  const [batches, commits] = [new Timings(), new Timings()];
  const codec = await openCodec(spec.registry);
  const log = await openLogOfPart(spec, codec, { pollIntervalMs: POLL_MS, report: reporting(logger) });
  const policy = openPolicy(spec.policy, (change) => {
    measures?.policyChanged(change);
    tellPolicyChange(change, spec.policy ?? '', logger);
  });
  const windows = await openWindows(spec.windows, windowMs, (message) => logger.warn({}, message));
  const detector = await startDetector({
    log,
    codec,
    windows: windows.store,
    policy: () => policy.current(),
    topics,
    group,
    windowMs,
    maxRecords,
    maxBytes,
    report: (message) => logger.warn({}, message),
    observer: {
      ...measures?.observer,
      onBatch(report) {
        batches.add(report.batchMs);
        commits.add(report.commitMs);
        measures?.observer.onBatch?.(report);
      },
    },
    ...(from !== undefined && { from }),
  });
  const lag = () => lagByPartition(log, topics.events, group);
  const { current } = policy;
  measures?.read({ status: () => detector.status(), lag, windowBytes: windows.bytes, policyVersion: () => current().policy.version });

  const samples = startSamples(spec.samples, 'detector', async (): Promise<readonly Sample[]> => {
    const { counters } = detector.status();
    const [batch, commit] = [batches.take(), commits.take()];
    const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0);
    return [
      { metric: 'events_judged', value: counters.events },
      { metric: 'redeliveries', value: counters.redeliveries },
      { metric: 'alerts_published', value: Object.values(counters.alerts).reduce((total, bySeverity) => total + sum(bySeverity), 0) },
      { metric: 'dead_letters', value: sum(counters.deadLetters) },
      ...(await lag()).map((value, partition) => ({ metric: 'lag' as const, value, partition })),
      { metric: 'batch_ms_p50', value: batch.p50 },
      { metric: 'batch_ms_p99', value: batch.p99 },
      { metric: 'commit_ms_p50', value: commit.p50 },
      { metric: 'commit_ms_p99', value: commit.p99 },
      { metric: 'take_overs', value: counters.takeOvers },
      { metric: 'rebuilds', value: counters.rebuilds },
      { metric: 'in_doubt', value: counters.inDoubt },
      { metric: 'missed', value: counters.missed },
      { metric: 'window_bytes', value: windows.bytes() ?? Number.NaN },
    ];
  });

  return {
    status: () => ({ ...detector.status(), heapBytes: heapBytes() }),
    drain: async () => {},
    done: detector.done,
    async close() {
      await detector.close();
      await samples?.close();
      await telemetry?.shutdown();
      await windows.store.close();
      await log.close();
    },
  };
}

/** After a collection, where the program was started with one at hand (--expose-gc). */
function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function tellPolicyChange(change: PolicyChange, policy: string, logger: Logger): void {
  switch (change.kind) {
    case 'reloaded': {
      const message = change.sameVersion ? 'policy reloaded, under the version it had before: count on' : 'policy reloaded';
      logger.info({ policy, version: change.policy.version }, message);
      return;
    }
    case 'broken':
      logger.error(
        { policy, mistakes: formatMistakes(policy, change.text, change.mistakes) },
        'the new policy has mistakes: the one before stays',
      );
      return;
    case 'unreadable':
      logger.error({ policy, reason: change.message }, 'the policy cannot be read: the one before stays');
  }
}
