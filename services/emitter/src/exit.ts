/** Buffers that hold events: a script that ends by itself must not lose those of its last moments. */
const holding = new Set<{ flush(timeoutMs: number): Promise<unknown> }>();

const LONGEST_WAIT_MS = 2000;

/** Timers do not keep the process alive; sending does, once this has begun it. */
async function flushAll(): Promise<void> {
  // Of the timers here one must hold the process, or it ends in the pause between two attempts.
  const held = setTimeout(() => {}, LONGEST_WAIT_MS);
  const buffers = [...holding];
  await Promise.all(buffers.map((buffer) => buffer.flush(LONGEST_WAIT_MS)));
  // Given up: asking again would keep the process for ever.
  for (const buffer of buffers) sentAll(buffer);
  clearTimeout(held);
}

const onBeforeExit = (): void => void flushAll();

export function keepUntilSent(buffer: { flush(timeoutMs: number): Promise<unknown> }): void {
  if (holding.size === 0) process.on('beforeExit', onBeforeExit);
  holding.add(buffer);
}

export function sentAll(buffer: { flush(timeoutMs: number): Promise<unknown> }): void {
  holding.delete(buffer);
  if (holding.size === 0) process.off('beforeExit', onBeforeExit);
}
