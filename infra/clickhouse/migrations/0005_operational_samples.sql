-- What the processes say of themselves, every few seconds: how far behind, how fast, how much waits. Written beside OpenTelemetry, so that a
-- dashboard needs nothing but ClickHouse. They name no tenant; for operators only. Metrics are listed in services/lineage/src/samples/metrics.ts.
-- time is the clock of the process. partition is -1 where a value is of the process as a whole.

CREATE TABLE IF NOT EXISTS operational_samples$LOCAL $ON_CLUSTER
(
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    process LowCardinality(String),
    metric LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    value Float64 CODEC(Gorilla, ZSTD(1))
)
ENGINE = $MERGE_TREE $SHARD_BY(process)
PARTITION BY toMonday(time)
ORDER BY (kind, metric, process, partition, time)
TTL toDateTime(time) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;
