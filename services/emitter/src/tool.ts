import type { DeclaredEffectClass } from '@idemtrace/schemas/policy';
import { type Context, context } from './context.ts';
import type { CallOptions } from './describe.ts';
import type { Emitter } from './emitter.ts';
import { IdemtraceError } from './errors.ts';
import { isId } from './event-id.ts';
import { Execution } from './execution.ts';
import type { Outcome, Settled } from './outcome.ts';
import { type Watcher, watch } from './watch.ts';

export interface ToolOptions<I, O> extends CallOptions<I> {
  /** What an end of the tool means. Where it answers nothing, or throws, the outcome is classified as without it. */
  readonly outcome?: ((settled: Settled<Awaited<O>>) => Outcome | undefined) | undefined;
}

const WRITES: ReadonlySet<DeclaredEffectClass> = new Set(['write', 'idempotent_write']);

/** The tool, observed: same `this`, arguments, answer and throws; a synchronous tool stays one. */
export function observeTool<I, R extends unknown[], O>(
  emitter: Emitter,
  name: string,
  fn: (input: I, ...rest: R) => O,
  options: ToolOptions<I, O>,
): (input: I, ...rest: R) => O {
  checkName(name);
  checkOptions(name, options);
  const classify = options.outcome as ((settled: Settled) => Outcome | undefined) | undefined;
  const observed = function (this: unknown, ...args: [I, ...R]): O {
    const around = context.getStore();
    if (around === undefined) {
      emitter.outsideRun(name);
      return Reflect.apply(fn, this, args);
    }
    const { run } = around;
    const execution = Execution.start(run, name, args, options);
    const inside: Context = { run, call: execution.call };
    const within: Watcher['within'] = (part) => context.run(inside, part);
    const watcher: Watcher = {
      result: (value) => execution.settle({ result: value }, { classify }),
      error: (error) => execution.settle({ error }, { classify }),
      abandoned: (value) => execution.settle({ result: value }, { classify, otherwise: isWrite(execution) ? 'unknown' : 'succeeded' }),
      within,
    };
    const execute = (): O => {
      let answer: O;
      try {
        answer = within(() => Reflect.apply(fn, this, args));
      } catch (error) {
        watcher.error(error);
        throw error;
      }
      return watch(answer, watcher);
    };
    if (!run.emitter.acknowledgesWrites || !isWrite(execution)) return execute();
    if (isAsyncFunction(fn)) {
      return run.emitter.acknowledge().then(() => {
        execution.restartClock();
        return execute();
      }) as O;
    }
    run.emitter.unacknowledged(`${name} is no async function`);
    return execute();
  };
  return likeOriginal(observed, fn);
}

export function checkName(name: string): void {
  if (!isId(name)) throw new IdemtraceError('invalid_name', 'a name has 1 to 512 characters, none a control character');
}

function checkOptions(name: string, { poll, deadlineMs }: Pick<CallOptions<never>, 'poll' | 'deadlineMs'>): void {
  const whole = (value: number | undefined, least: number): boolean =>
    value === undefined || (Number.isInteger(value) && value >= least && value <= 2 ** 31 - 1);
  if (whole(poll?.max, 1) && whole(poll?.minIntervalMs, 0) && whole(deadlineMs, 1)) return;
  throw new IdemtraceError('invalid_option', `poll and deadlineMs of ${name} are whole numbers from 1`);
}

function isWrite(execution: Execution): boolean {
  return execution.call !== undefined && WRITES.has(execution.call.effectClass);
}

/** Whether the function answers with a promise of its own making, whatever happens in it. */
function isAsyncFunction(fn: unknown): boolean {
  return Object.prototype.toString.call(fn) === '[object AsyncFunction]';
}

/** Frameworks read a function's name and number of parameters. */
export function likeOriginal<F>(observed: F, original: { readonly name: string; readonly length: number }): F {
  return Object.defineProperties(observed as F & object, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
  });
}
