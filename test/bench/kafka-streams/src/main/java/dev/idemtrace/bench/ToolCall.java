package dev.idemtrace.bench;

/** What is needed of the event that a tool call was started. */
record ToolCall(String tenantId, String workflowId, String executionId, String effectName, String inputHash) {}
