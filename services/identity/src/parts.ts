/**
 * Parts as bytes that no other list of parts has: each is its length in UTF-8 bytes (32 bits, big-endian) and then its bytes. Without the
 * lengths ("ab", "c") and ("a", "bc") would be one.
 */
export function encodeParts(parts: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(spaceFor(parts));
  return bytes.subarray(0, writeParts(bytes, 0, parts));
}

/** Most bytes that the parts can take. */
export function spaceFor(parts: readonly string[]): number {
  let size = 0;
  for (const part of parts) size += 4 + part.length * 3;
  return size;
}

/** Writes the parts from `start`; answers where they end. */
export function writeParts(bytes: Buffer, start: number, parts: readonly string[]): number {
  let at = start;
  for (const part of parts) {
    const written = bytes.write(part, at + 4);
    bytes.writeUInt32BE(written, at);
    at += 4 + written;
  }
  return at;
}
