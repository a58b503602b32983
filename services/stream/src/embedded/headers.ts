/** Headers as the log's file holds them: per header its name and value, each behind its length in bytes (32 bits, little-endian). */

/** Null where there are none. */
export function encodeHeaders(headers: Readonly<Record<string, Buffer>> | undefined): Buffer | null {
  const entries = Object.entries(headers ?? {});
  if (entries.length === 0) return null;
  return Buffer.concat(entries.flatMap(([name, value]) => [...withLength(Buffer.from(name)), ...withLength(value)]));
}

export function decodeHeaders(bytes: Buffer | null): Readonly<Record<string, Buffer>> {
  if (bytes === null) return {};
  const entries: [string, Buffer][] = [];
  for (let at = 0; at < bytes.length; ) {
    const name = bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at));
    at += 4 + name.length;
    const value = bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at));
    at += 4 + value.length;
    entries.push([name.toString(), value]);
  }
  return Object.fromEntries(entries);
}

function withLength(bytes: Buffer): readonly Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return [length, bytes];
}
