package dev.idemtrace.bench;

import java.time.Duration;
import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/** Executions by key: in a window store, which forgets by itself, or in a key-value store, where keys stay until something deletes them. */
interface ExecutionStore {
  String NAME = "executions";

  byte[] get(Bytes key, long from, long to);

  void put(Bytes key, byte[] before, byte[] after, long time);

  static StoreBuilder<?> builder(String kind, long windowMs, boolean caching) {
    Duration window = Duration.ofMillis(windowMs);
    StoreBuilder<?> builder =
        kind.equals("window")
            ? Stores.windowStoreBuilder(Stores.persistentWindowStore(NAME, window, window, false), Serdes.Bytes(), Serdes.ByteArray())
            : Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(NAME), Serdes.Bytes(), Serdes.ByteArray());
    builder.withLoggingEnabled(Map.of());
    return caching ? builder.withCachingEnabled() : builder.withCachingDisabled();
  }

  @SuppressWarnings("unchecked")
  static ExecutionStore of(StateStore store) {
    if (store instanceof WindowStore) return new Windowed((WindowStore<Bytes, byte[]>) store);
    return new Keyed((KeyValueStore<Bytes, byte[]>) store);
  }

  /** One entry a key, at the time of its latest execution, so that the store keeps it as long as that one counts. */
  record Windowed(WindowStore<Bytes, byte[]> store) implements ExecutionStore {
    @Override
    public byte[] get(Bytes key, long from, long to) {
      try (WindowStoreIterator<byte[]> found = store.fetch(key, Math.max(0, from), to)) {
        byte[] latest = null;
        while (found.hasNext()) latest = found.next().value;
        return latest;
      }
    }

    @Override
    public void put(Bytes key, byte[] before, byte[] after, long time) {
      if (before != null && Executions.latestTime(before) != time) store.put(key, null, Executions.latestTime(before));
      store.put(key, after, time);
    }
  }

  record Keyed(KeyValueStore<Bytes, byte[]> store) implements ExecutionStore {
    @Override
    public byte[] get(Bytes key, long from, long to) {
      return store.get(key);
    }

    @Override
    public void put(Bytes key, byte[] before, byte[] after, long time) {
      store.put(key, after);
    }
  }
}
