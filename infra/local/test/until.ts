import { setTimeout as delay } from 'node:timers/promises';

const LIMIT_MS = 60_000;

/** Waits until the condition holds, however slow the machine is. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it did not come to be that ${what}`);
    await delay(50);
  }
}
