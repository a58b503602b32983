-- One row per record of the events topic, as the log holds it. Columns are called as the fields of the Avro records, which document them;
-- recordTopic, recordPartition, recordOffset and recordTime say where the record stands in the log and when the log appended it.
-- The sorting key is tenant, identity, position: a record that was inserted twice collapses, a redelivery of the same event stays and is counted.
-- Enums are strings: an older table takes a newer symbol. Optional structures that ClickHouse cannot hold as NULL are empty instead.

CREATE TABLE IF NOT EXISTS run_events$LOCAL $ON_CLUSTER
(
    tenantId LowCardinality(String),
    workflowId String CODEC(ZSTD(1)),
    runId String CODEC(ZSTD(1)),
    attempt Int32 CODEC(ZSTD(1)),
    parentRunId Nullable(String) CODEC(ZSTD(1)),
    conversationId Nullable(String) CODEC(ZSTD(1)),
    agentId LowCardinality(Nullable(String)),
    agentVersion LowCardinality(Nullable(String)),
    incarnation Int32 CODEC(ZSTD(1)),
    phase LowCardinality(String),
    status LowCardinality(Nullable(String)),
    occurredAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    emitterId UUID CODEC(ZSTD(1)),
    sequence Int64 CODEC(Delta, ZSTD(1)),
    policyVersion LowCardinality(Nullable(String)),
    traceId Nullable(String) CODEC(ZSTD(1)),
    recordTopic LowCardinality(String),
    recordPartition Int32 CODEC(ZSTD(1)),
    recordOffset Int64 CODEC(Delta, ZSTD(1)),
    recordTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    insertedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX run runId TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = $REPLACING_MERGE_TREE $SHARD_BY(tenantId, workflowId)
PARTITION BY toYYYYMM(recordTime)
ORDER BY (tenantId, workflowId, runId, incarnation, phase, recordTopic, recordPartition, recordOffset)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS tool_call_events$LOCAL $ON_CLUSTER
(
    tenantId LowCardinality(String),
    workflowId String CODEC(ZSTD(1)),
    runId String CODEC(ZSTD(1)),
    attempt Int32 CODEC(ZSTD(1)),
    parentRunId Nullable(String) CODEC(ZSTD(1)),
    conversationId Nullable(String) CODEC(ZSTD(1)),
    agentId LowCardinality(Nullable(String)),
    agentVersion LowCardinality(Nullable(String)),
    stepIndex Int32 CODEC(ZSTD(1)),
    toolCallId Nullable(String) CODEC(ZSTD(1)),
    executionId UUID CODEC(ZSTD(1)),
    parentExecutionId Nullable(UUID) CODEC(ZSTD(1)),
    phase LowCardinality(String),
    tool LowCardinality(String),
    effectName LowCardinality(String),
    effectClass LowCardinality(String),
    effectClassSource LowCardinality(String),
    inputHashes Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    unhashable LowCardinality(Nullable(String)),
    effectKey Tuple(digests Array(Tuple(hashKeyId LowCardinality(String), digest String)), scope LowCardinality(String), source LowCardinality(String)) CODEC(ZSTD(1)),
    occurrences Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    approvals Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    downstreamKeys Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    executionCount Int32 CODEC(ZSTD(1)),
    precedingCalls Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    leafHashKeyId LowCardinality(Nullable(String)),
    argumentDigests Array(Tuple(path LowCardinality(String), digest String, kind LowCardinality(String))) CODEC(ZSTD(1)),
    argumentDigestsOmitted Int32 CODEC(ZSTD(1)),
    resultHashes Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    groundedOn Array(String) CODEC(ZSTD(1)),
    pollMax Nullable(Int32) CODEC(ZSTD(1)),
    pollMinIntervalMs Nullable(Int64) CODEC(ZSTD(1)),
    deadlineMs Nullable(Int64) CODEC(ZSTD(1)),
    durationMs Nullable(Float64) CODEC(ZSTD(1)),
    ledgerMode LowCardinality(Nullable(String)),
    ledgerAnswer LowCardinality(Nullable(String)),
    disclosed Array(Tuple(path LowCardinality(String), json String)) CODEC(ZSTD(1)),
    occurredAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    emitterId UUID CODEC(ZSTD(1)),
    sequence Int64 CODEC(Delta, ZSTD(1)),
    policyVersion LowCardinality(Nullable(String)),
    traceId Nullable(String) CODEC(ZSTD(1)),
    recordTopic LowCardinality(String),
    recordPartition Int32 CODEC(ZSTD(1)),
    recordOffset Int64 CODEC(Delta, ZSTD(1)),
    recordTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    insertedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX run runId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX execution executionId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX input_hash tupleElement(inputHashes, 'digest') TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = $REPLACING_MERGE_TREE $SHARD_BY(tenantId, workflowId)
PARTITION BY toYYYYMM(recordTime)
ORDER BY (tenantId, workflowId, executionId, phase, recordTopic, recordPartition, recordOffset)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS retrieval_events$LOCAL $ON_CLUSTER
(
    tenantId LowCardinality(String),
    workflowId String CODEC(ZSTD(1)),
    runId String CODEC(ZSTD(1)),
    attempt Int32 CODEC(ZSTD(1)),
    parentRunId Nullable(String) CODEC(ZSTD(1)),
    conversationId Nullable(String) CODEC(ZSTD(1)),
    agentId LowCardinality(Nullable(String)),
    agentVersion LowCardinality(Nullable(String)),
    stepIndex Int32 CODEC(ZSTD(1)),
    retrievalId UUID CODEC(ZSTD(1)),
    executionId Nullable(UUID) CODEC(ZSTD(1)),
    toolCallId Nullable(String) CODEC(ZSTD(1)),
    dataSource LowCardinality(String),
    queryHashes Array(Tuple(hashKeyId LowCardinality(String), digest String)) CODEC(ZSTD(1)),
    documents Array(Tuple(id String, tenantId LowCardinality(Nullable(String)), score Nullable(Float64))) CODEC(ZSTD(1)),
    documentsOmitted Int32 CODEC(ZSTD(1)),
    durationMs Nullable(Float64) CODEC(ZSTD(1)),
    disclosed Array(Tuple(path LowCardinality(String), json String)) CODEC(ZSTD(1)),
    occurredAt DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    emitterId UUID CODEC(ZSTD(1)),
    sequence Int64 CODEC(Delta, ZSTD(1)),
    policyVersion LowCardinality(Nullable(String)),
    traceId Nullable(String) CODEC(ZSTD(1)),
    recordTopic LowCardinality(String),
    recordPartition Int32 CODEC(ZSTD(1)),
    recordOffset Int64 CODEC(Delta, ZSTD(1)),
    recordTime DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    insertedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX run runId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX document tupleElement(documents, 'id') TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = $REPLACING_MERGE_TREE $SHARD_BY(tenantId, workflowId)
PARTITION BY toYYYYMM(recordTime)
ORDER BY (tenantId, workflowId, retrievalId, recordTopic, recordPartition, recordOffset)
SETTINGS non_replicated_deduplication_window = 1000;
