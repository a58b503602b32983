import type { DeclaredEffectClass } from '@idemtrace/schemas/policy';
import { context } from './context.ts';
import { type CallOptions, checkOptions } from './describe.ts';
import type { Emitter } from './emitter.ts';
import { Execution } from './execution.ts';
import type { Outcome, Settled } from './outcome.ts';
import { watch } from './watch.ts';
import { wrap } from './wrap.ts';

export interface ToolOptions<I, O> extends CallOptions<I> {
  /** What an end of the tool means. Where it answers nothing, or throws, the outcome is classified as without it. */
  readonly outcome?: ((settled: Settled<Awaited<O>>) => Outcome | undefined) | undefined;
}

const WRITES: ReadonlySet<DeclaredEffectClass> = new Set(['write', 'idempotent_write']);

/**
 * The tool, observed: same `this`, arguments, answer and throws; a synchronous tool stays one. Throws IdemtraceError `invalid_name` or
 * `invalid_option`.
 */
export function observeTool<I, R extends unknown[], O>(
  emitter: Emitter,
  name: string,
  fn: (input: I, ...rest: R) => O,
  options: ToolOptions<I, O>,
): (input: I, ...rest: R) => O {
  checkOptions(name, options);
  const classify = options.outcome as ((settled: Settled) => Outcome | undefined) | undefined;
  return wrap(emitter, name, fn, ({ run }, call, args) => {
    const execution = Execution.start(run, name, args, options);
    const writes = execution.call !== undefined && WRITES.has(execution.call.event.effectClass);
    const within = <P>(part: () => P): P => context.run({ run, call: execution.call }, part);
    const error = (thrown: unknown): void => execution.settle({ error: thrown }, { classify });
    const execute = (): O => {
      let answer: O;
      try {
        answer = within(call);
      } catch (thrown) {
        error(thrown);
        throw thrown;
      }
      return watch(answer, {
        result: (result) => execution.settle({ result }, { classify }),
        error,
        abandoned: (result) => execution.settle({ result }, { classify, otherwise: writes ? 'unknown' : 'succeeded' }),
        within,
      });
    };
    if (!writes || !run.emitter.acknowledgesWrites) return execute();
    if (isAsyncFunction(fn)) {
      return run.emitter.acknowledge().then(() => {
        execution.restartClock();
        return execute();
      }) as O;
    }
    run.emitter.unacknowledged(`${name} is no async function`);
    return execute();
  });
}

/** Whether the function answers with a promise of its own making, whatever happens in it. */
function isAsyncFunction(fn: unknown): boolean {
  return Object.prototype.toString.call(fn) === '[object AsyncFunction]';
}
