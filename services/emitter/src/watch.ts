/**
 * Watching what a tool answers without changing it: when it settles, and with what. Answers that are not yet there are promises, thenables
 * (which may do their work only when they are awaited) and async iterables.
 */

export interface Watcher {
  /** The answer is there. */
  result(value: unknown): void;
  error(error: unknown): void;
  /** The stream `value` was left before its end. */
  abandoned(value: unknown): void;
  /** Runs a part of the tool that runs later, e.g. a generator's next stretch, in the tool's context. */
  within<T>(part: () => T): T;
}

/**
 * What is to be handed on in place of `answer`: a promise that settles alike, or `answer` itself.
 *
 * A plain promise is followed by another: a second branch on the same one would count as a handler and hide a rejection that nobody handles. Other
 * thenables and iterables stay the same object, since they have more to them than their protocol; their methods are covered on the object,
 * and a thenable is never asked by us: some do their work again each time. A ReadableStream counts as an answer: it is read in too many ways.
 */
export function watch<T>(answer: T, watcher: Watcher): T {
  try {
    if (answer instanceof Promise && answer.constructor === Promise) return followPromise(answer, watcher) as T;
    if (typeof answer === 'object' && answer !== null) {
      if (isMethod(answer, 'then')) return coverThen(answer, watcher);
      if (isMethod(answer, Symbol.asyncIterator) && !(answer instanceof ReadableStream)) return coverIterable(answer, watcher);
    }
  } catch {
    // A frozen or hostile object cannot be watched; that it was answered is all that is known.
  }
  watcher.result(answer);
  return answer;
}

function followPromise(promise: Promise<unknown>, watcher: Watcher): Promise<unknown> {
  return promise.then(
    (value) => watch(value, watcher),
    (error: unknown) => {
      watcher.error(error);
      throw error;
    },
  );
}

type Callback = ((value: unknown) => unknown) | null | undefined;

function coverThen<T extends object>(thenable: T, watcher: Watcher): T {
  const then = methodOf(thenable, 'then');
  cover(thenable, 'then', (onFulfilled: Callback, onRejected: Callback) =>
    then(
      (value: unknown) => {
        const handedOn = watch(value, watcher);
        return typeof onFulfilled === 'function' ? onFulfilled(handedOn) : handedOn;
      },
      (error: unknown) => {
        watcher.error(error);
        if (typeof onRejected === 'function') return onRejected(error);
        throw error;
      },
    ),
  );
  return thenable;
}

function coverIterable<T extends object>(iterable: T, watcher: Watcher): T {
  if (isMethod(iterable, 'next')) return coverIterator(iterable, iterable, watcher);
  const iterate = methodOf(iterable, Symbol.asyncIterator);
  cover(iterable, Symbol.asyncIterator, (...args: unknown[]) => {
    const iterator = watcher.within(() => iterate(...args)) as object;
    try {
      return coverIterator(iterator, iterable, watcher);
    } catch {
      return iterator;
    }
  });
  return iterable;
}

function coverIterator<T extends object>(iterator: T, answer: object, watcher: Watcher): T {
  const ends = { next: watcher.result, return: watcher.abandoned, throw: watcher.abandoned };
  for (const [name, ended] of Object.entries(ends)) {
    if (!isMethod(iterator, name)) continue;
    const method = methodOf(iterator, name);
    cover(iterator, name, async (...args: unknown[]) => {
      try {
        const progress = await watcher.within(() => method(...args));
        if ((progress as IteratorResult<unknown> | undefined)?.done === true) ended(answer);
        return progress;
      } catch (error) {
        watcher.error(error);
        throw error;
      }
    });
  }
  return iterator;
}

function isMethod(object: object, name: PropertyKey): boolean {
  return typeof (object as Record<PropertyKey, unknown>)[name] === 'function';
}

function methodOf(object: object, name: PropertyKey): (...args: unknown[]) => unknown {
  const method = (object as Record<PropertyKey, unknown>)[name] as (...args: unknown[]) => unknown;
  return (...args) => Reflect.apply(method, object, args);
}

/** Hidden from enumeration unless it was there, so that copies and prints of the object stay as they were. Throws where the object is sealed. */
function cover(object: object, name: PropertyKey, method: (...args: never[]) => unknown): void {
  const enumerable = Object.getOwnPropertyDescriptor(object, name)?.enumerable ?? false;
  Object.defineProperty(object, name, { value: method, enumerable, configurable: true, writable: true });
}
