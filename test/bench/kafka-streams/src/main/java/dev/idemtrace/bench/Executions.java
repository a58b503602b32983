package dev.idemtrace.bench;

import java.nio.ByteBuffer;
import java.util.UUID;

/** What is kept under a key: for each execution its id, log time and offset, 32 bytes, oldest first; the latest 64. */
final class Executions {
  static final int ENTRY_BYTES = 32;
  private static final int MOST = 64;

  private Executions() {}

  static int count(byte[] entries) {
    return entries == null ? 0 : entries.length / ENTRY_BYTES;
  }

  static long latestTime(byte[] entries) {
    return ByteBuffer.wrap(entries).getLong(entries.length - ENTRY_BYTES + 16);
  }

  static boolean contains(byte[] entries, UUID execution) {
    if (entries == null) return false;
    ByteBuffer buffer = ByteBuffer.wrap(entries);
    for (int at = 0; at < entries.length; at += ENTRY_BYTES) {
      if (buffer.getLong(at) == execution.getMostSignificantBits() && buffer.getLong(at + 8) == execution.getLeastSignificantBits()) {
        return true;
      }
    }
    return false;
  }

  /** Without those before `from`; null where none is left. */
  static byte[] since(byte[] entries, long from) {
    if (entries == null) return null;
    ByteBuffer buffer = ByteBuffer.wrap(entries);
    int at = 0;
    while (at < entries.length && buffer.getLong(at + 16) < from) at += ENTRY_BYTES;
    if (at == 0) return entries;
    return at == entries.length ? null : java.util.Arrays.copyOfRange(entries, at, entries.length);
  }

  static byte[] with(byte[] entries, UUID execution, long logTime, long offset) {
    int held = Math.min(count(entries), MOST - 1) * ENTRY_BYTES;
    ByteBuffer buffer = ByteBuffer.allocate(held + ENTRY_BYTES);
    if (held > 0) buffer.put(entries, entries.length - held, held);
    return buffer
        .putLong(execution.getMostSignificantBits())
        .putLong(execution.getLeastSignificantBits())
        .putLong(logTime)
        .putLong(offset)
        .array();
  }
}
