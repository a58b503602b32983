import { FACT_VERSION } from './domain/fact.ts';

/** Names what a window is a window of: facts under another id are of no use, and force a rebuild. */
export function windowIdOf(window: { logId: string; topic: string; partitions: number; windowMs: number }): string {
  return [window.logId, window.topic, window.partitions, window.windowMs, FACT_VERSION].join('/');
}
