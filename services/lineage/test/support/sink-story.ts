/** What several tests of the sink tell: calls, waiting, and a stand-in for a part that fails. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AnyRecord } from '@idemtrace/schemas';
import { toolCall, uuid } from './story.ts';

export const EXECUTIONS = 40;

/** Two phases of every execution, over several workflows. */
export function someCalls(executions = EXECUTIONS): readonly AnyRecord[] {
  return Array.from({ length: executions * 2 }, (_, index) => {
    const execution = index >> 1;
    const phase = index % 2 === 0 ? ('started' as const) : ('succeeded' as const);
    return {
      name: 'ToolCallEvent' as const,
      value: toolCall({ executionId: uuid(1, execution), workflowId: `w-${execution % 5}`, phase, sequence: index }),
    };
  });
}

export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10);
}

/** A member of an object, for a proxy that replaces others. */
export function bound<T extends object>(target: T, property: string | symbol): unknown {
  const value: unknown = Reflect.get(target, property, target);
  return typeof value === 'function' ? value.bind(target) : value;
}
