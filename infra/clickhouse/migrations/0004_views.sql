-- What people and programs read. An event is taken at the first position of its identity, the others are counted as its redeliveries; the same
-- record inserted twice is one position. LIMIT BY and the window follow the sorting key, so a filter on tenant and workflow reads a few granules.

CREATE VIEW IF NOT EXISTS run_events_once $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    *,
    uniqExact((recordTopic, recordPartition, recordOffset)) OVER (PARTITION BY tenantId, workflowId, runId, incarnation, phase) - 1 AS redeliveries
FROM run_events
ORDER BY tenantId, workflowId, runId, incarnation, phase, recordTopic, recordPartition, recordOffset
LIMIT 1 BY tenantId, workflowId, runId, incarnation, phase;

CREATE VIEW IF NOT EXISTS tool_call_events_once $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    *,
    uniqExact((recordTopic, recordPartition, recordOffset)) OVER (PARTITION BY tenantId, workflowId, executionId, phase) - 1 AS redeliveries
FROM tool_call_events
ORDER BY tenantId, workflowId, executionId, phase, recordTopic, recordPartition, recordOffset
LIMIT 1 BY tenantId, workflowId, executionId, phase;

CREATE VIEW IF NOT EXISTS retrieval_events_once $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    *,
    uniqExact((recordTopic, recordPartition, recordOffset)) OVER (PARTITION BY tenantId, workflowId, retrievalId) - 1 AS redeliveries
FROM retrieval_events
ORDER BY tenantId, workflowId, retrievalId, recordTopic, recordPartition, recordOffset
LIMIT 1 BY tenantId, workflowId, retrievalId;

-- Every event of a tenant in one list, with what the three kinds have in common.
CREATE VIEW IF NOT EXISTS events $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT 'RunEvent' AS kind, tenantId, workflowId, runId, attempt, agentId, CAST(NULL, 'Nullable(Int32)') AS stepIndex,
    CAST(NULL, 'Nullable(UUID)') AS executionId, CAST(NULL, 'Nullable(UUID)') AS retrievalId, phase, '' AS name,
    occurredAt, emitterId, sequence, recordTopic, recordPartition, recordOffset, recordTime, redeliveries
FROM run_events_once
UNION ALL
SELECT 'ToolCallEvent' AS kind, tenantId, workflowId, runId, attempt, agentId, CAST(stepIndex, 'Nullable(Int32)') AS stepIndex,
    CAST(executionId, 'Nullable(UUID)') AS executionId, CAST(NULL, 'Nullable(UUID)') AS retrievalId, phase, toString(tool) AS name,
    occurredAt, emitterId, sequence, recordTopic, recordPartition, recordOffset, recordTime, redeliveries
FROM tool_call_events_once
UNION ALL
SELECT 'RetrievalEvent' AS kind, tenantId, workflowId, runId, attempt, agentId, CAST(stepIndex, 'Nullable(Int32)') AS stepIndex,
    executionId, CAST(retrievalId, 'Nullable(UUID)') AS retrievalId, '' AS phase, toString(dataSource) AS name,
    occurredAt, emitterId, sequence, recordTopic, recordPartition, recordOffset, recordTime, redeliveries
FROM retrieval_events_once;

-- One row per execution. What it was comes from its first seen phase, how it went from the latest outcome; outcome is started where none has
-- come, replayed where the ledger answered and nothing was executed. A workflow lives in one partition, so offsets alone tell what came first.
CREATE VIEW IF NOT EXISTS executions $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    tenantId,
    workflowId,
    executionId,
    argMin(e.runId, e.recordOffset) AS runId,
    argMin(e.attempt, e.recordOffset) AS attempt,
    tupleElement(argMin(tuple(e.agentId), e.recordOffset), 1) AS agentId,
    argMin(e.stepIndex, e.recordOffset) AS stepIndex,
    tupleElement(argMin(tuple(e.toolCallId), e.recordOffset), 1) AS toolCallId,
    tupleElement(argMin(tuple(e.parentExecutionId), e.recordOffset), 1) AS parentExecutionId,
    argMin(e.tool, e.recordOffset) AS tool,
    argMin(e.effectName, e.recordOffset) AS effectName,
    argMin(e.effectClass, e.recordOffset) AS effectClass,
    argMin(e.inputHashes, e.recordOffset) AS inputHashes,
    argMin(e.effectKey, e.recordOffset) AS effectKey,
    argMin(e.groundedOn, e.recordOffset) AS groundedOn,
    argMax(e.phase, if(e.phase = 'started', -1, e.recordOffset)) AS outcome,
    tupleElement(argMax(tuple(e.durationMs), if(e.phase = 'started', -1, e.recordOffset)), 1) AS durationMs,
    argMin(e.occurredAt, e.recordOffset) AS occurredAt,
    argMin(e.recordTopic, e.recordOffset) AS recordTopic,
    argMin(e.recordPartition, e.recordOffset) AS recordPartition,
    min(e.recordOffset) AS recordOffset,
    argMin(e.recordTime, e.recordOffset) AS recordTime,
    maxIf(toNullable(e.recordTime), e.phase != 'started') AS outcomeTime,
    sum(e.redeliveries) AS redeliveries
FROM tool_call_events_once AS e
GROUP BY tenantId, workflowId, executionId;

-- The current revision of every alert, with how many there were.
CREATE VIEW IF NOT EXISTS current_alerts $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    *,
    uniqExact(revision) OVER (PARTITION BY tenantId, workflowId, alertId) AS revisions,
    uniqExact((recordTopic, recordPartition, recordOffset)) OVER (PARTITION BY tenantId, workflowId, alertId) - revisions AS redeliveries
FROM alerts
ORDER BY tenantId, workflowId, alertId, revision DESC, recordTopic, recordPartition, recordOffset
LIMIT 1 BY tenantId, workflowId, alertId;

-- Operators only, as the table is.
CREATE VIEW IF NOT EXISTS dead_letters_once $ON_CLUSTER SQL SECURITY INVOKER AS
SELECT
    *,
    key,
    value,
    uniqExact((recordTopic, recordPartition, recordOffset)) OVER (PARTITION BY topic, partition, offset, reason) - 1 AS redeliveries
FROM dead_letters
ORDER BY topic, partition, offset, reason, recordTopic, recordPartition, recordOffset
LIMIT 1 BY topic, partition, offset, reason;
