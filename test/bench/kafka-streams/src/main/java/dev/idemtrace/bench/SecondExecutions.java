package dev.idemtrace.bench;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.UUID;
import java.util.function.Supplier;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Counts executions of one effect with one input in one workflow, each at its `started` event, and forwards an alert at the second and every
 * later one. An execution whose id is known is a redelivery.
 */
final class SecondExecutions implements Processor<byte[], byte[], byte[], byte[]> {
  private static final int KEY_BYTES = 16;

  private final Supplier<EventReader> readers;
  private final long windowMs;
  private final int alertBytes;
  private final Runnable onRecord;
  private EventReader reader;
  private MessageDigest sha256;
  private ProcessorContext<byte[], byte[]> context;
  private ExecutionStore store;

  SecondExecutions(Supplier<EventReader> readers, long windowMs, int alertBytes, Runnable onRecord) {
    this.readers = readers;
    this.windowMs = windowMs;
    this.alertBytes = alertBytes;
    this.onRecord = onRecord;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    this.reader = readers.get();
    this.store = ExecutionStore.of(context.getStateStore(ExecutionStore.NAME));
    try {
      this.sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException(error);
    }
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    onRecord.run();
    ToolCall call = reader.started(record.value());
    if (call == null) return;
    long offset = context.recordMetadata().orElseThrow().offset();
    Bytes key = keyOf(call);
    UUID execution = UUID.fromString(call.executionId());
    byte[] stored = store.get(key, record.timestamp() - windowMs, record.timestamp());
    byte[] earlier = Executions.since(stored, record.timestamp() - windowMs);
    if (Executions.contains(earlier, execution)) return;
    store.put(key, stored, Executions.with(earlier, execution, record.timestamp(), offset), record.timestamp());
    if (earlier != null) context.forward(record.withKey(record.key()).withValue(alert(call, earlier)));
  }

  private Bytes keyOf(ToolCall call) {
    for (String part : new String[] {call.tenantId(), call.workflowId(), call.effectName(), call.inputHash()}) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      sha256.update((byte) (bytes.length >> 8));
      sha256.update((byte) bytes.length);
      sha256.update(bytes);
    }
    return Bytes.wrap(Arrays.copyOf(sha256.digest(), KEY_BYTES));
  }

  /** The call's five texts, each after its length; the earlier executions; then room up to the size of the detector's alerts. */
  private byte[] alert(ToolCall call, byte[] earlier) {
    ByteBuffer buffer = ByteBuffer.allocate(Math.max(alertBytes, 2048));
    for (String part :
        new String[] {call.tenantId(), call.workflowId(), call.effectName(), call.inputHash(), call.executionId()}) {
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      buffer.putShort((short) bytes.length).put(bytes);
    }
    buffer.put(earlier, 0, Math.min(earlier.length, 8 * Executions.ENTRY_BYTES));
    return Arrays.copyOf(buffer.array(), Math.max(alertBytes, buffer.position()));
  }
}
