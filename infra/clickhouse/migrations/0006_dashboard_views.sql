-- What dashboards ask, as views with parameters: a span of log time in milliseconds since the epoch, its end left out, and the tenants looked
-- at: each by its name in hex (none: no row), since a dashboard puts names into SQL as text, and a name may hold what ends a text.
-- Bounds on recordTime are what ClickHouse finds months and granules by: an event's record has its log time, an alert's comes after the event's.
-- SQL SECURITY INVOKER, whatever the server's default: the reader's own grants and row policies hold.

-- The current revision of every alert in the span.
CREATE VIEW IF NOT EXISTS dashboard_alerts $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    tenantId, alertId, revision, rule, severity, cause, summary, suggestion, workflowId, runId, attempt, stepIndex,
    ifNull(agentId, '') AS agentId, executionId, retrievalId, ifNull(tool, '') AS tool, ifNull(effectName, '') AS effectName,
    ifNull(effectClass, '') AS effectClass, logTime, windowComplete, evidence
FROM alerts
WHERE tenantId IN (SELECT unhex(arrayJoin({tenantsHex:Array(String)})))
    AND recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND logTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND logTime < fromUnixTimestamp64Milli({toMs:Int64})
ORDER BY tenantId, workflowId, alertId, revision DESC, recordTopic, recordPartition, recordOffset
LIMIT 1 BY tenantId, workflowId, alertId;

-- Every execution that began in the span, at its first seen phase.
CREATE VIEW IF NOT EXISTS dashboard_executions $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    tenantId, workflowId, executionId, runId, ifNull(agentId, '') AS agentId, tool, effectName, effectClass, phase, recordTime AS logTime
FROM tool_call_events
WHERE tenantId IN (SELECT unhex(arrayJoin({tenantsHex:Array(String)}))) AND phase != 'replayed'
    AND recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
ORDER BY tenantId, workflowId, executionId, recordOffset
LIMIT 1 BY tenantId, workflowId, executionId;

-- Every document of another tenant that a retrieval returned: one row a document and alert.
CREATE VIEW IF NOT EXISTS dashboard_foreign_documents $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    tenantId, workflowId, alertId, severity, agentId, logTime,
    ifNull(tupleElement(evidence, 'dataSource'), '') AS dataSource,
    tupleElement(document, 'id') AS documentId,
    ifNull(tupleElement(document, 'tenantId'), '') AS owner
FROM dashboard_alerts(tenantsHex = {tenantsHex:Array(String)}, fromMs = {fromMs:Int64}, toMs = {toMs:Int64})
ARRAY JOIN tupleElement(evidence, 'documents') AS document
WHERE rule = 'foreign_document';

-- Tenants that have events or alerts, and their tools and agents: what a reader chooses from.
CREATE VIEW IF NOT EXISTS dashboard_tenants $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT DISTINCT tenantId FROM
(
    SELECT tenantId FROM run_events
    UNION ALL SELECT tenantId FROM tool_call_events
    UNION ALL SELECT tenantId FROM retrieval_events
    UNION ALL SELECT tenantId FROM alerts
)
ORDER BY tenantId;

-- For operators, and of every tenant. Records that could not be judged, each once.
CREATE VIEW IF NOT EXISTS dashboard_dead_letters $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT reason, topic, partition, offset, logTime, recordTime, valueBytes
FROM dead_letters
WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
ORDER BY topic, partition, offset, reason, recordTopic, recordPartition, recordOffset
LIMIT 1 BY topic, partition, offset, reason;

-- For operators. What the processes' counters added between two samples; one that falls has started anew.
CREATE VIEW IF NOT EXISTS dashboard_counted $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT time, kind, process, metric, partition, if(value >= before, value - before, value) AS added
FROM
(
    SELECT
        time, kind, process, metric, partition, value,
        lagInFrame(value, 1, value) OVER (PARTITION BY kind, process, metric, partition ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
    FROM operational_samples
    WHERE metric IN {metrics:Array(String)}
        AND time >= fromUnixTimestamp64Milli({fromMs:Int64}) AND time < fromUnixTimestamp64Milli({toMs:Int64})
);

-- For operators. How long the records of the event tables took from the log to here, redeliveries included.
CREATE VIEW IF NOT EXISTS dashboard_arrivals $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT kind, recordPartition AS partition, recordTime, dateDiff('millisecond', recordTime, insertedAt) AS waitedMs
FROM
(
    SELECT 'run' AS kind, recordPartition, recordTime, insertedAt FROM run_events
    WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
    UNION ALL
    SELECT 'tool call' AS kind, recordPartition, recordTime, insertedAt FROM tool_call_events
    WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
    UNION ALL
    SELECT 'retrieval' AS kind, recordPartition, recordTime, insertedAt FROM retrieval_events
    WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
);

-- For operators. Numbers missing between an emitter's events of the span: what was dropped, or is late.
CREATE VIEW IF NOT EXISTS dashboard_sequence_gaps $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT tenantId, emitterId, before + 1 AS first, sequence - 1 AS last, sequence - before - 1 AS missing, recordTime AS logTime
FROM
(
    SELECT
        tenantId, emitterId, sequence, recordTime,
        lagInFrame(sequence, 1, sequence) OVER (PARTITION BY emitterId ORDER BY sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
    FROM
    (
        SELECT tenantId, emitterId, sequence, recordTime FROM run_events
        WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
        UNION ALL
        SELECT tenantId, emitterId, sequence, recordTime FROM tool_call_events
        WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
        UNION ALL
        SELECT tenantId, emitterId, sequence, recordTime FROM retrieval_events
        WHERE recordTime >= fromUnixTimestamp64Milli({fromMs:Int64}) AND recordTime < fromUnixTimestamp64Milli({toMs:Int64})
    )
)
WHERE sequence - before > 1;
