-- Records that could not be judged. They have no tenant that could be trusted: for operators only, and no tenant's view reads this table.
-- topic, partition, offset and logTime are the bad record's own; recordTopic … recordTime are the dead letter's.

CREATE TABLE IF NOT EXISTS dead_letters$LOCAL $ON_CLUSTER
(
    reason LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    logTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    keyBase64 Nullable(String) CODEC(ZSTD(1)),
    valueBase64 Nullable(String) CODEC(ZSTD(1)),
    valueTruncated Bool,
    valueBytes Int64 CODEC(ZSTD(1)),
    valueSha256 Nullable(String) CODEC(ZSTD(1)),
    headers Array(Tuple(name String, valueBase64 String)) CODEC(ZSTD(1)),
    recordTopic LowCardinality(String),
    recordPartition Int32 CODEC(ZSTD(1)),
    recordOffset Int64 CODEC(Delta, ZSTD(1)),
    recordTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    insertedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    key Nullable(String) ALIAS base64Decode(keyBase64),
    value Nullable(String) ALIAS base64Decode(valueBase64)
)
ENGINE = $REPLACING_MERGE_TREE $SHARD_BY(topic, partition)
PARTITION BY toYYYYMM(recordTime)
ORDER BY (topic, partition, offset, reason, recordTopic, recordPartition, recordOffset)
SETTINGS non_replicated_deduplication_window = 1000;
