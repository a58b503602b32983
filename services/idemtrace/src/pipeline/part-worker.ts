/** The thread of one part of the pipeline: it judges, or it stores. */
import { parentPort, workerData } from 'node:worker_threads';
import { startDetector } from '@idemtrace/detector';
import { formatMistakes, type PolicyChange } from '@idemtrace/detector/policy';
import { connectLineage, createLineageSink } from '@idemtrace/lineage';
import { quietKnownWarnings } from '../output/warnings.ts';
import { type LogReport, openCodec, openLog, openWindows } from './adapters.ts';
import type { PartFault, PartMessage, PartRequest, PartSpec } from './part-protocol.ts';
import { openPolicy } from './policy.ts';

/** What another thread appends is noticed this soon, ms. */
const POLL_MS = 10;

interface Running {
  status(): unknown;
  drain(): Promise<void>;
  close(): Promise<void>;
  readonly done: Promise<void>;
}

const port = parentPort;
if (port === null) throw new Error('This module runs in a thread of the pipeline.');
const say = (message: PartMessage) => port.postMessage(message);
const logger = {
  info: (fields: Readonly<Record<string, unknown>>, message: string) => say({ type: 'log', level: 'info', fields, message }),
  warn: (fields: Readonly<Record<string, unknown>>, message: string) => say({ type: 'log', level: 'warn', fields, message }),
  error: (fields: Readonly<Record<string, unknown>>, message: string) => say({ type: 'log', level: 'error', fields, message }),
};

async function start(spec: PartSpec): Promise<Running> {
  const report: LogReport = (level, message) => logger[level]({}, message);
  const log = await openLog(spec.log, { pollIntervalMs: POLL_MS, report });
  const codec = await openCodec(spec.registry);
  const { topics, group } = spec;
  switch (spec.kind) {
    case 'detector': {
      const { windowMs, maxRecords, maxBytes, from } = spec;
      const policy = openPolicy(spec.policy, (change) => tellPolicyChange(change, spec.policy ?? ''));
      const windows = await openWindows(spec.windows, windowMs);
      const detector = await startDetector({
        log,
        codec,
        windows,
        policy: () => policy.current(),
        topics,
        group,
        windowMs,
        maxRecords,
        maxBytes,
        report: (message) => logger.warn({}, message),
        ...(from !== undefined && { from }),
      });
      return {
        status: () => ({ ...detector.status(), heapBytes: heapBytes() }),
        drain: async () => {},
        done: detector.done,
        async close() {
          await detector.close();
          await windows.close();
          await log.close();
        },
      };
    }
    case 'lineage sink': {
      const client = connectLineage(spec.address);
      const sink = createLineageSink({ log, codec, client, topics, group, logger });
      return {
        status: () => sink.status(),
        drain: () => sink.drain(),
        done: new Promise(() => {}),
        async close() {
          await sink.close();
          await client.close();
          await log.close();
        },
      };
    }
  }
}

/** After a collection, where the program was started with one at hand (--expose-gc). */
function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function tellPolicyChange(change: PolicyChange, policy: string): void {
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

function faultOf(error: unknown): PartFault {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), code: undefined, stack: undefined };
  const { name, message, stack } = error;
  return { name, message, stack, code: 'code' in error && typeof error.code === 'string' ? error.code : undefined };
}

quietKnownWarnings();
try {
  const running = await start(workerData as PartSpec);
  running.done.catch((error: unknown) => say({ type: 'failed', error: faultOf(error) }));
  port.on('message', async ({ id, ask }: PartRequest) => {
    try {
      const value = await running[ask]();
      say({ type: 'answer', id, value });
      if (ask === 'close') port.close();
    } catch (error) {
      say({ type: 'refused', id, error: faultOf(error) });
    }
  });
  say({ type: 'ready' });
} catch (error) {
  say({ type: 'failed', error: faultOf(error) });
  port.close();
}
