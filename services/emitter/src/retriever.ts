import { context } from './context.ts';
import type { DocumentRef } from './descriptions.ts';
import type { Emitter } from './emitter.ts';
import { watch } from './watch.ts';
import { wrap } from './wrap.ts';

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
  return wrap(emitter, dataSource, fn, (around, call, [query]) => {
    const { elapsed } = emitter.environment;
    const startedAt = elapsed();
    // Reported from the place where the retriever was called: its answer may be awaited anywhere.
    const within = <P>(part: () => P): P => context.run(around, part);
    let told = false;
    const result = (found: unknown): void => {
      if (told) return;
      told = true;
      const durationMs = elapsed() - startedAt;
      const documents = emitter.guard('documents', () => [...options.documents(found as Awaited<O>)]);
      if (documents !== undefined) within(() => around.run.retrieved({ dataSource, query, documents, durationMs }));
    };
    return watch(call(), { result, error() {}, abandoned() {}, within });
  });
}
