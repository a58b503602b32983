import { randomUUID } from 'node:crypto';

/** A UUID of version 7 (RFC 9562): milliseconds since the epoch, then the 74 random bits that a UUID of version 4 has in their place. */
export function uuidv7(now: number): string {
  const time = Math.floor(now).toString(16).padStart(12, '0').slice(-12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
