import { randomFillSync } from 'node:crypto';

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Random bytes are drawn for many ids at once: a call for ten bytes costs as much as one for four thousand. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** A UUID of version 7 (RFC 9562): milliseconds since the epoch, then 74 random bits. */
export function uuidv7(now: number): string {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const time = Math.floor(now).toString(16).padStart(12, '0').slice(-12);
  const byte = (index: number): number => pool[used + index] as number;
  const hex = (value: number): string => HEX[value] as string;
  const id =
    `${time.slice(0, 8)}-${time.slice(8)}-${hex(0x70 | (byte(0) & 0x0f))}${hex(byte(1))}-${hex(0x80 | (byte(2) & 0x3f))}${hex(byte(3))}-` +
    `${hex(byte(4))}${hex(byte(5))}${hex(byte(6))}${hex(byte(7))}${hex(byte(8))}${hex(byte(9))}`;
  used += 10;
  return id;
}
