/** Waits for what a test cannot hurry. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/** Waits until a condition holds; throws where it does not within a minute, or within so many ms. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, what: string, withinMs = 60_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}.`);
    await delay(POLL_MS);
  }
}
