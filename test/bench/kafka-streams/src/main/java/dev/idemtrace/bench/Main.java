package dev.idemtrace.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * The peer that the detector is measured beside. Settings are system properties (see the bench): brokers, group, events, alerts, store
 * (window or keyvalue), caching, threads, windowMs, alertBytes, state (a folder), schemaId and schema (a file with the writer schema's text).
 * Prints one line of JSON at the first record.
 */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws Exception {
    Schema writer = new Schema.Parser().parse(Files.readString(Path.of(System.getProperty("schema"))));
    int schemaId = Integer.getInteger("schemaId");
    long windowMs = Long.getLong("windowMs");
    int alertBytes = Integer.getInteger("alertBytes");
    AtomicBoolean hasBegun = new AtomicBoolean();
    Runnable onRecord =
        () -> {
          if (!hasBegun.get() && hasBegun.compareAndSet(false, true)) {
            System.out.println("{\"at\":\"first\",\"time\":" + System.currentTimeMillis() + "}");
          }
        };
    Supplier<EventReader> readers = () -> new EventReader(schemaId, writer);

    Topology topology = new Topology();
    topology.addSource("events", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), System.getProperty("events"));
    topology.addProcessor("second", () -> new SecondExecutions(readers, windowMs, alertBytes, onRecord), "events");
    topology.addStateStore(
        ExecutionStore.builder(System.getProperty("store"), windowMs, Boolean.getBoolean("caching")), "second");
    topology.addSink("alerts", System.getProperty("alerts"), Serdes.ByteArray().serializer(), Serdes.ByteArray().serializer(), "second");

    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getProperty("brokers"));
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getProperty("group"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("state"));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, System.getProperty("threads"));
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "100");
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    if (!Boolean.getBoolean("caching")) settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, "0");

    CountDownLatch ended = new CountDownLatch(1);
    KafkaStreams streams = new KafkaStreams(topology, settings);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
        });
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  streams.close();
                  ended.countDown();
                }));
    streams.start();
    ended.await();
  }
}
