package dev.idemtrace.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Reads the events topic: the wire format's schema id, then the Avro body through a reader schema of the needed fields alone, so that the
 * others are skipped. Records of another schema (runs, retrievals) are told by their id and not decoded. One for each thread.
 */
final class EventReader {
  private static final int HEADER_BYTES = 5;
  private static final String NEEDED =
      """
      {"type": "record", "name": "ToolCallEvent", "namespace": "dev.idemtrace", "fields": [
        {"name": "tenantId", "type": "string"},
        {"name": "workflowId", "type": "string"},
        {"name": "executionId", "type": "string"},
        {"name": "phase", "type": {"type": "enum", "name": "ToolPhase", "symbols": [
          "unspecified", "started", "succeeded", "failed", "unknown", "replayed", "compensated"]}},
        {"name": "effectName", "type": "string"},
        {"name": "inputHashes", "type": {"type": "array", "items": {"type": "record", "name": "KeyedDigest", "fields": [
          {"name": "digest", "type": "string"}]}}}
      ]}
      """;
  private static final int WORKFLOW = 1;
  private static final int EXECUTION = 2;
  private static final int PHASE = 3;
  private static final int EFFECT = 4;
  private static final int INPUTS = 5;

  private final int toolCallId;
  private final GenericDatumReader<GenericRecord> reader;
  private GenericRecord reused;
  private BinaryDecoder decoder;

  EventReader(int toolCallId, Schema writer) {
    this.toolCallId = toolCallId;
    this.reader = new GenericDatumReader<>(writer, new Schema.Parser().parse(NEEDED));
  }

  /** Null where the record is another than the start of a call with an input hash. */
  ToolCall started(byte[] value) {
    if (value == null || value.length < HEADER_BYTES || value[0] != 0) return null;
    if (ByteBuffer.wrap(value, 1, 4).getInt() != toolCallId) return null;
    decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
    try {
      reused = reader.read(reused, decoder);
    } catch (IOException error) {
      throw new IllegalStateException("a record of the events topic cannot be decoded", error);
    }
    if (!reused.get(PHASE).toString().equals("started")) return null;
    List<?> inputs = (List<?>) reused.get(INPUTS);
    if (inputs.isEmpty()) return null;
    return new ToolCall(
        reused.get(0).toString(),
        reused.get(WORKFLOW).toString(),
        reused.get(EXECUTION).toString(),
        reused.get(EFFECT).toString(),
        ((GenericRecord) inputs.get(0)).get(0).toString());
  }
}
