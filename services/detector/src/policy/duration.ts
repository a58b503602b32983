import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longest duration: ten years. */
const MAX_MS = 315_360_000_000;

/** A duration as people write it (`500ms`, `10s`, `5m`, `24h`, `7d`) or a whole number of milliseconds; undefined where it is none. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 && value <= MAX_MS ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const [, count, unit] = /^(\d{1,12}(?:\.\d{1,3})?) ?(ms|s|m|h|d)?$/.exec(value) ?? [];
  if (count === undefined) return undefined;
  const ms = Math.round(Number(count) * (UNITS[unit ?? 'ms'] ?? 1));
  return ms <= MAX_MS ? ms : undefined;
}

/** A duration in the largest unit that holds it whole. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNITS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** A duration in a document, as milliseconds. */
export function durationSchema(options: { atLeastMs?: number } = {}) {
  return z.unknown().transform((value, context): number => {
    const ms = parseDuration(value);
    if (ms === undefined) {
      context.addIssue({
        code: 'custom',
        message: 'this is no duration',
        params: { hint: 'write 500ms, 10s, 5m, 24h or a whole number of milliseconds' },
      });
      return z.NEVER;
    }
    const least = options.atLeastMs ?? 1;
    if (ms < least) context.addIssue({ code: 'custom', message: `must be at least ${formatDuration(least)}` });
    return ms;
  });
}
