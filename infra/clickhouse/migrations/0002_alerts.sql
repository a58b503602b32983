-- Every revision of every alert. partition, offset and logTime are the alert's own fields (of the event that it is about);
-- recordTopic … recordTime say where the alert itself stands in its topic.

CREATE TABLE IF NOT EXISTS alerts$LOCAL $ON_CLUSTER
(
    alertId String CODEC(ZSTD(1)),
    revision Int64 CODEC(Delta, ZSTD(1)),
    rule LowCardinality(String),
    ruleVersion Int32 CODEC(ZSTD(1)),
    severity LowCardinality(String),
    cause LowCardinality(Nullable(String)),
    summary String CODEC(ZSTD(1)),
    suggestion Nullable(String) CODEC(ZSTD(1)),
    tenantId LowCardinality(String),
    workflowId String CODEC(ZSTD(1)),
    runId String CODEC(ZSTD(1)),
    attempt Int32 CODEC(ZSTD(1)),
    stepIndex Int32 CODEC(ZSTD(1)),
    agentId LowCardinality(Nullable(String)),
    executionId Nullable(UUID) CODEC(ZSTD(1)),
    retrievalId Nullable(UUID) CODEC(ZSTD(1)),
    tool LowCardinality(Nullable(String)),
    effectName LowCardinality(Nullable(String)),
    effectClass LowCardinality(Nullable(String)),
    subject Nullable(String) CODEC(ZSTD(1)),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    logTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    policyVersion LowCardinality(Nullable(String)),
    windowComplete Bool,
    -- judgedAgainst, first and lastEffective are empty (executionId '') where there is none.
    evidence Tuple(
        executionsInRun Int32,
        executionsAcrossRuns Int32,
        runs Int32,
        judgedAgainst Tuple(executionId String, runId String, attempt Int32, stepIndex Int32, offset Int64, logTime DateTime64(3, 'UTC'), outcome LowCardinality(String)),
        first Tuple(executionId String, runId String, attempt Int32, stepIndex Int32, offset Int64, logTime DateTime64(3, 'UTC'), outcome LowCardinality(String)),
        lastEffective Tuple(executionId String, runId String, attempt Int32, stepIndex Int32, offset Int64, logTime DateTime64(3, 'UTC'), outcome LowCardinality(String)),
        latest Array(Tuple(executionId String, runId String, attempt Int32, stepIndex Int32, offset Int64, logTime DateTime64(3, 'UTC'), outcome LowCardinality(String))),
        documents Array(Tuple(id String, tenantId LowCardinality(Nullable(String)), score Nullable(Float64))),
        dataSource LowCardinality(Nullable(String)),
        incomparable Int32
    ) CODEC(ZSTD(1)),
    recordTopic LowCardinality(String),
    recordPartition Int32 CODEC(ZSTD(1)),
    recordOffset Int64 CODEC(Delta, ZSTD(1)),
    recordTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    insertedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = $REPLACING_MERGE_TREE $SHARD_BY(tenantId, workflowId)
PARTITION BY toYYYYMM(recordTime)
ORDER BY (tenantId, workflowId, alertId, revision, recordTopic, recordPartition, recordOffset)
SETTINGS non_replicated_deduplication_window = 1000;
