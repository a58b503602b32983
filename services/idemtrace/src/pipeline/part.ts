/**
 * A part of the pipeline in a thread of its own: the log and the engine are shared through files and sockets, so parts need each other for
 * nothing, and two cores judge and store at once.
 */
import { totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PartFault, PartMessage, PartRequest, PartSpec, PartStatus } from './part-protocol.ts';
import type { Logger } from './pipeline.ts';

export interface Part<K extends PartSpec['kind']> {
  status(): Promise<PartStatus[K]>;
  /** Resolves once the part has caught up with what was in the log at the call. */
  drain(): Promise<void>;
  /** Finishes what is under way and ends the thread. */
  close(): Promise<void>;
  /** Rejects with the fault that stopped the part. */
  readonly failed: Promise<never>;
}

/** A fault of a part, as its thread met it. */
export class PartError extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  constructor(fault: PartFault) {
    super(fault.message);
    this.name = fault.name;
    this.code = fault.code;
    if (fault.stack !== undefined) this.stack = fault.stack;
  }
}

/** Of the machine's memory, what a part may use at most: windows are held in it, and Node's own bound is for less. */
const MEMORY_SHARE = 0.6;
/** Twice Node's own: what a batch needs dies before it is copied. 5 to 10 % less CPU time for 100 MiB a part (`pnpm bench:embedded`); more gains nothing. */
export const YOUNG_GENERATION_MB = 96;

export async function startPart<S extends PartSpec>(spec: S, logger: Logger): Promise<Part<S['kind']>> {
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './part-worker.ts' : './part-worker.js', import.meta.url), {
    workerData: spec,
    resourceLimits: {
      maxOldGenerationSizeMb: Math.floor((totalmem() * MEMORY_SHARE) / 1_048_576),
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
    },
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  const ready = Promise.withResolvers<void>();
  const failure = Promise.withResolvers<never>();
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  failure.promise.catch(() => {});
  let closing: Promise<void> | undefined;
  let ids = 0;

  const fail = (error: unknown) => {
    ready.reject(error);
    failure.reject(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('error', fail);
  worker.once('exit', () => fail(new Error(`The ${spec.kind} ended.`)));
  worker.on('message', (message: PartMessage) => {
    switch (message.type) {
      case 'ready':
        return ready.resolve();
      case 'answer':
        waiting.get(message.id)?.resolve(message.value);
        waiting.delete(message.id);
        return;
      case 'refused':
        waiting.get(message.id)?.reject(new PartError(message.error));
        waiting.delete(message.id);
        return;
      case 'failed':
        return fail(new PartError(message.error));
      case 'log':
        return logger[message.level](message.fields, message.message);
    }
  });

  const ask = (request: PartRequest['ask']): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ids++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, ask: request } satisfies PartRequest);
    });

  await ready.promise;
  return {
    status: () => Promise.race([ask('status'), failure.promise]) as Promise<PartStatus[S['kind']]>,
    async drain() {
      await Promise.race([ask('drain'), failure.promise]);
    },
    close() {
      // A part that has failed has nothing to finish; its thread may be gone.
      closing ??= Promise.race([ask('close'), failure.promise]).then(
        () => exited,
        async () => {
          await worker.terminate();
        },
      );
      return closing;
    },
    failed: failure.promise,
  };
}
