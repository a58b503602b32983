import { context } from './context.ts';
import type { Emitter } from './emitter.ts';
import type { DocumentRef } from './event-builder.ts';
import { checkName, likeOriginal } from './tool.ts';
import { watch } from './watch.ts';

export interface RetrieverOptions<O> {
  /** Which documents an answer holds. */
  readonly documents: (result: Awaited<O>) => readonly DocumentRef[];
}

/** The retriever, observed: what it found is reported once it is there; one that throws found nothing, and reports nothing. */
export function observeRetriever<Q, R extends unknown[], O>(
  emitter: Emitter,
  dataSource: string,
  fn: (query: Q, ...rest: R) => O,
  options: RetrieverOptions<O>,
): (query: Q, ...rest: R) => O {
  checkName(dataSource);
  const observed = function (this: unknown, ...args: [Q, ...R]): O {
    const around = context.getStore();
    if (around === undefined) {
      emitter.outsideRun(dataSource);
      return Reflect.apply(fn, this, args);
    }
    const { elapsed } = emitter.environment;
    const startedAt = elapsed();
    const found = (result: unknown): void => {
      const durationMs = elapsed() - startedAt;
      const documents = emitter.guard('documents', () => [...options.documents(result as Awaited<O>)]);
      // Reported from the place where the retriever was called: its answer may be awaited anywhere.
      if (documents !== undefined) context.run(around, () => around.run.retrieved({ dataSource, query: args[0], documents, durationMs }));
    };
    return watch(Reflect.apply(fn, this, args), {
      result: once(found),
      error() {},
      abandoned() {},
      within: (part) => context.run(around, part),
    });
  };
  return likeOriginal(observed, fn);
}

function once<T>(call: (value: T) => void): (value: T) => void {
  let called = false;
  return (value) => {
    if (called) return;
    called = true;
    call(value);
  };
}
