import { type Context, context } from './context.ts';
import type { Emitter } from './emitter.ts';
import { IdemtraceError } from './errors.ts';
import { isId } from './event-id.ts';

/**
 * A function that does what `fn` does: within a run by way of `inRun`, which gets the call ready to be made; outside any run as it is, with one
 * warning. Its name and number of parameters stay, since frameworks read them. Throws IdemtraceError `invalid_name`.
 */
export function wrap<A extends unknown[], O>(
  emitter: Emitter,
  name: string,
  fn: (...args: A) => O,
  inRun: (around: Context, call: () => O, args: A) => O,
): (...args: A) => O {
  if (!isId(name)) throw new IdemtraceError('invalid_name', 'a name has 1 to 512 characters, none a control character');
  const wrapped = function (this: unknown, ...args: A): O {
    const call = (): O => Reflect.apply(fn, this, args);
    const around = context.getStore();
    if (around !== undefined) return inRun(around, call, args);
    emitter.outsideRun(name);
    return call();
  };
  return Object.defineProperties(wrapped, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true },
  });
}
