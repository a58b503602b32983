/** The thread of one part of the pipeline: it judges, or it stores. */
import { parentPort, workerData } from 'node:worker_threads';
import { quietKnownWarnings } from '../output/warnings.ts';
import { runDetector } from './detector-part.ts';
import type { PartFault, PartMessage, PartRequest, PartSpec } from './part-protocol.ts';
import type { Running } from './running.ts';
import { runSink } from './sink-part.ts';

const port = parentPort;
if (port === null) throw new Error('This module runs in a thread of the pipeline.');
const say = (message: PartMessage) => port.postMessage(message);
const logger = {
  info: (fields: Readonly<Record<string, unknown>>, message: string) => say({ type: 'log', level: 'info', fields, message }),
  warn: (fields: Readonly<Record<string, unknown>>, message: string) => say({ type: 'log', level: 'warn', fields, message }),
  error: (fields: Readonly<Record<string, unknown>>, message: string) => say({ type: 'log', level: 'error', fields, message }),
};

function start(spec: PartSpec): Promise<Running> {
  switch (spec.kind) {
    case 'detector':
      return runDetector(spec, logger);
    case 'lineage sink':
      return runSink(spec, logger);
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
